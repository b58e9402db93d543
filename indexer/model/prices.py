"""Quotes. Unknown, zero, rate-limited and stale are four different things and are never confused."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum


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
