"""Ireland's four-week rules (TCA 1997 s.581), for those who apply them to crypto assets.

Units disposed of are identified first with units acquired in the four weeks before (s.581(1)), among these and for
the rest first in, first out (s.580). A loss on units that are acquired again in the four weeks after is usable only
against the gain on those very units (s.581(3)): it is shown as disallowed, waits on the new lot without changing its
cost, and comes back as a negative `disallowed` when that lot is sold at a gain.
"""

from indexer.tax.pools import emit
from indexer.tax.tape import SELL
from indexer.tax.wash import Claim, WashKernel


class FourWeekKernel(WashKernel):
    """Books a unit day by day with identification in the window and ring-fenced losses."""

    def special(self, event: int) -> None:
        """A sale takes what the owner named, then the four weeks before it, then the oldest."""
        if self.unit.kind[event] != SELL:
            super().special(event)
            return
        left, proceeds = self.identified(event, self.note(event))
        pool, pieces = self.pool_at(self.unit.place[event]), self.result.pieces
        window = self.segment.window if self.segment else None
        for piece in self._recent_pieces(event, window.days_before) if window and left else ():
            take = min(left, pieces.quantity[piece])
            part = proceeds if take == left else proceeds * take // left
            row = emit(pieces, self.result.rows, event, piece, take=take, proceeds=part)
            self.result.rows.rule[row] = "four_weeks"
            left -= take
            proceeds -= part
            if not left:
                break
        short = pool.take(event, left, proceeds) if left else 0
        if short:
            self.short(event, short)

    def _recent_pieces(self, event: int, days: int) -> list[int]:
        """What is left of the units acquired in the days before a sale, in its pool, oldest first."""
        pieces, key = self.result.pieces, self._key_at(self.unit.place[event])
        first = self._first_of(self.plan.day(self.unit.time[event]) - days)
        found = [
            piece
            for acquired in range(first, event)
            for piece in self.lot_index.of(acquired)
            if pieces.quantity[piece]
            and pieces.order(piece) >= first
            and self._key_at(pieces.place[piece]) == key
        ]
        return sorted(found, key=lambda piece: (pieces.order(piece), piece not in pieces.washed, piece))

    def _qualifies(self, event: int, row: int) -> bool:
        """Only units acquired after the disposal ring-fence its loss (s.581(3))."""
        return event > self.result.rows.event[row]

    def _carry(self, piece: int, claim: Claim) -> None:
        """The loss waits on the units; their cost and dates stay what they are."""
        pieces = self.result.pieces
        pieces.washed.add(piece)
        source, waiting = pieces.source[piece], self.result.waiting
        waiting[source] = waiting.get(source, 0) + claim.disallowed
        pieces.lineage[piece] = pieces.lineage.get(piece, frozenset()) | claim.lineage

    def _settle(self, day: int, first_row: int, after: int) -> None:
        """Ring-fence the day's losses, then let gains on units acquired again use what waits on them."""
        super()._settle(day, first_row, after)
        rows, pieces, ring = self.result.rows, self.result.pieces, self.result.waiting
        for row in range(first_row, len(rows.event)):
            piece = rows.piece[row]
            waiting = ring.get(pieces.source[piece], 0) if piece in pieces.washed else 0
            gain = rows.proceeds[row] - rows.cost[row]
            if waiting and gain > 0:
                used = min(waiting, gain)
                rows.disallowed[row] = -used
                ring[pieces.source[piece]] -= used
