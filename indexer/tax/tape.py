"""The tape: dated events of plain integers, one set of columns for every unit that must be booked together.

A unit is the smallest set of pool assets whose books influence each other: one asset, or several that lots move
between or that share a wash window. Columns are parallel lists sorted by (time, order); nothing in a unit refers to
another unit, so that units are rebuilt and checkpointed one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from indexer.model.lots import BookGapCode

BUY = 0
"""Acquired by purchase or taxable exchange."""
RECEIVE = 1
"""Acquired otherwise: income, gift, unknown."""
SELL = 2
REMOVE = 3
"""Leaves without being a disposal: unreviewed send, gift where gifts are no disposal, loss of coins."""
MOVE = 4
"""Between places of one owner; keeps cost, date and origin."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where units are: pool asset, tax wallet, and the chain and address for reporting."""

    asset: str
    wallet: str
    chain: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Extra:
    """What few events carry beside the columns.

    `lots` are (lot id, quantity) in the order they are to be taken; `to_place` is where a move ends;
    `acquired_us` is the original acquisition of a receipt, `holding_day` the day its holding is counted from.
    `portfolio_value` is the worth of the whole portfolio at a sale (France), `gross` the price before fees.
    """

    lots: tuple[tuple[str, int], ...] = ()
    to_place: int = -1
    origin: str = ""
    acquired_us: int | None = None
    holding_day: int | None = None
    portfolio_value: int | None = None
    gross: int | None = None
    unknown: BookGapCode | None = None
    """Set when the event's value is not known; the value column then holds 0, which is never shown as a figure."""
    gap: BookGapCode | None = None
    """Set when the value is a figure by a policy and not by knowledge: booked, and listed."""
    swap: bool = False
    """A leg of an exchange of one asset for another (no disposal in France)."""
    arrives: int | None = None
    """Quantity that reaches `to_place`, None when all of it does; the difference is a fee added to basis."""
    basis_added: int = 0
    """Fiat cost added to the units moved."""
    reason: str = ""
    """What a removal was: send, gift, lost."""


NO_EXTRA = Extra()


@dataclass(slots=True)
class Unit:
    """Parallel columns of one unit, sorted by (time, order). `value` is cost or proceeds after fees, 10**-18 units."""

    assets: tuple[str, ...]
    time: list[int] = field(default_factory=list)
    """Microseconds since 1970 UTC."""
    kind: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    quantity: list[int] = field(default_factory=list)
    value: list[int] = field(default_factory=list)
    ref: list[int] = field(default_factory=list)
    """Index into the tape's `ids` and key of its `extras`."""

    def columns(self) -> tuple[list[int], ...]:
        """All columns in a fixed order."""
        return (self.time, self.kind, self.place, self.quantity, self.value, self.ref)

    def __len__(self) -> int:
        return len(self.time)


@dataclass(slots=True)
class Tape:
    """Events of a portfolio. `ids[ref]` names the movement, `orders[ref]` breaks ties of equal times."""

    places: list[Place]
    units: list[Unit]
    ids: Sequence[str]
    orders: Sequence[tuple[int, ...]]
    extras: Mapping[int, Extra] = field(default_factory=dict)
