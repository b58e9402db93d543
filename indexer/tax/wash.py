"""Wash sales after 26 U.S.C. 1091 and 26 CFR 1.1091-1, on lots.

Events of one tax day are booked as usual; then the day's losses are taken in order of acquisition of what was sold
(1.1091-1(b)). A loss is disallowed as far as other units were acquired within the window, the earliest acquired first
(1.1091-1(c), (d)); every unit acquired stands in for one unit sold only (1.1091-1(e)). The disallowed amount joins the
basis of the units that stood in (s.1091(d)), and the days the sold units were held join their holding period
(s.1223(3)).

What stands in: units still held at the end of the day of the sale, units acquired in the days after it, and, by the
switch `sold_same_day`, units sold on that very day. Never units of the lot sold itself, nor of a lot whose own
disallowed loss they carry. Moves between own places are no acquisitions; lots are looked for in every wallet, on
every chain, and in the whole unit, which is the strict or the broad identity group.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from indexer.model.money import split_cost
from indexer.tax.jurisdiction import WashWindow
from indexer.tax.lots import LotKernel
from indexer.tax.pools import AveragePool
from indexer.tax.tape import BUY, RECEIVE, Extra


@dataclass(frozen=True, slots=True)
class Claim:
    """Units of an acquisition yet to come that stand in for a loss: what joins them when they are there."""

    quantity: int
    disallowed: int
    held_days: int
    lineage: frozenset[int]


@dataclass(frozen=True, slots=True)
class StandIn:
    """Units that may stand in for a loss: an open piece, a row of the same day, or an acquisition to come."""

    source: int
    quantity: int
    piece: int = -1
    row: int = -1


class WashKernel(LotKernel):
    """Books a unit day by day and moves disallowed losses into replacement lots.

    What is bought under other rules, from `horizon` on, replaces nothing: there is nobody left to carry the loss.
    """

    sold_same_day = True

    def _setup(self) -> None:
        self._claims: dict[int, list[Claim]] = {}
        self._spent: dict[int, int] = {}
        """Acquisitions that can never stand in again, each with a later event at which to look on."""

    def _more(self) -> tuple[object, ...]:
        return ({event: list(claims) for event, claims in self._claims.items()},)

    def _restore_more(self, more: tuple[object, ...]) -> None:
        kept: Any = more  # written by `_more` above
        (claims,) = kept
        self._claims = {event: list(found) for event, found in claims.items()}

    # -- acquisitions

    def advance(self, begin: int, end: int) -> None:
        """Book whole tax days from `begin` to `end`."""
        position = begin
        while position < end:
            day = self.plan.day(self.unit.time[position])
            stop = position
            while stop < end and self.plan.day(self.unit.time[stop]) == day:
                stop += 1
            rows = len(self.result.rows.event)
            self._book(position, stop)
            self._settle(day, rows, stop)
            position = stop

    def _book(self, begin: int, end: int) -> None:
        unit = self.unit
        for event in range(begin, end):
            if unit.kind[event] in (BUY, RECEIVE):
                self.receive(event, self.note(event))
            else:
                self.special(event)

    def receive(self, event: int, extra: Extra) -> None:
        """Take in a lot; units that stand in for earlier losses become pieces of their own."""
        claims = self._claims.pop(event, None)
        if not claims:
            super().receive(event, extra)
            return
        unit, pieces = self.unit, self.result.pieces
        whole = pieces.add(unit.quantity[event], unit.value[event], event, unit.place[event])
        self.take_over(whole)
        day = extra.holding_day or self.plan.day(unit.time[event])
        pieces.holding[whole] = day
        if extra.acquired_us is not None:
            pieces.rank[whole] = self.position_of(extra.acquired_us)
        pool = self.pool_at(unit.place[event])
        for claim in claims:
            part = pieces.part(whole, claim.quantity, unit.place[event])
            self._carry(part, claim)
            pool.put(part)
        if pieces.quantity[whole]:
            pool.put(whole)

    def _carry(self, piece: int, claim: Claim) -> None:
        """Put a disallowed loss onto a piece that is in no pool yet."""
        pieces = self.result.pieces
        day = pieces.holding.get(piece)
        if day is None:
            day = self._acquired_day(pieces.source[piece])
        pieces.cost[piece] += claim.disallowed
        pieces.unit_cost[piece] = (pieces.cost[piece], pieces.quantity[piece])
        pieces.holding[piece] = day - claim.held_days
        pieces.washed.add(piece)
        pieces.lineage[piece] = pieces.lineage.get(piece, frozenset()) | claim.lineage

    def _acquired_day(self, source: int) -> int:
        extra = self.note(source)
        if extra.holding_day is not None:
            return extra.holding_day
        return self.plan.day(self.unit.time[source] if extra.acquired_us is None else extra.acquired_us)

    # -- losses of a day

    def _settle(self, day: int, first_row: int, after: int) -> None:
        """Disallow the day's losses; `after` is the first event of the days that follow."""
        window = self.segment.window if self.segment else None
        if window is None:
            return
        rows = self.result.rows
        sold = [row for row in range(first_row, len(rows.event)) if self._counts(row)]
        sold.sort(key=lambda row: (self.result.pieces.order(rows.piece[row]), row))
        for row in sold:
            if rows.cost[row] <= rows.proceeds[row] or row in rows.disallowed:
                continue
            left = row
            for stand_in in self._stand_ins(day, row, first_row, after, window):
                left = self._wash(left, stand_in, day)
                if left < 0:
                    break

    def _counts(self, row: int) -> bool:
        rows = self.result.rows
        return (
            rows.piece[row] >= 0
            and self.note(rows.event[row]).unknown is None
            and self.note(self.result.pieces.source[rows.piece[row]]).unknown is None
        )

    def _row_lineage(self, row: int) -> frozenset[int]:
        piece = self.result.rows.piece[row]
        pieces = self.result.pieces
        return pieces.lineage.get(piece, frozenset()) | {pieces.source[piece]}

    def _bought(self, event: int, window: WashWindow) -> bool:
        kind = self.unit.kind[event]
        return kind == BUY or (kind == RECEIVE and not window.purchases_only)

    def _stand_ins(
        self, day: int, row: int, first_row: int, after: int, window: WashWindow
    ) -> Iterator[StandIn]:
        """Units that may stand in for a row's loss, earliest acquired first."""
        excluded = self._row_lineage(row)
        pieces = self.result.pieces
        today = self._sources_of(first_row)
        wanted = self._identity(self.result.rows.event[row])
        for event in self._window_events(day, window):
            if not self._bought(event, window):
                self._spent[event] = event + 1
                continue
            if event in excluded or self._identity(event) != wanted or not self._qualifies(event, row):
                continue
            if event >= after:
                claimed = sum(claim.quantity for claim in self._claims.get(event, ()))
                if self.unit.quantity[event] > claimed:
                    yield StandIn(event, self.unit.quantity[event] - claimed)
                continue
            alive = [
                piece
                for piece in self.lot_index.of(event)
                if pieces.quantity[piece] and piece not in pieces.washed
            ]
            if not alive and event not in today:
                self._spent[event] = event + 1
            for piece in alive:
                yield StandIn(event, pieces.quantity[piece], piece=piece)
            if self.sold_same_day and event in today:
                yield from self._sold_today(event, row, today[event], excluded)

    def _identity(self, event: int) -> str:
        """What an event's units are the same property as."""
        return self.plan.identity(self.tape.places[self.unit.place[event]].asset, self.tape.families)

    def _qualifies(self, event: int, row: int) -> bool:
        """Whether an acquisition of the window may stand in for a row at all."""
        del event, row
        return True

    def _sources_of(self, first_row: int) -> dict[int, list[int]]:
        """The day's rows by the acquisition they were sold from."""
        rows, found = self.result.rows, dict[int, list[int]]()
        for row in range(first_row, len(rows.event)):
            piece = rows.piece[row]
            if piece >= 0:
                found.setdefault(self.result.pieces.source[piece], []).append(row)
        return found

    def _sold_today(
        self, event: int, row: int, candidates: list[int], excluded: frozenset[int]
    ) -> Iterator[StandIn]:
        """Units of an acquisition that were themselves sold on the day of the loss."""
        rows, pieces = self.result.rows, self.result.pieces
        for other in candidates:
            piece = rows.piece[other]
            if other == row or pieces.source[piece] != event or piece in pieces.washed:
                continue
            if other not in rows.disallowed and not excluded & pieces.lineage.get(piece, frozenset()):
                yield StandIn(event, rows.quantity[other], row=other)

    def _window_events(self, day: int, window: WashWindow) -> Iterator[int]:
        """Events of the window around a day, in order of time."""
        times, count = self.unit.time, self.horizon
        event = self._next_open(self._first_of(day - window.days_before))
        while event < count and self.plan.day(times[event]) <= day + window.days_after:
            yield event
            event = self._next_open(event + 1)

    def _next_open(self, event: int) -> int:
        """The first event from `event` on that may still stand in: the spent ones are jumped over."""
        path = []
        while event in self._spent:
            path.append(event)
            event = self._spent[event]
        for visited in path:
            self._spent[visited] = event
        return event

    def _first_of(self, day: int) -> int:
        """The first event on or after a tax day."""
        return bisect_left(self.unit.time, day, key=self.plan.day)

    # -- one match

    def _wash(self, row: int, stand_in: StandIn, day: int) -> int:
        """Disallow a row's loss as far as a stand-in reaches; return the row of what is left, -1 if nothing is."""
        rows, pieces = self.result.rows, self.result.pieces
        units = min(rows.quantity[row], stand_in.quantity)
        rest = self._split(row, units)
        loss = rows.cost[row] - rows.proceeds[row]
        if loss <= 0:
            return rest
        rows.disallowed[row] = loss
        rows.washed_into[row] = stand_in.source
        piece = rows.piece[row]
        held = day - (pieces.holding.get(piece) or self._acquired_day(pieces.source[piece]))
        claim = Claim(units, loss, held, self._recent(self._row_lineage(row), day))
        if stand_in.piece >= 0:
            part = self._take_out(stand_in.piece, units)
            self._carry(part, claim)
            self.pool_at(pieces.place[part]).put(part, first=True)
        elif stand_in.row >= 0:
            self._carry_sold(stand_in.row, claim)
        else:
            self._claims.setdefault(stand_in.source, []).append(claim)
        return rest

    def _recent(self, lineage: frozenset[int], day: int) -> frozenset[int]:
        """The part of a lineage that a window may still reach."""
        window = self.segment.window if self.segment else None
        if window is None:
            return lineage
        first = self._first_of(day - window.days_before)
        return frozenset(source for source in lineage if source >= first)

    def _take_out(self, piece: int, units: int) -> int:
        """Cut units off an open piece, out of its pool."""
        pieces = self.result.pieces
        part = pieces.part(piece, units, pieces.place[piece])
        pool = self.pool_at(pieces.place[piece])
        if isinstance(pool, AveragePool):
            raise TypeError("average-cost pools have no lots to carry a disallowed loss")
        return part

    def _split(self, row: int, units: int) -> int:
        """Keep `units` in a row and move the rest into a new one; -1 when there is no rest."""
        rows = self.result.rows
        quantity = rows.quantity[row]
        if units == quantity:
            return -1
        proceeds = split_cost(rows.proceeds[row], units, quantity)
        cost = split_cost(rows.cost[row], units, quantity)
        rest = len(rows.event)
        rows.event.append(rows.event[row])
        rows.piece.append(rows.piece[row])
        rows.quantity.append(quantity - units)
        rows.proceeds.append(rows.proceeds[row] - proceeds)
        rows.cost.append(rows.cost[row] - cost)
        if row in rows.rule:
            rows.rule[rest] = rows.rule[row]
        rows.quantity[row], rows.proceeds[row], rows.cost[row] = units, proceeds, cost
        return rest

    def _carry_sold(self, row: int, claim: Claim) -> None:
        """Put a disallowed loss onto units that were sold on the same day: a piece of their own stands for them."""
        rows, pieces = self.result.rows, self.result.pieces
        self._split(row, claim.quantity)
        old = rows.piece[row]
        piece = pieces.add(claim.quantity, rows.cost[row], pieces.source[old], pieces.place[old])
        if old in pieces.rank:
            pieces.rank[piece] = pieces.rank[old]
        if old in pieces.holding:
            pieces.holding[piece] = pieces.holding[old]
        if old in pieces.lineage:
            pieces.lineage[piece] = pieces.lineage[old]
        self._carry(piece, claim)
        rows.piece[row], rows.cost[row] = piece, pieces.cost[piece]
        pieces.quantity[piece] = pieces.cost[piece] = 0
