"""Asks one source and judges what it says: nothing that a source answers, or fails to answer, is taken on trust."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from indexer.model.asset import Asset
from indexer.model.errors import GleanerError
from indexer.model.money import plain
from indexer.model.ports import PriceSource
from indexer.model.prices import (
    PriceMissing,
    PriceNeed,
    PricePolicy,
    PriceQuote,
    PriceResult,
    PriceStatus,
    SourceHealth,
)
from indexer.prices.batches import status_of
from indexer.prices.slots import Slot, bound_of

log = logging.getLogger(__name__)

DOLLAR = "USD"

_HIGHEST = Decimal(10) ** 15
_FUTURE = timedelta(minutes=5)


def need_of(slot: Slot) -> PriceNeed:
    """What a source is asked for a slot."""
    return PriceNeed(slot.asset, slot.instant, DOLLAR)


def missing(slot: Slot, status: PriceStatus, detail: str, nearest: PriceQuote | None = None) -> PriceMissing:
    """The honest answer for a slot that has no quote."""
    return PriceMissing(slot.asset, DOLLAR, slot.instant, status, detail, nearest)


_GRAVITY = {
    PriceStatus.RATE_LIMITED: 3,
    PriceStatus.UNAVAILABLE: 2,
    PriceStatus.STALE: 1,
    PriceStatus.UNKNOWN: 0,
    PriceStatus.SPAM: 0,
}


def worse(one: PriceMissing | None, other: PriceMissing) -> PriceMissing:
    """Which reason is told: a source that may still know weighs more than one that does not."""
    if one is None or _GRAVITY[other.status] > _GRAVITY[one.status]:
        return other
    if one.status is other.status is PriceStatus.UNKNOWN and not one.detail:
        return other
    return one


def absurdity(quote: PriceQuote, now: datetime) -> str | None:
    """Why a quote cannot be right whatever the asset is, None when it may be."""
    if not quote.price.is_finite():
        return "a price that is no number"
    if quote.price < 0:
        return f"a negative price ({plain(quote.price)})"
    if quote.price == 0:
        return "a price of zero, which sources say when they do not know"
    if quote.price > _HIGHEST:
        return "a price above 10^15"
    if quote.instant > now + _FUTURE:
        return f"a quote from the future ({quote.instant.isoformat()})"
    return None


@dataclass(slots=True)
class Tally:
    """Counts of one source, turned into `SourceHealth` when asked."""

    health: SourceHealth

    def add(self, field: str, count: int = 1) -> None:
        """Raise one of the counts."""
        self.health = replace(self.health, **{field: getattr(self.health, field) + count})


class Asker:
    """One source behind the judge. Never raises for what a source does wrong.

    A source may say `confirms_history = False`: each quote of the past costs it a question of its own, so it is
    asked for what nobody before it knew, and not to confirm a hundred thousand quotes.
    """

    def __init__(self, source: PriceSource, policy: PricePolicy) -> None:
        self._source = source
        self._policy = policy
        self.name = source.name
        self.confirms_history = bool(getattr(source, "confirms_history", True))
        self.tally = Tally(SourceHealth(source.name))

    async def ask(
        self, slots: Sequence[Slot], assets: Mapping[str, Asset], now: datetime
    ) -> dict[Slot, PriceResult]:
        """Answer every slot with a believable quote (its currency may be another asset's id) or a reason."""
        try:
            said = await self._source.quotes([need_of(slot) for slot in slots], assets)
        except GleanerError as error:
            return self._all(slots, status_of(error), error)
        except Exception as error:
            # a defect in one source must not stop a revaluation; it is logged and shown by the doctor
            log.exception("price source %s failed", self.name)
            return self._all(slots, PriceStatus.UNAVAILABLE, error)
        return {slot: self._judge(slot, said.get(need_of(slot)), now) for slot in slots}

    def _all(self, slots: Sequence[Slot], status: PriceStatus, error: Exception) -> dict[Slot, PriceResult]:
        text = (
            str(error) if isinstance(error, GleanerError) else f"{self.name} failed: {type(error).__name__}"
        )
        self.tally.health = replace(self.tally.health, last_error=text)
        self.tally.add("asked", len(slots))
        self.tally.add(status.value, len(slots))
        return {slot: missing(slot, status, text) for slot in slots}

    def _judge(self, slot: Slot, said: PriceResult | None, now: datetime) -> PriceResult:
        self.tally.add("asked")
        if said is None:
            self.tally.add("unknown")
            return missing(slot, PriceStatus.UNKNOWN, "")
        if isinstance(said, PriceMissing):
            self.tally.add(said.status.value if said.status is not PriceStatus.SPAM else "unknown")
            if said.detail and said.status is not PriceStatus.UNKNOWN:
                self.tally.health = replace(self.tally.health, last_error=said.detail)
            return missing(slot, said.status, said.detail, said.nearest)
        problem = absurdity(said, now)
        if problem is not None:
            self.tally.add("absurd")
            self.tally.health = replace(self.tally.health, last_error=f"{self.name} gave {problem}")
            return missing(slot, PriceStatus.UNKNOWN, f"{self.name} gave {problem}")
        distance = abs(said.instant - slot.instant)
        quote = said if said.distance == distance else replace(said, distance=distance)
        if distance > bound_of(slot, self._policy):
            self.tally.add("stale")
            return missing(slot, PriceStatus.STALE, f"{self.name}'s nearest quote is {distance} away", quote)
        self.tally.add("answered")
        self.tally.health = replace(self.tally.health, last_answer=now)
        return quote
