"""Where open pieces are: found by place, by pool and by lot without looking through all of them.

Pieces are only ever made, cut and used up, so that an index which takes in what was made since it was last asked, and
skips what is gone, stays right without being told of anything. What is skipped once is not looked at again: any
number of moves costs as much as the pieces that they touch.
"""

from collections.abc import Callable

from indexer.tax.pools import Line
from indexer.tax.result import PoolKey
from indexer.tax.store import Pieces
from indexer.tax.tape import Tape, Unit


class Whereabouts:
    """Open pieces of one unit by place and by pool; `key_of` names the pool of a place."""

    def __init__(
        self, pieces: Pieces, key_of: Callable[[int], PoolKey], aside: Callable[[int], bool]
    ) -> None:
        self._pieces, self._key_of, self._aside = pieces, key_of, aside
        self._seen = 0
        self._places: dict[int, Line] = {}
        self._pools: dict[PoolKey, Line] = {}
        self._twins: dict[tuple[int, int], list[int]] = {}
        """Pieces by acquisition and place, in the order they were made."""

    def catch_up(self) -> None:
        """Take in the pieces that were made since the last time."""
        pieces = self._pieces
        for piece in range(self._seen, len(pieces.source)):
            if pieces.quantity[piece] and not self._aside(piece):
                place = pieces.place[piece]
                self._at(place).put(piece)
                self._in(self._key_of(place)).put(piece)
                self._twins.setdefault((pieces.source[piece], place), []).append(piece)
        self._seen = len(pieces.source)

    def next_at(self, place: int) -> int:
        """The oldest piece at a place, else the oldest in its pool, -1 when the pool is empty."""
        piece = self._at(place).peek()
        return piece if piece >= 0 else self._in(self._key_of(place)).peek()

    def twin(self, piece: int) -> int:
        """An open piece that a new one at its place differs from in nothing but its units, -1 when there is none.

        Without it, moves to and fro would grind lots down to ever smaller pieces.
        """
        pieces = self._pieces
        made = self._twins.get((pieces.source[piece], pieces.place[piece]), [])
        while made and not pieces.quantity[made[-1]]:
            made.pop()
        return made[-1] if made and pieces.alike(piece, made[-1]) else -1

    def _at(self, place: int) -> Line:
        line = self._places.get(place)
        if line is None:
            line = self._places[place] = Line(self._pieces)
        return line

    def _in(self, key: PoolKey) -> Line:
        line = self._pools.get(key)
        if line is None:
            line = self._pools[key] = Line(self._pieces)
        return line


class LotIndex:
    """Pieces by the acquisition they come from, and by its name."""

    def __init__(self, tape: Tape, unit: Unit, pieces: Pieces) -> None:
        self._tape, self._unit, self._pieces = tape, unit, pieces
        self._seen = 0
        self._made: dict[int, list[int]] = {}
        self._named: dict[str, list[int]] | None = None

    def of(self, source: int) -> list[int]:
        """All pieces of an acquisition in the order they were made, those that are gone too."""
        made, sources = self._made, self._pieces.source
        for piece in range(self._seen, len(sources)):
            made.setdefault(sources[piece], []).append(piece)
        self._seen = len(sources)
        return list(made.get(source, ()))

    def named(self, lot: str) -> list[int]:
        """All pieces of the acquisitions of a movement."""
        if self._named is None:
            self._named = {}
            for event, ref in enumerate(self._unit.ref):
                self._named.setdefault(self._tape.ids[ref], []).append(event)
        return [piece for event in self._named.get(lot, ()) for piece in self.of(event)]
