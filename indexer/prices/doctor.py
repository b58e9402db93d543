"""What `gleaner prices doctor` finds out: which source answers, how much it covers, and where two disagree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from indexer.model.asset import Asset
from indexer.model.money import plain
from indexer.model.ports import Clock
from indexer.model.prices import (
    DisputedPrice,
    PriceConflict,
    PriceMissing,
    PriceNeed,
    PriceQuote,
    PriceResult,
    SourceHealth,
)
from indexer.prices.canonical import ANCHORS
from indexer.prices.conflicts import choose
from indexer.prices.context import SourceFactory
from indexer.prices.service import Prices
from indexer.prices.settings import USER

_HUNDREDTH = Decimal("0.01")
_TEN_THOUSANDTH = Decimal("0.0001")

AGES = (timedelta(0), timedelta(days=30), timedelta(days=365))
"""How long ago the prices are that are asked of every source."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The state of every source, the disagreements found, and what none of them could price."""

    at: datetime
    sources: tuple[SourceHealth, ...]
    unused: tuple[SourceFactory, ...]
    """Sources that exist and are not in the order."""
    conflicts: tuple[PriceConflict, ...]
    unpriced: tuple[PriceMissing, ...]
    """What is left unpriced now, with the reason the book would get."""
    asked: int
    """Needs that each source was asked for."""
    book: tuple[DisputedPrice, ...] = ()
    """Disputed prices that the portfolio's book is made with, the widest apart first."""

    @property
    def healthy(self) -> bool:
        """Whether at least one source answered something."""
        return any(source.answered for source in self.sources)

    def document(self) -> dict[str, Any]:
        """The diagnosis as plain JSON values; prices are text."""
        return {
            "at": self.at.isoformat(),
            "asked_of_each": self.asked,
            "sources": [_source(source) for source in self.sources],
            "unused": [
                {"name": factory.name, "about": factory.about, "needs_key": factory.needs_key}
                for factory in self.unused
            ],
            "conflicts": [_conflict(conflict) for conflict in self.conflicts],
            "book_conflicts": [_disputed(price) for price in self.book],
            "unpriced": [
                {
                    "asset": gap.asset,
                    "instant": gap.instant.isoformat(),
                    "status": gap.status.value,
                    "detail": gap.detail,
                }
                for gap in self.unpriced
            ],
        }


async def diagnose(
    prices: Prices,
    assets: Mapping[str, Asset],
    clock: Clock,
    factories: Mapping[str, SourceFactory],
    book: Iterable[DisputedPrice] = (),
) -> Diagnosis:
    """Ask every source for every asset now, a month and a year ago; without assets, for the well-known coins.

    `book` holds the disputed prices that were kept with the portfolio's book, in whatever process it was built.
    """
    now = clock.now()
    known = {
        asset.id: asset for asset in assets.values() if not asset.spam.spam and asset.decimals is not None
    }
    if not known:
        known = {asset.id: asset for asset in ANCHORS.values()}
    needs = [PriceNeed(asset, now - age) for asset in sorted(known) for age in AGES]
    answers = await prices.probe(needs, known)
    health = prices.health()
    present = needs[:: len(AGES)]
    resolved = await prices.resolve(present, known)
    return Diagnosis(
        at=now,
        sources=health,
        unused=tuple(
            factory for name, factory in sorted(factories.items()) if name not in {USER, *prices.policy.order}
        ),
        conflicts=tuple(_conflicts(needs, answers, prices)),
        unpriced=tuple(gap for gap in resolved.values() if isinstance(gap, PriceMissing)),
        asked=len(needs),
        book=tuple(sorted(book, key=lambda price: price.spread, reverse=True)),
    )


def _conflicts(
    needs: Sequence[PriceNeed], answers: Mapping[str, Mapping[PriceNeed, PriceResult]], prices: Prices
) -> list[PriceConflict]:
    found = []
    for need in needs:
        said = [by_need.get(need) for by_need in answers.values()]
        quotes = [answer for answer in said if isinstance(answer, PriceQuote)]
        choice = choose(need.instant, quotes, prices.policy) if quotes else None
        if choice is not None and choice.conflict is not None:
            found.append(choice.conflict)
    return found


def _source(source: SourceHealth) -> dict[str, Any]:
    share = source.coverage
    return {
        "name": source.name,
        "asked": source.asked,
        "answered": source.answered,
        "coverage": None if share is None else plain(share.quantize(_HUNDREDTH)),
        "weak": source.weak,
        "unknown": source.unknown,
        "stale": source.stale,
        "rate_limited": source.rate_limited,
        "unavailable": source.unavailable,
        "absurd": source.absurd,
        "last_answer": None if source.last_answer is None else source.last_answer.isoformat(),
        "last_error": source.last_error,
    }


def _disputed(price: DisputedPrice) -> dict[str, Any]:
    return {
        "code": PriceConflict.code,
        "asset": price.asset,
        "instant": price.instant.isoformat(),
        "currency": price.currency,
        "chosen": {"source": price.source, "price": plain(price.price)},
        "rival": {"source": price.rival_source, "price": plain(price.rival_price)},
        "spread": plain(price.spread.quantize(_TEN_THOUSANDTH)),
        "via": price.via,
    }


def _conflict(conflict: PriceConflict) -> dict[str, Any]:
    return {
        "code": conflict.code,
        "asset": conflict.asset,
        "instant": conflict.instant.isoformat(),
        "currency": conflict.currency,
        "chosen": {"source": conflict.chosen.source, "price": plain(conflict.chosen.price)},
        "rival": {"source": conflict.rival.source, "price": plain(conflict.rival.price)},
        "spread": plain(conflict.spread.quantize(_TEN_THOUSANDTH)),
    }
