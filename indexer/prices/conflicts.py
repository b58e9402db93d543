"""Choosing among quotes of the same slot, and noticing when they disagree."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from indexer.model.money import CONTEXT
from indexer.model.prices import PriceConflict, PricePolicy, PriceQuote

_KEPT = 10_000
"""Conflicts that are remembered; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen quote (with its rival, if any) and the conflict between them."""

    quote: PriceQuote
    conflict: PriceConflict | None


def is_weak(quote: PriceQuote, policy: PricePolicy) -> bool:
    """Whether the source itself has too little confidence in its quote."""
    return quote.confidence is not None and quote.confidence < policy.confident


def choose(instant: datetime, quotes: Sequence[PriceQuote], policy: PricePolicy) -> Choice:
    """Take the first confident quote, else the first; the most distant of the other confident ones is its rival.

    `quotes` are of one asset at one instant, the most trusted source first, and at least one.
    """
    confident = [quote for quote in quotes if not is_weak(quote, policy)]
    chosen = (confident or quotes)[0]
    others = [quote for quote in confident if quote is not chosen]
    if chosen.rival is not None:
        others.append(chosen.rival)  # from the asset whose price stood in
    rivals = [(spread(chosen, quote), quote) for quote in others]
    far = max(rivals, key=lambda pair: pair[0], default=None)
    if far is None or far[0] <= policy.disagreement:
        return Choice(chosen, None)
    rival = far[1]
    conflict = PriceConflict(
        asset=chosen.asset,
        currency=chosen.currency,
        instant=instant,
        chosen=chosen,
        rival=rival,
        spread=far[0],
    )
    return Choice(replace(chosen, rival=rival), conflict)


def spread(chosen: PriceQuote, other: PriceQuote) -> Decimal:
    """Difference as a share of the chosen price; 1 against a chosen zero."""
    if chosen.price == other.price:
        return Decimal(0)
    if chosen.price == 0:
        return Decimal(1)
    return CONTEXT.divide(abs(other.price - chosen.price), chosen.price)


class ConflictBook:
    """The conflicts seen since the process started, one for each asset and instant."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, object], PriceConflict] = OrderedDict()

    def note(self, conflict: PriceConflict) -> bool:
        """Remember a conflict; returns whether it is a new one."""
        key = (conflict.asset, conflict.instant)
        new = key not in self._seen
        self._seen[key] = conflict
        while len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return new

    def all(self) -> tuple[PriceConflict, ...]:
        """The conflicts, the oldest first."""
        return tuple(self._seen.values())
