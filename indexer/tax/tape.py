"""The tape: dated events of plain integers, one set of columns for every unit that must be booked together.

A unit is the smallest set of pool assets whose books influence each other: one asset, or several that lots move
between or that share a wash window. Columns are parallel lists sorted by (time, order); nothing in a unit refers to
another unit, so that units are rebuilt and checkpointed one by one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter, le
from typing import TypeVar, overload

from indexer.model.lots import BookGapCode

Item = TypeVar("Item")

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
    fee_apart: int = 0
    """Money paid for a move that the profile neither adds to basis nor can dispose of: it is in no figure."""


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
    ids: "Growing[str]"
    orders: "Growing[tuple[int, ...]]"
    """The movement's order with the event's place inside the movement behind it."""
    extras: dict[int, Extra] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)


class Growing(Sequence[Item]):
    """A sequence that only ever grows at its end.

    The first `count` items are computed by `make` from their numbers, so that a tape of a million rows needs none
    of them in memory.
    """

    def __init__(self, count: int, make: Callable[[int], Item], tail: Iterable[Item] = ()) -> None:
        self._count, self._make = count, make
        self._tail = list(tail)

    def append(self, item: Item) -> int:
        """Add an item and return its number."""
        self._tail.append(item)
        return len(self) - 1

    def copy(self) -> "Growing[Item]":
        """The same items, to grow on its own."""
        return Growing(self._count, self._make, self._tail)

    def __len__(self) -> int:
        return self._count + len(self._tail)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return self._make(index) if 0 <= index < self._count else self._tail[index - self._count]


@dataclass(frozen=True, slots=True)
class Columns:
    """A portfolio's trades as integers in memory, in any order of time; equal times keep the order of rows.

    `asset` numbers `assets`; `kind` is BUY, RECEIVE or SELL; `value` is cost or proceeds after fees.
    """

    assets: Sequence[str]
    time: Sequence[int]
    asset: Sequence[int]
    kind: Sequence[int]
    quantity: Sequence[int]
    value: Sequence[int]


def from_columns(columns: Columns, wallet: str = "") -> Tape:
    """Lay integer columns out in units, one asset each."""
    members: list[list[int]] = [[] for _ in columns.assets]
    adds = [rows.append for rows in members]
    for row, asset in enumerate(columns.asset):
        adds[asset](row)
    in_order = all(map(le, columns.time, islice(columns.time, 1, None)))
    units = []
    for asset, rows in enumerate(members):
        if not rows:
            continue
        gather = itemgetter(*rows) if len(rows) > 1 else None
        time, kind, quantity, value = (
            list(gather(column)) if gather else [column[rows[0]]]
            for column in (columns.time, columns.kind, columns.quantity, columns.value)
        )
        unit = Unit((columns.assets[asset],), time, kind, [asset] * len(rows), quantity, value, rows)
        if not in_order:
            sort_unit(unit)
        units.append(unit)
    count = len(columns.time)
    places = [Place(name, wallet) for name in columns.assets]
    return Tape(places, units, Growing(count, str), Growing(count, lambda row: (row, 0)))


def sort_unit(unit: Unit) -> None:
    """Bring a unit's columns into order of time; equal times keep their order."""
    order = sorted(range(len(unit)), key=unit.time.__getitem__)
    for column in unit.columns():
        column[:] = [column[index] for index in order]
