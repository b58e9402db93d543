"""Quotes. Unknown, zero, rate-limited and stale are four different things and are never confused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from indexer.model.money import CONTEXT


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


class PriceNeed(NamedTuple):
    """One quote that is needed: an asset's price id at an instant, in a currency (ISO 4217).

    A tuple, because a portfolio's needs are keys by the hundred thousand and tuples are hashed in C.
    """

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
    rival: "PriceQuote | None" = None
    """Another source's quote that disagrees by more than the policy's bound; the user decides which is right.

    Of a price that was taken through another asset (`via`) whose own price is disputed, it is what would have come of
    that asset's rival; it stands at the quote's own time.
    """
    fx_rate: Decimal | None = None
    """ECB rate that turned the source's dollars into `currency`, None when nothing was converted."""


@dataclass(frozen=True, slots=True)
class PriceMissing:
    """The honest answer when there is no quote."""

    asset: str
    currency: str
    instant: datetime
    status: PriceStatus
    detail: str = ""
    nearest: PriceQuote | None = None
    """Under `STALE`: the quote that was too far away."""


PriceResult = PriceQuote | PriceMissing


class Granularity(StrEnum):
    """Which instant of the past stands for a transaction."""

    NEAREST = "nearest"
    """The quote nearest to the transaction itself."""
    DAILY = "daily"
    """The close of the transaction's UTC day."""
    MINUTE = "minute"
    """The quote nearest to the start of the transaction's minute, at most `minute_within` away."""


@dataclass(frozen=True, slots=True)
class PricePolicy:
    """How quotes are chosen. Part of a book's fingerprint, because another choice gives other numbers."""

    order: tuple[str, ...] = ()
    """Names of the sources, the most trusted first; empty: as the sources were given."""
    granularity: Granularity = Granularity.NEAREST
    within: timedelta = timedelta(hours=6)
    """A historical quote further from the instant asked is stale."""
    minute_within: timedelta = timedelta(minutes=5)
    """The bound under `Granularity.MINUTE`."""
    live_window: timedelta = timedelta(minutes=5)
    """An instant this close to the present (or after it) asks for the live price."""
    live_within: timedelta = timedelta(hours=1)
    """A live quote older than this is stale: its source lags."""
    live_for: timedelta = timedelta(seconds=30)
    """How long a live answer is served again before the sources are asked anew."""
    disagreement: Decimal = Decimal("0.05")
    """Two sources further apart than this share of the chosen price are in conflict."""
    confirmations: int = 1
    """How many further sources are asked to confirm a freshly fetched quote."""
    confident: float = 0.5
    """A quote of lower confidence is used only when no later source does better."""

    def fingerprint(self) -> str:
        """Every choice that changes which historical quote is taken, as one stable line of text."""
        bound = self.minute_within if self.granularity is Granularity.MINUTE else self.within
        return (
            f"prices/1 order={','.join(self.order)} granularity={self.granularity} "
            f"within={int(bound.total_seconds())}s confident={self.confident}"
        )


@dataclass(frozen=True, slots=True)
class PriceConflict:
    """Two sources that disagree about one asset at one instant by more than the policy's bound."""

    code = "price-disagreement"

    asset: str
    currency: str
    instant: datetime
    chosen: PriceQuote
    rival: PriceQuote
    spread: Decimal
    """Difference as a share of the chosen price: 0.08 is eight per cent."""


@dataclass(frozen=True, slots=True)
class DisputedPrice:
    """A price that a book or an answer was made with although another source contradicts it."""

    asset: str
    currency: str
    instant: datetime
    """The instant that was to be priced."""
    source: str
    price: Decimal
    rival_source: str
    rival_price: Decimal
    via: str | None = None
    """The asset whose disputed price stood behind this one, None when it is the asset's own."""

    @property
    def spread(self) -> Decimal:
        """Difference as a share of the price that was used; 1 against a zero."""
        if self.price == 0:
            return Decimal(int(self.rival_price != 0))
        return CONTEXT.divide(abs(self.rival_price - self.price), self.price)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """What became of the needs a source was asked for since the process started. Counts are needs, not requests."""

    name: str
    asked: int = 0
    answered: int = 0
    weak: int = 0
    """Answered with too little confidence to be believed alone."""
    unknown: int = 0
    stale: int = 0
    rate_limited: int = 0
    unavailable: int = 0
    absurd: int = 0
    """Quotes that were thrown away: negative, zero, not finite, or from the future."""
    conflicts: int = 0
    last_answer: datetime | None = None
    last_error: str | None = None

    @property
    def coverage(self) -> Decimal | None:
        """Share of the asked needs that got a quote, None before the first question."""
        return Decimal(self.answered) / self.asked if self.asked else None


class QuoteCache(Protocol):
    """Quotes that were answered before. Historical ones are kept for ever; the service decides what is fresh.

    Every field of a quote but `fx_rate` must come back as it was saved; of a `rival` its source and its price, the rest
    as in the quote beside it. `distance` may be negative here: under `instant` stands the instant that was asked, and
    `instant + distance` is the source's own time.
    """

    async def load(self, needs: Sequence[PriceNeed], within: timedelta) -> dict[PriceNeed, list[PriceQuote]]:
        """Stored quotes within the bound of each need: at most the nearest of each source."""
        ...

    async def save(self, quotes: Sequence[PriceQuote]) -> None:
        """Keep quotes; one of the same (asset, currency, instant, source) is replaced."""
        ...
