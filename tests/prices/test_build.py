"""How the service is put together: names, keys, stand-ins, granularity, and what a source is called."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset
from indexer.model.errors import ConfigError
from indexer.model.prices import Granularity, PriceNeed, PricePolicy, PriceQuote, PriceStatus
from indexer.prices.build import build_prices
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.canonical import ANCHORS, AnchorFor
from indexer.prices.fake import FakeSource
from indexer.prices.ids import gecko_id, llama_id
from indexer.prices.service import Prices
from indexer.prices.settings import PriceSettings
from indexer.prices.slots import day_close, slot_of
from tests.prices.upstreams import KEY, Upstreams, truth, upstreams
from tests.prices.world import ASSETS, ETH, NOW, PAST, TurnedClock, TurnedWaiter

WRAPPED = "0x82af49447d8a07e3bd95bd0d56f35241523fbab1"
ARBITRUM = ChainSpec(
    id="eip155:42161",
    name="Arbitrum",
    family=Family.EVM,
    endpoints=("http://127.0.0.1:9",),
    native=NativeAsset("ETH", 18, 60),
    finality=Finality(FinalityRule.TAG, 64),
    wrapped_native=WRAPPED,
    price_platform="arbitrum",
)
LOCAL = replace(ARBITRUM, id="eip155:31337", name="local", price_platform=None)
BITCOIN = replace(
    ARBITRUM,
    id="bip122:000000000019d6689c085ae165831e93",
    family=Family.UTXO,
    native=NativeAsset("BTC", 8, 0),
    wrapped_native=None,
    price_platform="bitcoin",
)
SPECS = {spec.id: spec for spec in (ARBITRUM, LOCAL, BITCOIN)}
WETH = Asset(f"eip155:42161/erc20:{WRAPPED}", "WETH", 18, group="WETH", broad_group="ETH")


@asynccontextmanager
async def service(settings: PriceSettings, server: Upstreams) -> AsyncIterator[Prices]:
    given = replace(settings, base_urls=server.base_urls(), timeout_seconds=1.0)
    async with httpx.AsyncClient() as http:
        yield build_prices(
            given, specs=SPECS, readers={}, cache=MemoryQuoteCache(), clock=TurnedClock(), http=http,
            waiter=TurnedWaiter(),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("order", "keys", "words"),
    [
        (("manual", "oracle_of_delphi"), {}, "'oracle_of_delphi' does not exist; the order may name binance"),
        (("jupiter",), {}, "needs an API key"),
        (("jupiter",), {"coingecko": KEY}, "needs an API key"),
    ],
)
async def test_a_wrong_order_is_refused_in_words(
    order: tuple[str, ...], keys: Mapping[str, str], words: str
) -> None:
    async with upstreams() as server:
        with pytest.raises(ConfigError, match=words):
            async with service(PriceSettings(order=order, keys=keys), server):
                pass


async def test_keys_are_in_no_repr() -> None:
    settings = PriceSettings(order=("jupiter",), keys={"jupiter": KEY})
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("asset", "llama", "gecko"),
    [
        (WETH, f"arbitrum:{WRAPPED}", ("arbitrum-one", WRAPPED)),
        (Asset("eip155:42161/slip44:60", "ETH", 18), "arbitrum:0x" + "0" * 40, (None, "ethereum")),
        (Asset(f"{BITCOIN.id}/slip44:0", "BTC", 8), "coingecko:bitcoin", (None, "bitcoin")),
        (Asset(f"eip155:42161/erc721:{WRAPPED}/7", "NFT", 0), None, None),
        (Asset(f"eip155:31337/erc20:{WRAPPED}", "LOCAL", 18), None, None),
        (Asset("eip155:999/slip44:60", "?", 18), None, None),
        (Asset("eip155:999/slip44:60", "?", 18, price_id="coingecko:that"), "coingecko:that", (None, "that")),
    ],
)
def test_what_sources_call_an_asset(
    asset: Asset, llama: str | None, gecko: tuple[str | None, str] | None
) -> None:
    assert llama_id(asset, SPECS) == llama
    assert gecko_id(asset, SPECS) == gecko


def test_the_wrapped_coin_is_the_coin_and_a_local_chain_has_no_market() -> None:
    anchor = AnchorFor(SPECS)
    assert anchor(WETH) == Asset(ARBITRUM.native_id, "ETH", 18)
    assert anchor(Asset(f"eip155:42161/erc20:0x{'1' * 40}", "USDC", 6, group="USDC")) == ANCHORS["USDC"]
    assert anchor(Asset(f"eip155:31337/erc20:0x{'1' * 40}", "USDC", 6, group="USDC")) is None
    assert anchor(Asset(f"eip155:42161/erc20:0x{'1' * 40}", "stETH", 18, broad_group="ETH")) is None


async def test_a_bridged_token_takes_its_groups_price_and_says_so() -> None:
    bridged = Asset(f"eip155:42161/erc20:0x{'5' * 40}", "USDC.e", 6, group="USDC")
    need = PriceNeed(bridged.id, PAST)
    async with upstreams() as server, service(PriceSettings(order=("defillama",)), server) as prices:
        quote = (await prices.resolve([need], {bridged.id: bridged}))[need]
    assert isinstance(quote, PriceQuote)
    assert quote.via == ANCHORS["USDC"].id
    assert quote.price == truth("USDC", quote.instant.timestamp())


async def test_binance_prices_in_tether_which_is_priced_itself() -> None:
    need = PriceNeed(ETH.id, PAST)
    async with (
        upstreams() as server,
        service(PriceSettings(order=("binance", "defillama")), server) as prices,
    ):
        quote = (await prices.resolve([need], ASSETS))[need]
    assert isinstance(quote, PriceQuote)
    assert (quote.source, quote.via) == ("binance", ANCHORS["USDT"].id)
    tether = datetime(2024, 3, 5, 15, tzinfo=UTC), datetime(2024, 3, 5, 16, tzinfo=UTC)
    eth = {
        truth("ETH", stamp.timestamp()) * truth("USDT", other.timestamp())
        for stamp in tether
        for other in tether
    }
    assert quote.price in eth


@pytest.mark.parametrize(
    ("granularity", "instant"),
    [
        (Granularity.NEAREST, PAST),
        (Granularity.MINUTE, PAST.replace(second=0)),
        (Granularity.DAILY, datetime(2024, 3, 6, tzinfo=UTC)),
    ],
)
async def test_the_granularity_decides_which_instant_is_asked(
    granularity: Granularity, instant: datetime, clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    source = FakeSource(script=lambda need: Decimal(int(need.instant.timestamp())))
    policy = PricePolicy(granularity=granularity)
    need = PriceNeed(ETH.id, PAST)
    quote = (await Prices([source], cache, clock, policy).resolve([need], ASSETS))[need]
    assert isinstance(quote, PriceQuote)
    assert quote.price == int(instant.timestamp())
    assert quote.distance == abs(instant - PAST)


def test_the_granularity_order_and_bounds_are_in_the_fingerprint() -> None:
    policies = [
        PricePolicy(),
        PricePolicy(granularity=Granularity.DAILY),
        PricePolicy(granularity=Granularity.MINUTE),
        PricePolicy(order=("defillama",)),
        PricePolicy(within=timedelta(hours=1)),
        PricePolicy(confident=0.9),
    ]
    assert len({policy.fingerprint() for policy in policies}) == len(policies)
    assert PricePolicy(live_for=timedelta(seconds=1)).fingerprint() == PricePolicy().fingerprint()


def test_a_midnight_closes_its_day_and_an_open_day_is_asked_live() -> None:
    midnight = datetime(2024, 3, 6, tzinfo=UTC)
    assert day_close(midnight) == day_close(midnight - timedelta(seconds=1)) == midnight
    assert day_close(midnight + timedelta(microseconds=1)) == midnight + timedelta(days=1)
    daily = PricePolicy(granularity=Granularity.DAILY)
    assert slot_of(PriceNeed(ETH.id, NOW - timedelta(hours=6)), daily, NOW).live
    assert not slot_of(PriceNeed(ETH.id, NOW - timedelta(days=1)), daily, NOW).live
    assert slot_of(PriceNeed(ETH.id, NOW + timedelta(hours=1)), PricePolicy(), NOW).live


async def test_a_slow_source_gets_its_time_and_goes_on_next_time() -> None:
    coins = {f"coingecko:{name}": name for name in ("ethereum", "bitcoin", "usd-coin", "tether", "solana")}
    assets = {
        asset.id: asset
        for number, coin in enumerate(coins, start=1)
        for asset in [Asset(f"eip155:1/erc20:0x{number:040x}", coin, 18, price_id=coin)]
    }
    needs = [PriceNeed(asset, PAST + timedelta(days=days)) for asset in assets for days in range(0, 400, 40)]
    async with upstreams() as server:
        settings = PriceSettings(order=("coingecko",), source_seconds=60)  # some ten requests
        async with service(settings, server) as prices:
            quoted = []
            for _ in range(20):
                answers = await prices.resolve(needs, assets)
                quoted.append(sum(isinstance(answer, PriceQuote) for answer in answers.values()))
                silent = {answer.status for answer in answers.values() if not isinstance(answer, PriceQuote)}
                assert silent <= {PriceStatus.RATE_LIMITED}
                if quoted[-1] == len(needs):
                    break
    assert 0 < quoted[0] < len(needs)
    assert quoted == sorted(quoted)
    assert quoted[-1] == len(needs)


async def test_one_coins_nonsense_is_not_its_neighbours(clock: TurnedClock) -> None:
    broken = Asset(f"eip155:1/erc20:0x{'7' * 40}", "BAD", 18, price_id="coingecko:bad")
    for instant in (NOW, PAST):
        good = {"price": 3000.5, "timestamp": int(instant.timestamp()), "confidence": 0.99}
        rows: dict[str, object] = {
            "coingecko:ethereum": good,
            "coingecko:bad": {"price": None, "timestamp": "x"},
        }
        if instant == PAST:
            rows = {coin: {"symbol": "T", "prices": [row]} for coin, row in rows.items()}
        transport = httpx.MockTransport(lambda _request, rows=rows: httpx.Response(200, json={"coins": rows}))
        async with httpx.AsyncClient(transport=transport) as http:
            prices = build_prices(
                PriceSettings(order=("defillama",)), specs=SPECS, readers={}, cache=MemoryQuoteCache(), clock=clock,
                http=http, waiter=TurnedWaiter(),
            )  # fmt: skip
            needs = [PriceNeed(ETH.id, instant), PriceNeed(broken.id, instant)]
            answers = await prices.resolve(needs, {ETH.id: ETH, broken.id: broken})
        quote, missing = (answers[need] for need in needs)
        assert isinstance(quote, PriceQuote)
        assert quote.price == Decimal("3000.5")
        assert not isinstance(missing, PriceQuote)
        assert missing.status is PriceStatus.UNAVAILABLE


async def test_the_public_plan_is_never_asked_for_more_than_its_year(clock: TurnedClock) -> None:
    """It refuses a range whole that begins earlier, and with it the quotes that it could give."""
    begins: list[datetime] = []

    def public(request: httpx.Request) -> httpx.Response:
        begins.append(datetime.fromtimestamp(int(request.url.params["from"]), UTC))
        if begins[-1] < NOW - timedelta(days=365):
            return httpx.Response(401, json={"error": {"status": {"error_code": 10012}}})
        stamp = int((NOW - timedelta(days=364)).timestamp() * 1000)
        return httpx.Response(200, json={"prices": [[stamp, 3000.5]], "market_caps": [], "total_volumes": []})

    needs = [PriceNeed(ETH.id, NOW - timedelta(days=days, hours=1)) for days in (364, 365)]
    async with httpx.AsyncClient(transport=httpx.MockTransport(public)) as http:
        prices = build_prices(
            PriceSettings(order=("coingecko",)), specs=SPECS, readers={}, cache=MemoryQuoteCache(), clock=clock,
            http=http, waiter=TurnedWaiter(),
        )  # fmt: skip
        within, beyond = (answer for answer in (await prices.resolve(needs, {ETH.id: ETH})).values())
    assert isinstance(within, PriceQuote)
    assert within.price == Decimal("3000.5")
    assert not isinstance(beyond, PriceQuote)
    assert beyond.status is PriceStatus.UNKNOWN
    assert len(begins) == 1


async def test_daily_closes_of_many_coins_take_few_requests() -> None:
    needs = [
        PriceNeed(asset.id, NOW - timedelta(days=days, hours=3))
        for asset in ASSETS.values()
        for days in range(1, 200)
    ]
    specs = {"eip155:1": replace(ARBITRUM, id="eip155:1", price_platform="ethereum")}
    policy = PricePolicy(granularity=Granularity.DAILY)
    async with upstreams() as server, httpx.AsyncClient() as http:
        settings = PriceSettings(order=("defillama",), base_urls=server.base_urls(), policy=policy)
        prices = build_prices(
            settings, specs=specs, readers={}, cache=MemoryQuoteCache(), clock=TurnedClock(), http=http,
            waiter=TurnedWaiter(),
        )  # fmt: skip
        answers = await prices.resolve(needs, ASSETS)
        assert len(server.seen) <= len(ASSETS)
    own = [answer for need, answer in answers.items() if need.asset == ETH.id]
    assert all(isinstance(answer, PriceQuote) and answer.via is None for answer in own)
