"""From one pool to one pool a wallet: how unused basis is allocated when the law changes its mind.

United States, 1 January 2025: Treas. Reg. 1.1012-1(j) asks for lots per wallet; Rev. Proc. 2024-28 lets a taxpayer who
kept one pool allocate its unused basis to the units really held in each wallet, unit by unit (s.4.02, specific unit
allocation) or by a rule of order (s.4.03, global allocation). The choice is the owner's and binding: a judgment, or the
document's `allocation`. Without one every lot stays where its own units are, as far as that wallet holds as many; the
rest goes, oldest first, to the wallets that hold more than their lots, and a gap says that nobody chose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from indexer.model.errors import InputError
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.profile import Method
from indexer.tax.store import Pieces
from indexer.tax.tape import MOVE, NO_EXTRA, REMOVE, SELL, Tape, Unit

SUBJECT = "rev-proc-2024-28"
"""What a judgment about the change-over is about."""


@dataclass(frozen=True, slots=True)
class AllocatedUnits:
    """Specific unit allocation: units of a lot that are said to be in a wallet."""

    lot: str
    wallet: str
    quantity: Decimal
    """In whole tokens."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """The owner's choice. `units` are served first; then `wallets` are filled in their order, lots by `order`."""

    units: tuple[AllocatedUnits, ...] = ()
    wallets: tuple[str, ...] = ()
    order: Method = Method.FIFO


def read_allocation(given: Any, where: str) -> Allocation:
    """Read `{units: [{lot, wallet, qty}]}` or `{wallets: [...], order: fifo|lifo|hifo|lofo}`.

    Raises:
        InputError: it is neither; the text begins with `where`.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: an allocation is an object with `units` or with `wallets`")
    try:
        units = tuple(
            AllocatedUnits(str(unit["lot"]), str(unit["wallet"]), Decimal(str(unit["qty"])))
            for unit in given.get("units", ())
        )
        order = Method(given.get("order", "fifo"))
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise InputError(
            f"{where}: units are {{lot, wallet, qty}}, order is fifo, lifo, hifo or lofo"
        ) from error
    if any(not unit.quantity.is_finite() or unit.quantity <= 0 for unit in units):
        raise InputError(f"{where}: every qty must be more than zero")
    if order not in (Method.FIFO, Method.LIFO, Method.HIFO, Method.LOFO):
        raise InputError(f"{where}: order is fifo, lifo, hifo or lofo")
    return Allocation(units, tuple(str(wallet) for wallet in given.get("wallets", ())), order)


def allocation_of(judgments: Sequence[Judgment]) -> Allocation | None:
    """The allocation that the owner recorded last and did not take back.

    Raises:
        InputError: it cannot be read; the text names the judgment.
    """
    undone = {judgment.subject for judgment in judgments if judgment.kind is JudgmentKind.UNDO}
    made = [
        judgment
        for judgment in sorted(judgments, key=lambda judgment: (judgment.when, judgment.id))
        if judgment.kind is JudgmentKind.LOT_ALLOCATION
        and judgment.subject == SUBJECT
        and judgment.id not in undone
    ]
    return read_allocation(made[-1].payload, f"judgment {made[-1].id}") if made else None


def holdings(tape: Tape, unit: Unit, position: int) -> dict[int, int]:
    """Units at every place before an event, by what happened there and not by which lot was used."""
    held: dict[int, int] = {}
    for kind, place, quantity, ref in zip(
        unit.kind[:position],
        unit.place[:position],
        unit.quantity[:position],
        unit.ref[:position],
        strict=True,
    ):
        if kind == MOVE:
            extra = tape.extras.get(ref, NO_EXTRA)
            arrives = quantity if extra.arrives is None else extra.arrives
            held[place] = held.get(place, 0) - quantity
            held[extra.to_place] = held.get(extra.to_place, 0) + arrives
        else:
            held[place] = held.get(place, 0) + (-quantity if kind in (SELL, REMOVE) else quantity)
    return {place: units for place, units in held.items() if units > 0}


@dataclass(slots=True)
class Allocator:
    """Deals the open pieces of one unit out to the places that hold units."""

    tape: Tape
    unit: Unit
    pieces: Pieces
    room: dict[int, int]
    """Units that each place holds and no piece covers yet."""
    scale: int = 18

    def deal(self, content: Sequence[int], allocation: Allocation | None) -> tuple[list[int], int]:
        """Place every piece: (the pieces made, units that nobody's choice covered)."""
        made: list[int] = []
        chosen = allocation or Allocation()
        for units in chosen.units:
            wanted = int(units.quantity.scaleb(self.scale))
            lot = [piece for piece in content if self._lot(piece) == units.lot]
            made += self._give(lot, self._places(units.wallet), wanted)
        if allocation is None:
            for piece in content:
                made += self._give([piece], [self.pieces.place[piece]], None)
        rest = self._sorted(content, chosen.order)
        for wallet in chosen.wallets:
            made += self._give(rest, self._places(wallet), None)
        open_units = sum(self.pieces.quantity[piece] for piece in content)
        made += self._give(rest, sorted(self.room, key=self._name), None)
        # Units that are in no wallet by the books' own count stay where their lot was.
        for piece in content:
            if self.pieces.quantity[piece]:
                made.append(self.pieces.part(piece, self.pieces.quantity[piece], self.pieces.place[piece]))
        return made, open_units

    def has_choice(self, content: Sequence[int]) -> bool:
        """Whether units could be dealt to more than one wallet: with one there is nothing to record."""
        places = {*self.room, *(self.pieces.place[piece] for piece in content)}
        return len({self.tape.places[place].wallet for place in places}) > 1

    def _lot(self, piece: int) -> str:
        return self.tape.ids[self.unit.ref[self.pieces.source[piece]]]

    def _name(self, place: int) -> tuple[str, ...]:
        where = self.tape.places[place]
        return (where.asset, where.wallet, where.chain or "", where.address or "")

    def _places(self, wallet: str) -> list[int]:
        return sorted(
            (place for place in self.room if self.tape.places[place].wallet == wallet), key=self._name
        )

    def _sorted(self, content: Sequence[int], order: Method) -> list[int]:
        pieces = self.pieces

        def age(piece: int) -> tuple[float, int]:
            return (pieces.order(piece), piece)

        def unit_cost(piece: int) -> Decimal:
            return Decimal(pieces.cost[piece]) / max(1, pieces.quantity[piece])

        by_age = sorted(content, key=age)
        if order is Method.LIFO:
            return by_age[::-1]
        if order in (Method.HIFO, Method.LOFO):
            return sorted(by_age, key=unit_cost, reverse=order is Method.HIFO)
        return by_age

    def _give(self, content: Sequence[int], places: Sequence[int], wanted: int | None) -> list[int]:
        """Cut pieces into places of the same asset as long as there is room."""
        made: list[int] = []
        for place in places:
            for piece in content:
                if self.tape.places[place].asset != self.tape.places[self.pieces.place[piece]].asset:
                    continue
                take = min(self.pieces.quantity[piece], self.room.get(place, 0))
                take = take if wanted is None else min(take, wanted)
                if take <= 0:
                    continue
                made.append(self.pieces.part(piece, take, place))
                self.room[place] -= take
                wanted = None if wanted is None else wanted - take
        return made
