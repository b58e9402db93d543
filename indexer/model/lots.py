"""Lots, disposals and the book: what the tax engine makes of movements.

Quantities are integers at the pool's scale (see `movement.Leg`), money is integers of 10**-18 currency units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Term(StrEnum):
    """Holding period class of a disposal."""

    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Lot:
    """Units acquired together. Moving or bridging keeps cost, `acquired_at` and `id`.

    `holding_from` is the day the holding period is counted from (acquisition day, minus tacked days).
    """

    id: str
    """Id of the movement that made it."""
    asset: str
    """Pool asset: identity group or CAIP-19 id."""
    wallet: str
    quantity: int
    cost: int
    acquired_at: datetime
    holding_from: date
    chain: str | None = None
    address: str | None = None
    origin: str = "buy"
    """buy | swap | income | gift | gap:<policy> | ..."""
    basis_known: bool = True
    """False when the cost comes from a gap policy and may be wrong."""


@dataclass(frozen=True, slots=True)
class Disposal:
    """The part of a sale that one lot met. `gain` = `proceeds` - `cost` + `disallowed`."""

    id: str
    """Id of the movement that sold."""
    asset: str
    wallet: str
    quantity: int
    matched: str
    """Lot id; UK 30-day rule: the later acquisition's id."""
    rule: str
    """fifo, lifo, hifo, ..., same_day, 30_day, s104: what took the lot."""
    disposed_at: datetime
    acquired_at: datetime | None
    proceeds: int
    cost: int
    disallowed: int
    gain: int
    term: Term
    washed_into: str | None = None
    """Lot id whose basis received the disallowed part."""


class BookGapCode(StrEnum):
    """Why a figure of the book is not final."""

    UNKNOWN_BASIS = "unknown_basis"
    UNKNOWN_PRICE = "unknown_price"
    SOLD_MORE_THAN_HELD = "sold_more_than_held"
    UNREVIEWED_SEND = "unreviewed_send"
    UNMATCHED_BRIDGE = "unmatched_bridge"
    MISSING_PORTFOLIO_VALUE = "missing_portfolio_value"
    NO_ALLOCATION = "no_allocation"
    """One pool became one pool a wallet and the owner recorded no allocation (Rev. Proc. 2024-28)."""


@dataclass(frozen=True, slots=True)
class BookGap:
    """A movement that could not be booked fully, and what it would change."""

    movement: str
    code: BookGapCode
    asset: str
    quantity: int
    detail: str


@dataclass(frozen=True, slots=True)
class Income:
    """Taxable receipt at market value."""

    movement: str
    asset: str
    quantity: int
    value: int
    time: datetime


class Book(Protocol):
    """The result of the engine. Sequences may build their values on access."""

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        ...

    @property
    def lots(self) -> Sequence[Lot]:
        """Open lots in a stable order."""
        ...

    @property
    def disposals(self) -> Sequence[Disposal]:
        """Disposals in time order."""
        ...

    @property
    def income(self) -> Sequence[Income]:
        """Income in time order."""
        ...

    @property
    def gaps(self) -> Sequence[BookGap]:
        """What is not final."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 over inputs and rules: equal inputs, equal fingerprint, equal bytes."""
        ...
