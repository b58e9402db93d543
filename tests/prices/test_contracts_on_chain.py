"""Feeds, vaults, liquidity shares and staked coins on a local node, priced at past blocks."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import orjson
import pytest

from indexer.chains.open import open_reader
from indexer.demo.anvil import AnvilOptions
from indexer.demo.artifacts import call_data, creation_code
from indexer.demo.node import Node
from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec, UniswapV2
from indexer.model.ports import PriceSource
from indexer.model.prices import PriceMissing, PriceNeed, PricePolicy, PriceQuote, PriceStatus
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.context import SourceContext
from indexer.prices.fake import FakeSource
from indexer.prices.service import Prices
from indexer.prices.settings import PriceSettings
from indexer.prices.sources import discover
from indexer.prices.throttle import RealWaiter
from tests.fixtures.anvil import StartAnvil
from tests.prices.local_chain import START, LocalChain, spec_of, with_arguments
from tests.prices.world import TurnedClock

MAINNET = "eip155:1"
WSTETH = "0x7f39c581f595b53c5cb19bd0b3f8da6c935e2ca0"
STETH = "eip155:1/erc20:0xae7ab96520de3a18e5e111b5eaab095312d7fe84"
ETH_FEED = "0x5f4ec3df9cbd43714fe2740f5e3616155c5b8419"
ETH = Asset("eip155:1/slip44:60", "ETH", 18, group="ETH", price_id="coingecko:ethereum")
ETHER = 10**18


def built(name: str) -> dict[str, Any]:
    path = Path(__file__).parent / "contracts" / "artifacts" / f"{name}.json"
    return dict(orjson.loads(path.read_bytes()))


@asynccontextmanager
async def mainnet(anvil: StartAnvil) -> AsyncIterator[tuple[LocalChain, ChainSpec]]:
    options = AnvilOptions(
        chain_id=1, genesis_time=int(START.timestamp()), automine=False, balance_ether=10**6
    )
    url = await anvil(options)
    async with aiohttp.ClientSession() as session:
        chain = await LocalChain.open(Node(url, session))
        yield chain, replace(spec_of(url), id=MAINNET, price_platform="ethereum")


@asynccontextmanager
async def service(
    spec: ChainSpec, name: str, now: datetime, settings: PriceSettings, *others: PriceSource
) -> AsyncIterator[Prices]:
    clock = TurnedClock(now)
    reader = open_reader(spec, clock)
    async with httpx.AsyncClient() as http:
        context = SourceContext(
            settings, PricePolicy(), http, clock, RealWaiter(), {spec.id: spec}, {spec.id: reader}
        )
        source = discover()[name].build(context)
        assert source is not None
        yield Prices([*others, source], MemoryQuoteCache(), clock)
    await reader.close()


async def ask(
    prices: Prices, asset: Asset, instant: datetime, known: Mapping[str, Asset] | None = None
) -> PriceQuote:
    need = PriceNeed(asset.id, instant)
    answer = (await prices.resolve([need], {asset.id: asset, **(known or {})}))[need]
    assert isinstance(answer, PriceQuote), answer
    return answer


@pytest.mark.parametrize("name", ["TestFeed", "TestStaked", "TestVault"])
def test_the_builds_are_of_the_sources_beside_them(name: str) -> None:
    source = Path(__file__).parent / "contracts" / f"{name}.sol"
    assert built(name)["sourceSha256"] == hashlib.sha256(source.read_bytes()).hexdigest()


async def test_a_feed_is_read_at_the_block_of_the_instant(anvil: StartAnvil) -> None:
    async with mainnet(anvil) as (chain, spec):
        made = await chain.deploy(with_arguments(built("TestFeed"), []))
        await chain.node.ask("anvil_setCode", ETH_FEED, await chain.node.ask("eth_getCode", made, "latest"))
        told = {}
        for answer in (3000_12345678, 3100_00000000, 2950_50000000):
            receipt = await chain.send(ETH_FEED, call_data("report(int256)", answer))
            told[await chain.time_of(int(receipt["blockNumber"], 16))] = Decimal(answer).scaleb(-8)
        for _ in range(12):
            await chain.mine()
        last = await chain.time_of(await chain.height())
        async with service(spec, "chainlink", last + timedelta(days=2), PriceSettings()) as prices:
            for instant, price in told.items():
                for later in (
                    timedelta(0),
                    timedelta(minutes=59),
                ):  # within the heartbeat the answer is in force
                    quote = await ask(prices, ETH, instant + later)
                    assert (quote.price, quote.distance, quote.source) == (price, timedelta(0), "chainlink")
            # a feed that has been silent for four hours is as old as it is, and after eight it is stale
            newest = max(told)
            quote = await ask(prices, ETH, newest + timedelta(hours=4))
            assert (quote.instant, quote.distance) == (newest, timedelta(hours=4))
            stale = PriceNeed(ETH.id, newest + timedelta(hours=8))
            ahead = PriceNeed(ETH.id, last + timedelta(hours=1))
            answers = await prices.resolve([stale, ahead], {ETH.id: ETH})
            for need, status in ((stale, PriceStatus.STALE), (ahead, PriceStatus.UNAVAILABLE)):
                missing = answers[need]
                assert isinstance(missing, PriceMissing)
                assert missing.status is status
                # ahead of the node nothing is known yet: ask again
                assert ("not yet" in missing.detail) == (need is ahead)


async def test_a_feed_of_the_users_own(anvil: StartAnvil) -> None:
    async with mainnet(anvil) as (chain, spec):
        feed = await chain.deploy(with_arguments(built("TestFeed"), []))
        await chain.send(feed, call_data("report(int256)", 7_25000000))
        now = await chain.time_of(await chain.height())
        token = Asset(f"{MAINNET}/erc20:0x{'ab' * 20}", "OWN", 18)
        settings = PriceSettings(chainlink_feeds={token.id: feed})
        async with service(spec, "chainlink", now, settings) as prices:
            assert (await ask(prices, token, now)).price == Decimal("7.25")


async def test_a_vault_share_is_worth_its_assets_at_the_block(anvil: StartAnvil) -> None:
    async with mainnet(anvil) as (chain, spec):
        usd = await chain.token("USDC", 6)
        vault = await chain.deploy(with_arguments(built("TestVault"), ["address"], usd))
        outer = await chain.deploy(with_arguments(built("TestVault"), ["address"], vault))
        await chain.send(usd, call_data("approve(address,uint256)", vault, 2**255))
        await chain.send(vault, call_data("approve(address,uint256)", outer, 2**255))
        await chain.send(vault, call_data("deposit(uint256,address)", 1_000 * 10**6, chain.sender))
        await chain.send(outer, call_data("deposit(uint256,address)", 500 * 10**6, chain.sender))
        for gain in (0, 50, 125):
            await chain.send(usd, call_data("transfer(address,uint256)", vault, gain * 10**6))
        last = await chain.height()
        share = Asset(f"{MAINNET}/erc20:{vault}", "TV", 6)
        nested = Asset(f"{MAINNET}/erc20:{outer}", "TTV", 6)
        dollar = FakeSource("dollar")
        dollar.set(f"{MAINNET}/erc20:{usd}", "0.9995")
        seen = set()
        now = await chain.time_of(last) + timedelta(days=1)
        async with service(spec, "underlying", now, PriceSettings(), dollar) as prices:
            for block in range(last - 2, last + 1):
                instant = await chain.time_of(block)
                (worth,) = await chain.view(
                    vault, "convertToAssets(uint256)", 10**6, returns=["uint256"], block=block
                )
                quote = await ask(prices, share, instant)
                assert quote.price == Decimal(worth).scaleb(-6) * Decimal("0.9995")
                assert (quote.via, quote.source) == (f"{MAINNET}/erc20:{usd}", "underlying")
                (shares,) = await chain.view(
                    outer, "convertToAssets(uint256)", 10**6, returns=["uint256"], block=block
                )
                assert (await ask(prices, nested, instant)).price == Decimal(shares).scaleb(-6) * quote.price
                seen.add(quote.price)
        assert len(seen) == 3


async def test_a_liquidity_share_is_its_part_of_both_reserves(anvil: StartAnvil) -> None:
    async with mainnet(anvil) as (chain, spec):
        usd, fern = await chain.token("USDC", 6), await chain.token("FERN", 18)
        factory = await chain.deploy(creation_code("UniswapV2Factory", chain.sender))
        await chain.send(factory, call_data("createPair(address,address)", usd, fern))
        (pair,) = await chain.view(
            factory, "getPair(address,address)", usd, fern, returns=["address"], block=await chain.height()
        )
        await chain.send(usd, call_data("transfer(address,uint256)", pair, 90_000 * 10**6))
        await chain.send(fern, call_data("transfer(address,uint256)", pair, 30_000 * ETHER))
        await chain.send(pair, call_data("mint(address)", chain.sender))
        last = await chain.height()
        (supply,) = await chain.view(pair, "totalSupply()", returns=["uint256"], block=last)
        with_dex = replace(spec, dex=UniswapV2(factory, usd, 6))
        dollar = FakeSource("dollar")
        dollar.set(f"{MAINNET}/erc20:{usd}", "0.998")
        instant = await chain.time_of(last)
        share = Asset(f"{MAINNET}/erc20:{pair}", "UNI-V2", 18)
        plain_token = Asset(f"{MAINNET}/erc20:{fern}", "FERN", 18)
        async with service(
            with_dex, "underlying", instant + timedelta(days=1), PriceSettings(), dollar
        ) as prices:
            quote = await ask(prices, share, instant)
            whole = quote.price * Decimal(supply).scaleb(-18)
            assert abs(whole - 180_000 * Decimal("0.998")) < Decimal("1e-20")
            need = PriceNeed(plain_token.id, instant)
            missing = (await prices.resolve([need], {plain_token.id: plain_token}))[need]
            assert isinstance(missing, PriceMissing)
            assert missing.status is PriceStatus.UNKNOWN


async def test_a_staked_coin_is_its_rate_times_the_coin(anvil: StartAnvil) -> None:
    async with mainnet(anvil) as (chain, spec):
        made = await chain.deploy(with_arguments(built("TestStaked"), []))
        await chain.node.ask("anvil_setCode", WSTETH, await chain.node.ask("eth_getCode", made, "latest"))
        staked = Asset(f"{MAINNET}/erc20:{WSTETH}", "wstETH", 18)
        coin = FakeSource("coin")
        coin.set(STETH, 3000)
        rates = {}
        for rate in (1_150_000_000_000_000_000, 1_163_000_000_000_000_001):
            receipt = await chain.send(WSTETH, call_data("accrue(uint256)", rate))
            rates[await chain.time_of(int(receipt["blockNumber"], 16))] = Decimal(rate).scaleb(-18)
        now = max(rates) + timedelta(days=1)
        async with service(spec, "underlying", now, PriceSettings(), coin) as prices:
            for instant, worth in rates.items():
                quote = await ask(prices, staked, instant)
                assert quote.price == 3000 * worth
                assert quote.via == STETH
