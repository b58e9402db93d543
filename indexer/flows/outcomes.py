"""What an unreviewed send would be if it was a sale: the engine's own lots, at market value.

The figure is given where it is the same whatever happens around it: under a method that takes lots, without a wash
window. Elsewhere (UK matching, averages that later purchases change) the movement's own page computes it exactly.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from indexer.model.movement import Movement, MovementKind
from indexer.model.stored import SaleOutcome
from indexer.tax.book import TaxBook
from indexer.tax.jurisdiction import Kernel
from indexer.tax.views import UnitView


def sale_outcomes(book: TaxBook, movements: Iterable[Movement]) -> Mapping[str, SaleOutcome]:
    """By id of the sends whose figures are all known."""
    sends = {movement.id: movement for movement in movements if movement.kind is MovementKind.SEND}
    taken: dict[str, _Taken] = defaultdict(_Taken)
    for view in book.views:
        removals = view.result.removals
        for row, event in enumerate(removals.event):
            if (movement_id := view.id_of(event)) in sends:
                taken[movement_id].add(view, row)
    return {
        movement_id: outcome
        for movement_id, found in taken.items()
        if (outcome := found.outcome(sends[movement_id])) is not None
    }


class _Taken:
    """The lots that one send took."""

    def __init__(self) -> None:
        self._cost = 0
        self._quantity = 0
        self._basis_known = True
        self._sound = True

    def add(self, view: UnitView, row: int) -> None:
        """Take in one lot's part."""
        removals = view.result.removals
        event, piece = removals.event[row], removals.piece[row]
        if view.note(event).reason not in ("", "send"):
            return  # the fee of the send is no part of what was sent
        segment = view.segment(event)
        plain = segment.kernel is Kernel.LOTS and segment.window is None
        self._sound &= plain and piece >= 0 and view.known(piece)
        self._cost += removals.cost[row]
        self._quantity += removals.quantity[row]
        if piece >= 0:
            origin = view.note(view.result.pieces.source[piece]).origin
            self._basis_known &= not origin.startswith("gap:")

    def outcome(self, movement: Movement) -> SaleOutcome | None:
        """The figures, None when one of them is unknown or the books hold less than was sent."""
        values = [leg.value for leg in (*movement.out, *movement.fee)]
        whole = sum(leg.quantity for leg in movement.out)
        if not self._sound or self._quantity != whole or any(value is None for value in values):
            return None
        fee = movement.fee_value + sum(leg.value or 0 for leg in movement.fee)
        proceeds = sum(leg.value or 0 for leg in movement.out) - fee
        return SaleOutcome(proceeds, self._cost, proceeds - self._cost, self._basis_known)
