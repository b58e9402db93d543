"""Quotes. Unknown, zero, rate-limited and stale are four different things and are never confused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class PriceStatus(StrEnum):
    """Why there is no quote."""

    UNKNOWN = "unknown"
    """Every source was asked and none knows the asset at that instant."""
    RATE_LIMITED = "rate_limited"
    """A source that may know refused for now; ask again later."""
    UNAVAILABLE = "unavailable"
    """A source that may know cannot be reached."""
    STALE = "stale"
    """The nearest quote is further away than the bound."""
    SPAM = "spam"
    """Spam is never priced."""


@dataclass(frozen=True, slots=True)
class PriceNeed:
    """One quote that is needed: an asset's price id at an instant, in a currency (ISO 4217)."""

    asset: str
    """CAIP-19 id"""
    instant: datetime
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """Price of one whole token. `instant` is the quote's own time; `distance` from the instant asked."""

    asset: str
    currency: str
    instant: datetime
    price: Decimal
    source: str
    distance: timedelta = timedelta(0)
    confidence: float | None = None
    via: str | None = None
    """The asset whose price stood in (identity group, underlying), None when it is the asset's own."""


@dataclass(frozen=True, slots=True)
class PriceMissing:
    """The honest answer when there is no quote."""

    asset: str
    currency: str
    instant: datetime
    status: PriceStatus
    detail: str = ""


PriceResult = PriceQuote | PriceMissing


class QuoteCache(Protocol):
    """Quotes that were answered before. Historical ones are kept for ever; the service decides what is fresh."""

    async def load(self, needs: Sequence[PriceNeed], within: timedelta) -> dict[PriceNeed, list[PriceQuote]]:
        """Stored quotes within the bound of each need: at most the nearest of each source."""
        ...

    async def save(self, quotes: Sequence[PriceQuote]) -> None:
        """Keep quotes; one of the same (asset, currency, instant, source) is replaced."""
        ...
