"""The service over the real databases: what comes back is what was said, digit for digit."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.fake import FakeSource
from indexer.prices.service import Prices
from indexer.store.ledger import SqlLedger
from tests.prices.world import ASSETS, ETH, PAST, USDC, VAULT, WETH, TurnedClock

NEEDS = [
    PriceNeed(asset.id, PAST + timedelta(hours=hours))
    for asset in ASSETS.values()
    for hours in range(0, 40, 3)
]


def sources() -> list[FakeSource]:
    first, second = FakeSource("first"), FakeSource("second")
    for hours in range(0, 40, 7):
        first.set(
            ETH.id,
            Decimal("3456.789012345678901234567890123456789012") + hours,
            PAST + timedelta(hours=hours),
        )
        second.set(ETH.id, Decimal(3000) + hours, PAST + timedelta(hours=hours, microseconds=1))
    first.set(USDC.id, "0.000000000000000000000000000123", PAST + timedelta(hours=5))
    second.set(VAULT.id, "1.05")
    second.confidence = 0.87
    return [first, second]


async def test_every_database_gives_the_answers_back_as_they_were(
    ledger: SqlLedger, clock: TurnedClock
) -> None:
    reference = await Prices(sources(), MemoryQuoteCache(), clock).resolve(NEEDS, ASSETS)
    asked = sources()
    assert await Prices(asked, ledger.quotes, clock).resolve(NEEDS, ASSETS) == reference
    silent = [FakeSource("first"), FakeSource("second")]
    kept = await Prices(silent, ledger.quotes, clock).resolve(NEEDS, ASSETS)
    quoted = {need: answer for need, answer in reference.items() if isinstance(answer, PriceQuote)}
    assert {need: kept[need] for need in quoted} == quoted
    assert any(answer.rival is not None for answer in quoted.values())
    assert any(answer.via == ETH.id for answer in quoted.values() if answer.asset == WETH.id)


async def test_two_processes_may_save_the_same_answers_at_once(ledger: SqlLedger, clock: TurnedClock) -> None:
    reference = await Prices(sources(), MemoryQuoteCache(), clock).resolve(NEEDS, ASSETS)
    one, two = Prices(sources(), ledger.quotes, clock), Prices(sources(), ledger.quotes, clock)
    first, second = await asyncio.gather(one.resolve(NEEDS, ASSETS), two.resolve(NEEDS[::-1], ASSETS))
    # what one source said is saved before the next one is asked: who reads in between sees no rival yet
    assert without_rivals(first) == without_rivals(second) == without_rivals(reference)
    assert await one.resolve(NEEDS, ASSETS) == await two.resolve(NEEDS, ASSETS) == reference


def without_rivals(answers: dict[PriceNeed, PriceResult]) -> dict[PriceNeed, PriceResult]:
    return {
        need: replace(answer, rival=None) if isinstance(answer, PriceQuote) else answer
        for need, answer in answers.items()
    }
