"""A price that two sources disagree about is seen by every process, also where it stands behind another asset's."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from indexer.flows.disputes import disputed
from indexer.model.prices import (
    DisputedPrice,
    PriceMissing,
    PriceNeed,
    PricePolicy,
    PriceQuote,
    PriceStatus,
    QuoteCache,
)
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.conflicts import choose
from indexer.prices.fake import FakeSource
from indexer.prices.fx import EcbRates
from indexer.prices.service import Prices
from indexer.store.ledger import SqlLedger
from tests.prices.world import ASSETS, ETH, NOW, PAST, USDC, VAULT, WETH, TurnedClock

NEEDS = {asset.symbol: PriceNeed(asset.id, PAST) for asset in (WETH, VAULT, USDC)}
LIVE = {asset.symbol: PriceNeed(asset.id, NOW) for asset in (WETH, VAULT, USDC)}
HUNDREDTH = Decimal("0.01")


def disagreeing() -> list[FakeSource]:
    """One says what ether and the dollar coin cost and that a vault's share is 1.05 of these; the other contradicts."""

    def one(need: PriceNeed) -> PriceQuote | Decimal | None:
        if need.asset == VAULT.id:
            return PriceQuote(VAULT.id, USDC.id, need.instant, Decimal("1.05"), "one")
        return {ETH.id: Decimal(3500), USDC.id: Decimal("0.9")}.get(need.asset)

    other = FakeSource("other")
    other.set(ETH.id, 3000, PAST + timedelta(minutes=7))
    other.set(ETH.id, 3000, NOW)
    other.set(USDC.id, 1)
    return [FakeSource("one", one), other]


async def seen(
    cache: QuoteCache, sources: list[FakeSource], needs: dict[str, PriceNeed]
) -> dict[str, PriceQuote]:
    answers = await Prices(sources, cache, TurnedClock()).resolve(needs.values(), ASSETS)
    found = {}
    for name, need in needs.items():
        answer = answers[need]
        assert isinstance(answer, PriceQuote)
        found[name] = answer
    return found


@pytest.mark.parametrize("needs", [NEEDS, LIVE])
async def test_a_dispute_reaches_what_is_priced_through_the_disputed_asset(
    needs: dict[str, PriceNeed],
) -> None:
    found = await seen(MemoryQuoteCache(), disagreeing(), needs)
    ether, vault, coin = (found[name].rival for name in ("WETH", "sDAI", "USDC"))
    assert ether is not None
    assert (found["WETH"].price, found["WETH"].via) == (Decimal(3500), ETH.id)
    assert (ether.asset, ether.source, ether.price, ether.via) == (WETH.id, "other", Decimal(3000), ETH.id)
    assert vault is not None
    assert (found["sDAI"].price, vault.price) == (Decimal("0.945"), Decimal("1.05"))
    assert (vault.source, vault.via) == ("other", USDC.id)
    assert coin is not None
    assert (coin.price, coin.via) == (Decimal(1), None)


async def test_the_next_process_sees_it_too(ledger: SqlLedger) -> None:
    memory = MemoryQuoteCache()
    first = await seen(ledger.quotes, disagreeing(), NEEDS)
    assert first == await seen(memory, disagreeing(), NEEDS)
    for cache in (ledger.quotes, memory):
        silent = [FakeSource("one"), FakeSource("other")]
        assert await seen(cache, silent, NEEDS) == first
        assert [source.asked for source in silent] == [0, 0]


async def test_in_another_currency_both_values_are_converted(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    need = PriceNeed(WETH.id, PAST, "EUR")
    prices = Prices(disagreeing(), cache, clock, fx=EcbRates(clock, None))
    answer = (await prices.resolve([need], ASSETS))[need]
    assert isinstance(answer, PriceQuote)
    assert answer.rival is not None
    assert (answer.currency, answer.rival.currency) == ("EUR", "EUR")
    assert (answer.rival.price / answer.price).quantize(HUNDREDTH) == Decimal("0.86")


def test_of_two_rivals_the_one_further_away_is_told() -> None:
    quote = PriceQuote(WETH.id, "USD", PAST, Decimal(100), "one", via=ETH.id)
    inherited = replace(quote, source="behind", price=Decimal(120))
    direct = PriceQuote(WETH.id, "USD", PAST, Decimal(110), "other")
    chosen = choose(PAST, [replace(quote, rival=inherited), direct], PricePolicy())
    assert chosen.quote.rival == inherited
    assert chosen.conflict is not None
    further = replace(direct, price=Decimal(50))
    assert choose(PAST, [replace(quote, rival=inherited), further], PricePolicy()).quote.rival == further


def test_disputes_are_told_by_asset_and_instant_with_both_values() -> None:
    quote = PriceQuote(WETH.id, "USD", PAST, Decimal(100), "one", via=ETH.id)
    rival = replace(quote, source="other", price=Decimal(80))
    needs = [PriceNeed(WETH.id, NOW), PriceNeed(WETH.id, PAST), PriceNeed(ETH.id, PAST)]
    missing = PriceMissing(ETH.id, "USD", PAST, PriceStatus.UNKNOWN)
    told = disputed(
        {needs[0]: replace(quote, rival=rival), needs[1]: replace(quote, rival=rival), needs[2]: missing}
    )
    assert told == tuple(
        DisputedPrice(WETH.id, "USD", instant, "one", Decimal(100), "other", Decimal(80), ETH.id)
        for instant in (PAST, NOW)
    )
    assert told[0].spread == Decimal("0.2")
    assert replace(told[0], price=Decimal(0)).spread == 1
    assert replace(told[0], price=Decimal(0), rival_price=Decimal(0)).spread == 0
