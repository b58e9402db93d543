"""Pools deployed from the published builds, traded, and priced at past blocks: equal to the pool's own state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal

import aiohttp
import httpx

from indexer.chains.open import open_reader
from indexer.demo.anvil import AnvilOptions
from indexer.demo.artifacts import call_data, creation_code
from indexer.demo.node import Node
from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec, UniswapV2
from indexer.model.prices import PriceMissing, PriceNeed, PricePolicy, PriceQuote, PriceStatus
from indexer.prices.build import build_prices
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.pools import DECLARED
from indexer.prices.service import Prices
from indexer.prices.settings import PriceSettings
from tests.fixtures.anvil import StartAnvil
from tests.prices.local_chain import FOREVER, START, LocalChain, published, spec_of, with_arguments
from tests.prices.world import TurnedClock

CHAIN = "eip155:31337"
ETHER = 10**18


@asynccontextmanager
async def local_chain(anvil: StartAnvil) -> AsyncIterator[LocalChain]:
    url = await anvil(AnvilOptions(genesis_time=int(START.timestamp()), automine=False, balance_ether=10**6))
    async with aiohttp.ClientSession() as session:
        yield await LocalChain.open(Node(url, session))


@asynccontextmanager
async def prices_of(spec: ChainSpec, now: datetime, settings: PriceSettings) -> AsyncIterator[Prices]:
    clock = TurnedClock(now)
    reader = open_reader(spec, clock)
    async with httpx.AsyncClient() as http:
        yield build_prices(
            settings,
            specs={CHAIN: spec},
            readers={CHAIN: reader},
            cache=MemoryQuoteCache(),
            clock=clock,
            http=http,
        )
    await reader.close()


def erc20(address: str, symbol: str, decimals: int) -> Asset:
    return Asset(f"{CHAIN}/erc20:{address}", symbol, decimals)


def price(result: object) -> Decimal:
    assert isinstance(result, PriceQuote), result
    return result.price


def near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= other * Decimal("1e-30")


async def test_v2_price_at_every_past_block_is_the_pools_ratio(anvil: StartAnvil) -> None:
    async with local_chain(anvil) as chain:
        weth = await chain.deploy(creation_code("WETH9"))
        usd, fern = await chain.token("USDC", 6), await chain.token("FERN", 18)
        factory = await chain.deploy(creation_code("UniswapV2Factory", chain.sender))
        router = await chain.deploy(creation_code("UniswapV2Router02", factory, weth))
        for token in (usd, fern):
            await chain.send(token, call_data("approve(address,uint256)", router, 2**255))
        before_pools = await chain.mine()
        add_eth = "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)"
        await chain.send(
            router, call_data(add_eth, usd, 3_000_000 * 10**6, 0, 0, chain.sender, FOREVER), 1_000 * ETHER
        )
        await chain.send(
            router, call_data(add_eth, fern, 500_000 * ETHER, 0, 0, chain.sender, FOREVER), 500 * ETHER
        )
        swap = "swapExactTokensForETH(uint256,uint256,address[],address,uint256)"
        for amount in (10_000, 25_000, 1_000):
            path = [fern, weth]
            await chain.send(router, call_data(swap, amount * ETHER, 0, path, chain.sender, FOREVER))
            await chain.send(router, call_data(swap, amount * 10**6, 0, [usd, weth], chain.sender, FOREVER))
        last = await chain.height()
        pair_of = "getPair(address,address)"
        (usd_pair,) = await chain.view(factory, pair_of, usd, weth, returns=["address"], block=last)
        (fern_pair,) = await chain.view(factory, pair_of, fern, weth, returns=["address"], block=last)

        async def ratio(pair: str, token: str, other: str, block: int) -> Decimal:
            r0, r1, _ = await chain.view(
                pair, "getReserves()", returns=["uint112", "uint112", "uint32"], block=block
            )
            mine, theirs = (r0, r1) if int(token, 16) < int(other, 16) else (r1, r0)
            return Decimal(theirs) / Decimal(mine)

        dex = UniswapV2(factory=factory, quote_token=usd, quote_decimals=6)
        spec = spec_of(chain.node.url, weth=weth, dex=dex)
        eth = Asset(f"{CHAIN}/slip44:60", "ETH", 18)
        assets = {
            a.id: a for a in (eth, erc20(fern, "FERN", 18), erc20(usd, "USDC", 6), erc20(weth, "WETH", 18))
        }
        fern_id, usd_id, weth_id = f"{CHAIN}/erc20:{fern}", f"{CHAIN}/erc20:{usd}", f"{CHAIN}/erc20:{weth}"
        now = await chain.time_of(last) + timedelta(days=3)
        async with prices_of(spec, now, PriceSettings(order=("manual", "uniswap_v2"))) as prices:
            for block in range(last - 5, last):
                instant = await chain.time_of(block) + timedelta(
                    minutes=20
                )  # between this block and the next
                needs = [PriceNeed(asset, instant) for asset in (eth.id, weth_id, fern_id, usd_id)]
                answers = await prices.resolve(needs, assets)
                eth_usd = await ratio(usd_pair, weth, usd, block) * 10**12
                fern_eth = await ratio(fern_pair, fern, weth, block)
                assert near(price(answers[needs[0]]), eth_usd)
                assert near(price(answers[needs[1]]), eth_usd)
                assert near(price(answers[needs[2]]), fern_eth * eth_usd)
                assert price(answers[needs[3]]) == 1
                quote = answers[needs[2]]
                assert isinstance(quote, PriceQuote)
                assert (quote.via, quote.source, quote.distance) == (usd_id, "uniswap_v2", timedelta(0))
                assert quote.confidence == DECLARED  # nobody but the configuration prices the quote token
            early = PriceNeed(fern_id, before_pools)
            missing = (await prices.resolve([early], assets))[early]
            assert isinstance(missing, PriceMissing)
            assert missing.status is PriceStatus.UNKNOWN


async def test_v2_behind_the_newest_block_the_price_grows_stale(anvil: StartAnvil) -> None:
    async with local_chain(anvil) as chain:
        usd, fern = await chain.token("USDC", 6), await chain.token("FERN", 18)
        factory = await chain.deploy(creation_code("UniswapV2Factory", chain.sender))
        await chain.send(factory, call_data("createPair(address,address)", usd, fern))
        (pair,) = await chain.view(
            factory, "getPair(address,address)", usd, fern, returns=["address"], block=await chain.height()
        )
        await chain.send(usd, call_data("transfer(address,uint256)", pair, 900 * 10**6))
        await chain.send(fern, call_data("transfer(address,uint256)", pair, 300 * ETHER))
        await chain.send(pair, call_data("mint(address)", chain.sender))
        dex = UniswapV2(factory=factory, quote_token=usd, quote_decimals=6)
        spec = spec_of(chain.node.url, dex=dex)
        asset = erc20(fern, "FERN", 18)
        head = await chain.time_of(await chain.height())
        settings = PriceSettings(order=("uniswap_v2",), policy=PricePolicy(live_within=timedelta(hours=1)))
        need = PriceNeed(asset.id, head + timedelta(minutes=30))
        async with prices_of(spec, need.instant, settings) as prices:
            quote = (await prices.resolve([need], {asset.id: asset}))[need]
            assert isinstance(quote, PriceQuote)
            assert (quote.price, quote.instant, quote.distance) == (Decimal(3), head, timedelta(minutes=30))
            assert quote.confidence is not None  # 900 dollars deep: believed by nobody alone
            assert quote.confidence < prices.policy.confident
        later = PriceNeed(asset.id, head + timedelta(hours=2))
        async with prices_of(spec, later.instant, settings) as prices:
            missing = (await prices.resolve([later], {asset.id: asset}))[later]
            assert isinstance(missing, PriceMissing)
            assert missing.status is PriceStatus.STALE


async def test_v3_price_at_every_past_block_is_the_pools_square_root_price(anvil: StartAnvil) -> None:
    core, periphery = "@uniswap/v3-core/artifacts/contracts", "@uniswap/v3-periphery/artifacts/contracts"
    async with local_chain(anvil) as chain:
        weth = await chain.deploy(creation_code("WETH9"))
        usd, ore = await chain.token("USDC", 6), await chain.token("ORE", 8)
        factory = await chain.deploy(
            with_arguments(published(f"{core}/UniswapV3Factory.sol/UniswapV3Factory.json"), [])
        )
        manager = await chain.deploy(
            with_arguments(
                published(f"{periphery}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"),
                ["address", "address", "address"], factory, weth, chain.sender,
            )
        )  # fmt: skip
        router = await chain.deploy(
            with_arguments(
                published(f"{periphery}/SwapRouter.sol/SwapRouter.json"),
                ["address", "address"],
                factory,
                weth,
            )
        )
        for token in (usd, ore):
            for spender in (manager, router):
                await chain.send(token, call_data("approve(address,uint256)", spender, 2**255))
        first, second = sorted((usd, ore), key=lambda token: int(token, 16))
        fee = 3_000
        # 70,000 dollars for one ORE, as base units of the second token for one of the first
        raw = Decimal(70_000 * 10**6) / 10**8 if first == ore else Decimal(10**8) / (70_000 * 10**6)
        root = int(raw.sqrt() * 2**96)
        create = "createAndInitializePoolIfNecessary(address,address,uint24,uint160)"
        await chain.send(manager, call_data(create, first, second, fee, root))
        mint = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
        amounts = {usd: 7_000_000 * 10**6, ore: 100 * 10**8}
        position = (
            first,
            second,
            fee,
            -887_220,
            887_220,
            amounts[first],
            amounts[second],
            0,
            0,
            chain.sender,
            FOREVER,
        )
        await chain.send(manager, call_data(mint, position))
        swap = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
        for token, other, amount in ((usd, ore, 50_000 * 10**6), (ore, usd, 3 * 10**8), (usd, ore, 10**6)):
            order = (token, other, fee, chain.sender, FOREVER, amount, 0, 0)
            await chain.send(router, call_data(swap, order))
        last = await chain.height()
        (pool,) = await chain.view(
            factory, "getPool(address,address,uint24)", usd, ore, fee, returns=["address"], block=last
        )
        spec = spec_of(chain.node.url, weth=weth)
        asset = erc20(ore, "ORE", 8)
        settings = PriceSettings(order=("uniswap_v3",), uniswap_v3={CHAIN: (factory, usd)})
        seen = set()
        async with prices_of(spec, await chain.time_of(last) + timedelta(days=1), settings) as prices:
            for block in range(last - 3, last):
                need = PriceNeed(asset.id, await chain.time_of(block))
                state = ["uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool"]
                root = (await chain.view(pool, "slot0()", returns=state, block=block))[0]
                squared = Decimal(root) ** 2 / Decimal(2**192)
                expected = (squared if first == ore else 1 / squared) * 10**2  # 8 and 6 decimals
                answer = price((await prices.resolve([need], {asset.id: asset}))[need])
                assert near(answer, expected)
                seen.add(answer)
        assert len(seen) == 3  # every trade moved it
