"""Ireland's four-week rules (TCA 1997 s.581), for those who apply them to crypto assets.

Units disposed of are identified first with units acquired in the four weeks before (s.581(1)), among these and for
the rest first in, first out (s.580). A loss on units that are acquired again in the four weeks after is usable only
against the gain on those very units (s.581(3)): it is shown as disallowed, waits on the new lot without changing its
cost, and comes back as a negative `disallowed` when that lot is sold at a gain.
"""

from typing import Any

from indexer.tax.pools import emit
from indexer.tax.tape import SELL
from indexer.tax.wash import Claim, WashKernel


class FourWeekKernel(WashKernel):
    """Books a unit day by day with identification in the window and ring-fenced losses."""

    def _setup(self) -> None:
        super()._setup()
        self._ring: dict[int, int] = {}
        """Losses that wait on units acquired again, by the acquisition."""

    def _more(self) -> tuple[object, ...]:
        return (*super()._more(), dict(self._ring))

    def _restore_more(self, more: tuple[object, ...]) -> None:
        super()._restore_more(more[:-1])
        kept: Any = more[-1]  # written by `_more` above
        self._ring = dict(kept)

    def special(self, event: int) -> None:
        """A sale takes what the owner named, then the four weeks before it, then the oldest."""
        if self.unit.kind[event] != SELL:
            super().special(event)
            return
        left, proceeds = self.identified(event, self._extra(event))
        pool, pieces = self.pool_at(self.unit.place[event]), self.result.pieces
        window = self.segment.window if self.segment else None
        if window is not None:
            first = self._first_of(self.plan.day(self.unit.time[event]) - window.days_before)
            for piece in pool.open() if left else ():
                if not left:
                    break
                if pieces.order(piece) < first:
                    continue
                take = min(left, pieces.quantity[piece])
                part = proceeds if take == left else proceeds * take // left
                row = emit(pieces, self.result.rows, event, piece, take=take, proceeds=part)
                self.result.rows.rule[row] = "four_weeks"
                left -= take
                proceeds -= part
        short = pool.take(event, left, proceeds) if left else 0
        if short:
            self.short(event, short)

    def _qualifies(self, event: int, row: int) -> bool:
        """Only units acquired after the disposal ring-fence its loss (s.581(3))."""
        return event > self.result.rows.event[row]

    def _carry(self, piece: int, claim: Claim) -> None:
        """The loss waits on the units; their cost and dates stay what they are."""
        pieces = self.result.pieces
        pieces.washed.add(piece)
        source = pieces.source[piece]
        self._ring[source] = self._ring.get(source, 0) + claim.disallowed
        self._lineage[piece] = self._lineage.get(piece, frozenset()) | claim.lineage

    def _settle(self, day: int, first_row: int, after: int) -> None:
        """Ring-fence the day's losses, then let gains on units acquired again use what waits on them."""
        super()._settle(day, first_row, after)
        rows, pieces = self.result.rows, self.result.pieces
        for row in range(first_row, len(rows.event)):
            piece = rows.piece[row]
            waiting = self._ring.get(pieces.source[piece], 0) if piece in pieces.washed else 0
            gain = rows.proceeds[row] - rows.cost[row]
            if waiting and gain > 0:
                used = min(waiting, gain)
                rows.disallowed[row] = -used
                self._ring[pieces.source[piece]] -= used

    def finish(self) -> None:
        """Leave the losses that still wait where a reader finds them."""
        super().finish()
        self.result.waiting = {source: amount for source, amount in sorted(self._ring.items()) if amount}
