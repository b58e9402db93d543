"""What pieces of lots cost a unit, and integers that order them by it exactly."""

from collections.abc import Sequence

from indexer.tax.store import Pieces
from indexer.tax.tape import Unit


class Ranking:
    """Unit costs of one unit's pieces: those they were made with, acquisition fees included."""

    def __init__(self, unit: Unit, pieces: Pieces) -> None:
        self._unit, self._pieces = unit, pieces
        self._bits = 0
        """Binary places that tell unit costs of this unit apart; found when first needed."""
        self._known: list[float] = []
        """Rounded unit costs of the first pieces, as their acquisitions have them."""

    def basis(self, piece: int) -> tuple[int, int]:
        """(cost, quantity) that a piece is ranked by."""
        source = self._pieces.source[piece]
        known = self._pieces.unit_cost.get(piece)
        return known or (self._unit.value[source], self._unit.quantity[source])

    def exact(self, piece: int) -> int:
        """An integer that orders pieces by unit cost exactly.

        Fractions c/q and d/p with q, p below 2**n differ by at least 2**-2n when they differ, so that their
        floors at 2n binary places differ too, and equal fractions have equal floors.
        """
        if not self._bits:
            self._bits = 2 * max(self._unit.quantity).bit_length()
        cost, quantity = self.basis(piece)
        return (cost << self._bits) // quantity

    def ratios(self, pieces: Sequence[int]) -> list[float] | None:
        """Unit costs as correctly rounded floats, for sorting alone; None when one is out of range."""
        value, quantity, known = self._unit.value, self._unit.quantity, self._known
        try:
            if self._pieces.unit_cost:
                return [cost / units for cost, units in map(self.basis, pieces)]
            source = self._pieces.source
            if 2 * len(pieces) < len(source) - len(known):
                # Most pieces are gone (a run from a checkpoint): it is shorter to look at those asked for.
                return [value[event] / quantity[event] for event in map(source.__getitem__, pieces)]
            known += [value[event] / quantity[event] for event in source[len(known) :]]
        except OverflowError:
            return None
        return list(map(known.__getitem__, pieces))
