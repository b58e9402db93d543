"""What a flagged move means for the owner if it is a disposal, and if it is not. Integers throughout.

Quantities are at the pool's scale (10**-18 tokens), money is in 10**-18 units of the portfolio's currency.
An unknown value gives an unknown gain, never zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from indexer.model.money import split_cost


@dataclass(frozen=True, slots=True)
class LotPart:
    """Units that take part in the move, with their cost and the day they were acquired."""

    quantity: int
    cost: int
    acquired_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """A cross-chain move: the lots that left, what arrived, when, and what it was worth."""

    lots: tuple[LotPart, ...]
    quantity_in: int
    """What arrived. At most what left; the difference is the fee."""
    at: datetime
    value_out: int | None
    """Market value of what left."""
    value_in: int | None = None
    """Market value of what arrived; None: the same unit value as what left."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One reading. `gain` is None when no market value is known; `lots` are what is held afterwards."""

    proceeds: int | None
    cost: int
    gain: int | None
    lots: tuple[LotPart, ...]

    @property
    def basis(self) -> int:
        """Cost of what is held afterwards."""
        return sum(lot.cost for lot in self.lots)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Both readings of one move."""

    if_disposal: Outcome | None
    """None when no market value is known: neither the gain nor the later basis can be said."""
    if_not: Outcome


def outcomes(move: Move, *, fee_is_disposal: bool) -> Outcomes:
    """Both readings of a move.

    If it is a disposal, the proceeds are the market value of what arrived, which is also its basis, and its
    holding period starts anew. If it is not, cost and dates go along; the fee is a disposal of the units kept by the
    bridge at their market value (`fee_is_disposal`), or its cost stays in the basis of what arrived.

    Raises:
        ValueError: nothing left, or more arrived than left.
    """
    left = sum(lot.quantity for lot in move.lots)
    if not 0 < move.quantity_in <= left:
        raise ValueError(f"{move.quantity_in} units cannot be what arrived of {left}")
    return Outcomes(_disposal(move, left), _carried(move, left, fee_is_disposal=fee_is_disposal))


def _disposal(move: Move, left: int) -> Outcome | None:
    value = move.value_in
    if value is None:
        if move.value_out is None:
            return None
        value = move.value_out * move.quantity_in // left
    cost = sum(lot.cost for lot in move.lots)
    return Outcome(value, cost, value - cost, (LotPart(move.quantity_in, value, move.at),))


def _carried(move: Move, left: int, *, fee_is_disposal: bool) -> Outcome:
    fee = left - move.quantity_in
    if fee == 0:
        return Outcome(0, 0, 0, move.lots)
    if not fee_is_disposal:
        return Outcome(0, 0, 0, _shrunk(move.lots, move.quantity_in, left))
    kept, fee_cost = _without(move.lots, fee)
    proceeds = None if move.value_out is None else move.value_out * fee // left
    return Outcome(proceeds, fee_cost, None if proceeds is None else proceeds - fee_cost, kept)


def _without(lots: Sequence[LotPart], fee: int) -> tuple[tuple[LotPart, ...], int]:
    """Take the fee from the lots in their order; cost is conserved exactly."""
    kept, spent = [], 0
    for lot in lots:
        take = min(fee, lot.quantity)
        fee -= take
        cost = split_cost(lot.cost, take, lot.quantity) if take else 0
        spent += cost
        if take < lot.quantity:
            kept.append(LotPart(lot.quantity - take, lot.cost - cost, lot.acquired_at))
    return tuple(kept), spent


def _shrunk(lots: Sequence[LotPart], arrived: int, left: int) -> tuple[LotPart, ...]:
    """Fewer units at the same total cost; the last lot takes the rest of the units."""
    made, given, orphaned = [], 0, 0
    for at, lot in enumerate(lots):
        units = arrived - given if at == len(lots) - 1 else lot.quantity * arrived // left
        given += units
        if units:
            made.append(LotPart(units, lot.cost + orphaned, lot.acquired_at))
            orphaned = 0
        else:
            orphaned += lot.cost
    if orphaned and made:
        made[-1] = LotPart(made[-1].quantity, made[-1].cost + orphaned, made[-1].acquired_at)
    return tuple(made)
