"""Laws that every price source keeps, run over all that are discovered, against their documented answers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import httpx
import pytest

from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset, UniswapV2
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import BlockRef
from indexer.model.ports import PriceSource
from indexer.model.prices import PriceMissing, PriceNeed, PriceQuote, PriceResult, PriceStatus
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.settings import PriceSettings
from indexer.prices.sources import discover
from tests.prices.upstreams import (
    FERN,
    KEY,
    Fault,
    Upstreams,
    bad_gateway,
    empty,
    forbidden,
    hang,
    too_many,
    truncated,
    truth,
    upstreams,
    wrong_shape,
)
from tests.prices.world import NOW, TurnedClock, TurnedWaiter

FACTORIES = discover()
ON_CHAIN = {"uniswap_v2", "uniswap_v3", "chainlink", "underlying"}
HTTP = sorted(set(FACTORIES) - ON_CHAIN)

MAINNET = ChainSpec(
    id="eip155:1",
    name="Ethereum",
    family=Family.EVM,
    endpoints=("http://127.0.0.1:9",),
    native=NativeAsset("ETH", 18, 60),
    finality=Finality(FinalityRule.TAG, 64),
    wrapped_native="0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
    price_platform="ethereum",
    dex=UniswapV2(
        "0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", 6
    ),
)
SOLANA = replace(
    MAINNET,
    id="solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
    name="Solana",
    family=Family.SOLANA,
    native=NativeAsset("SOL", 9, 501),
    wrapped_native=None,
    price_platform="solana",
    dex=None,
)
SPECS = {spec.id: spec for spec in (MAINNET, SOLANA)}

ETH = Asset("eip155:1/slip44:60", "ETH", 18, group="ETH", price_id="coingecko:ethereum")
SOL = Asset(SOLANA.native_id, "SOL", 9, group="SOL", price_id="coingecko:solana")
TOKEN = Asset(f"eip155:1/erc20:{FERN}", "FERN", 18)
NOBODY = Asset("eip155:1/erc20:0x00000000000000000000000000000000000000ff", "NONE", 18)
ASSETS = {asset.id: asset for asset in (ETH, SOL, TOKEN, NOBODY)}

PAST = tuple(NOW - timedelta(days=days, minutes=17 * days, seconds=23) for days in (1, 2, 20, 21, 300))
REACH = {"kraken": timedelta(hours=12), "coingecko": timedelta(hours=12, minutes=1)}
"""How far a source's historical quotes may be away, by its documentation; half an hour for the others."""


@dataclass(frozen=True)
class Bench:
    """A source that is ready to be asked, its server and its time."""

    source: PriceSource
    server: Upstreams
    waiter: TurnedWaiter

    async def ask(self, *needs: PriceNeed) -> Mapping[PriceNeed, PriceResult]:
        return await self.source.quotes(needs, ASSETS)


@asynccontextmanager
async def bench(factory: SourceFactory) -> AsyncIterator[Bench]:
    waiter = TurnedWaiter()
    async with upstreams() as server, httpx.AsyncClient() as http:
        settings = PriceSettings(
            base_urls=server.base_urls(), keys={"jupiter": KEY, "coingecko": KEY}, timeout_seconds=0.1
        )
        context = SourceContext(settings, settings.policy, http, TurnedClock(), waiter, SPECS, {})
        source = factory.build(context)
        assert source is not None
        yield Bench(source, server, waiter)


def symbol_of(asset: str) -> str:
    return "FERN" if asset == TOKEN.id else ASSETS[asset].symbol


def reference(name: str) -> Asset:
    return SOL if FACTORIES[name].live_only else ETH


@pytest.mark.parametrize("name", HTTP)
async def test_a_live_quote_is_the_markets_price_at_its_own_time(name: str) -> None:
    async with bench(FACTORIES[name]) as at:
        need = PriceNeed(reference(name).id, NOW)
        quote = (await at.ask(need))[need]
        assert isinstance(quote, PriceQuote)
        assert quote.price == truth(symbol_of(need.asset), quote.instant.timestamp())
        assert abs(quote.instant - NOW) <= timedelta(minutes=5)
        assert quote.source == name == at.source.name


@pytest.mark.parametrize("name", [name for name in HTTP if not FACTORIES[name].live_only])
async def test_a_past_quote_is_the_markets_price_at_its_own_time(name: str) -> None:
    async with bench(FACTORIES[name]) as at:
        needs = [PriceNeed(ETH.id, instant) for instant in PAST]
        answers = await at.ask(*needs)
        for need in needs:
            quote = answers[need]
            assert isinstance(quote, PriceQuote)
            assert quote.price == truth("ETH", quote.instant.timestamp()), need
            assert abs(quote.instant - need.instant) <= REACH.get(name, timedelta(minutes=30))


@pytest.mark.parametrize("name", HTTP)
async def test_what_it_does_not_know_is_left_out_and_nothing_else_is_answered(name: str) -> None:
    async with bench(FACTORIES[name]) as at:
        needs = [PriceNeed(NOBODY.id, NOW), PriceNeed(NOBODY.id, PAST[0]), PriceNeed(reference(name).id, NOW)]
        answers = await at.ask(*needs)
        assert set(answers) <= set(needs)
        for need in needs[:2]:
            said = answers.get(need)
            assert said is None or (isinstance(said, PriceMissing) and said.status is PriceStatus.UNKNOWN)
        assert isinstance(answers[needs[2]], PriceQuote)
        assert await at.ask() == {}


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (too_many, PriceStatus.RATE_LIMITED),
        (bad_gateway, PriceStatus.UNAVAILABLE),
        (hang, PriceStatus.UNAVAILABLE),
        (forbidden, PriceStatus.UNAVAILABLE),
        (truncated, PriceStatus.UNAVAILABLE),
        (wrong_shape, PriceStatus.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("name", HTTP)
async def test_a_fault_has_its_name_and_holds_no_secret(name: str, fault: Fault, status: PriceStatus) -> None:
    async with bench(FACTORIES[name]) as at:
        at.server.fault = fault
        need = PriceNeed(reference(name).id, NOW)
        said = (await at.ask(need))[need]
        assert isinstance(said, PriceMissing)
        assert said.status is status
        assert said.detail
        assert KEY not in said.detail + repr(at.source) + str(vars(at.source))
        assert "127.0.0.1" not in said.detail


@pytest.mark.parametrize("name", HTTP)
async def test_it_comes_back_when_the_fault_is_over(name: str) -> None:
    async with bench(FACTORIES[name]) as at:
        need = PriceNeed(reference(name).id, NOW)
        at.server.fault = bad_gateway
        await at.ask(need)
        at.server.fault = None
        at.waiter.at += 120
        assert isinstance((await at.ask(need))[need], PriceQuote)


@pytest.mark.parametrize("name", HTTP)
async def test_retry_after_is_honoured(name: str) -> None:
    async with bench(FACTORIES[name]) as at:
        need = PriceNeed(reference(name).id, NOW)
        at.server.fault = too_many
        await at.ask(need)
        at.server.fault = None
        asked = len(at.server.seen)
        at.waiter.at += 30
        said = (await at.ask(need))[need]
        assert isinstance(said, PriceMissing)
        assert said.status is PriceStatus.RATE_LIMITED
        assert len(at.server.seen) == asked
        at.waiter.at += 30
        assert isinstance((await at.ask(need))[need], PriceQuote)


@pytest.mark.parametrize("name", HTTP)
async def test_an_empty_answer_is_no_quote(name: str) -> None:
    async with bench(FACTORIES[name]) as at:
        at.server.fault = empty
        need = PriceNeed(reference(name).id, NOW)
        assert not isinstance((await at.ask(need)).get(need), PriceQuote)


class SilentReader:
    """A chain reader whose node answers as it is told, and counts what it is asked."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.spec = MAINNET
        self._answer = answer
        self.calls = 0
        self.blocks_sought = 0

    async def head(self) -> BlockRef:
        return BlockRef(100, "0x" + "0" * 64, NOW)

    async def block_at(self, _instant: datetime) -> int | None:
        self.blocks_sought += 1
        return 50

    async def call(self, _to: str, _data: bytes, _block: int | None = None) -> bytes:
        self.calls += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


NODE_ANSWERS: Sequence[tuple[bytes | Exception, set[PriceStatus | None]]] = [
    (b"", {None}),
    (bytes(32 * 8), {None}),
    (b"\x01" * 31, {PriceStatus.UNAVAILABLE}),
    (RetryableError("cut off"), {PriceStatus.UNAVAILABLE}),
    (RefusedError("missing trie node"), {PriceStatus.UNKNOWN, None}),
    (LyingSourceError("two nodes differ"), {PriceStatus.UNAVAILABLE}),
]


@pytest.mark.parametrize("name", sorted(ON_CHAIN & set(FACTORIES)))
@pytest.mark.parametrize(("answer", "statuses"), NODE_ANSWERS)
async def test_on_chain_a_node_that_fails_has_its_name(
    name: str, answer: bytes | Exception, statuses: set[PriceStatus | None]
) -> None:
    async with httpx.AsyncClient() as http:
        settings = PriceSettings()
        readers = {MAINNET.id: SilentReader(answer)}
        context = SourceContext(
            settings,
            settings.policy,
            http,
            TurnedClock(),
            TurnedWaiter(),
            SPECS,
            readers,  # type: ignore[arg-type]
        )
        source = FACTORIES[name].build(context)
        assert source is not None
        asset = ETH if name == "chainlink" else TOKEN
        for instant in (NOW, PAST[0]):
            need = PriceNeed(asset.id, instant)
            said = (await source.quotes([need], ASSETS)).get(need)
            assert not isinstance(said, PriceQuote)
            assert (None if said is None else said.status) in statuses


@pytest.mark.parametrize("name", sorted((ON_CHAIN & set(FACTORIES)) - {"chainlink"}))
async def test_on_chain_a_token_without_a_pool_costs_little_for_its_whole_history(name: str) -> None:
    async with httpx.AsyncClient() as http:
        settings = PriceSettings()
        reader = SilentReader(b"")
        context = SourceContext(
            settings, settings.policy, http, TurnedClock(), TurnedWaiter(), SPECS, {MAINNET.id: reader}  # type: ignore[dict-item]
        )  # fmt: skip
        source = FACTORIES[name].build(context)
        assert source is not None
        needs = [PriceNeed(TOKEN.id, NOW - timedelta(days=days)) for days in range(1, 300)]
        assert await source.quotes(needs, ASSETS) == {}
        assert reader.blocks_sought == 0
        assert reader.calls <= 8  # of v3, every fee tier against the quote token and the wrapped coin


def test_every_source_is_found_by_its_file_and_says_what_it_is() -> None:
    assert len(FACTORIES) >= 11
    for name, factory in FACTORIES.items():
        assert factory.name == name
        assert factory.about
        assert factory.needs_key == bool(factory.why_not)
