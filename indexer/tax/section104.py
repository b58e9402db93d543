"""United Kingdom: same-day, 30-day and section 104 matching (TCGA 1992 s.105, s.106A, s.104; HMRC CRYPTO22250-22257).

All acquisitions of one day are one transaction, and so are all disposals of one day (s.105(1)(a)). A disposal meets
the day's own acquisitions first, then acquisitions of the following 30 days (earliest disposal and earliest
acquisition first), and what is left the pool at its average cost.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from indexer.model.money import split_cost
from indexer.tax.jurisdiction import Effect
from indexer.tax.lots import LotKernel, Short
from indexer.tax.pools import AveragePool
from indexer.tax.rules import jurisdiction
from indexer.tax.tape import BUY, MOVE, NO_EXTRA, RECEIVE, REMOVE, SELL

DEFAULT_WINDOW_DAYS = 30


@dataclass(slots=True)
class Acquired:
    """One day's acquisitions of one asset as one transaction: what its own day takes and what is left of it."""

    events: tuple[int, ...]
    same_day: int
    same_day_cost: int
    left: int
    left_cost: int

    def draw(self, wanted: int) -> tuple[int, int]:
        """Take units that a disposal of an earlier day claims: (units, cost)."""
        units = min(wanted, self.left)
        if not units:
            return 0, 0
        cost = split_cost(self.left_cost, units, self.left)
        self.left -= units
        self.left_cost -= cost
        return units, cost


@dataclass(slots=True)
class Day:
    """The events of one tax day, by what they are."""

    buys: dict[str, list[int]] = field(default_factory=dict)
    sells: dict[str, list[int]] = field(default_factory=dict)
    removals: list[int] = field(default_factory=list)
    moves: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    """Acquisitions whose cost is not a figure: they stay outside of every match."""


class Section104Kernel(LotKernel):
    """Books a unit day by day."""

    def _setup(self) -> None:
        self._ahead: dict[tuple[str, int], Acquired] = {}
        """Acquisitions of days to come that disposals of days past have already claimed from."""

    def _more(self) -> tuple[object, ...]:
        return tuple(
            (key, (day.events, day.same_day, day.same_day_cost, day.left, day.left_cost))
            for key, day in sorted(self._ahead.items())
        )

    def _restore_more(self, more: tuple[object, ...]) -> None:
        kept: Any = more  # written by `_more` above
        for key, values in kept:
            self._ahead[key] = Acquired(*values)

    def _asset(self, event: int) -> str:
        return self.tape.places[self.unit.place[event]].asset

    def _is_unknown(self, event: int) -> bool:
        return self.tape.extras.get(self.unit.ref[event], NO_EXTRA).unknown is not None

    def advance(self, begin: int, end: int) -> None:
        """Book whole tax days from `begin` to `end`."""
        position = begin
        while position < end:
            day = self.plan.day(self.unit.time[position])
            stop = position
            while stop < end and self.plan.day(self.unit.time[stop]) == day:
                stop += 1
            self._book_day(day, self._sort(position, stop))
            position = stop

    def _sort(self, begin: int, end: int) -> Day:
        day, kinds = Day(), self.unit.kind
        for event in range(begin, end):
            kind = kinds[event]
            if kind in (BUY, RECEIVE):
                if self._is_unknown(event):
                    day.unknown.append(event)
                else:
                    day.buys.setdefault(self._asset(event), []).append(event)
            elif kind == SELL:
                day.sells.setdefault(self._asset(event), []).append(event)
            elif kind == REMOVE:
                day.removals.append(event)
            elif kind == MOVE:
                day.moves.append(event)
        return day

    def _book_day(self, number: int, day: Day) -> None:
        matched = {asset: self._acquired(asset, number, events) for asset, events in day.buys.items()}
        for asset, acquired in matched.items():
            self._ahead.pop((asset, number), None)
            self._to_pool(acquired)
        for event in day.unknown:
            self.result.pieces.add(self.unit.quantity[event], 0, event, self.unit.place[event])
        for event in day.moves:
            self.move(event, self.tape.extras.get(self.unit.ref[event], NO_EXTRA))
        for asset, events in sorted(day.sells.items()):
            for priced in (False, True):
                group = [event for event in events if self._is_unknown(event) is not priced]
                if group:
                    self._dispose(asset, number, group, matched.get(asset))
        for event in day.removals:
            self.remove(event)

    def _acquired(self, asset: str, number: int, events: list[int]) -> Acquired:
        """A day's acquisitions with the part reserved for the day's own disposals."""
        known = self._ahead.get((asset, number))
        if known is not None:
            return known
        sold = self._sold_on(asset, number, events[0])
        quantity = sum(self.unit.quantity[event] for event in events)
        cost = sum(self.unit.value[event] for event in events)
        same = min(quantity, sold)
        same_cost = split_cost(cost, same, quantity) if same else 0
        return Acquired(tuple(events), same, same_cost, quantity - same, cost - same_cost)

    def _sold_on(self, asset: str, number: int, near: int) -> int:
        """Units of an asset disposed of on a day."""
        return sum(
            self.unit.quantity[event]
            for event in self._events_of(number, near)
            if self.unit.kind[event] == SELL and self._asset(event) == asset
        )

    def _events_of(self, number: int, near: int) -> range:
        """All events of a day, found around one of them."""
        begin = end = near
        times, day = self.unit.time, self.plan.day
        while begin and day(times[begin - 1]) == number:
            begin -= 1
        while end < len(times) and day(times[end]) == number:
            end += 1
        return range(begin, end)

    def _to_pool(self, acquired: Acquired) -> None:
        """What no disposal matched joins the pool. Units leave the day's acquisitions in their order."""
        unit, left, cost = self.unit, acquired.left, acquired.left_cost
        spare = sum(unit.quantity[event] for event in acquired.events) - left
        for event in acquired.events:
            skip = min(spare, unit.quantity[event])
            spare -= skip
            quantity = unit.quantity[event] - skip
            if not quantity:
                continue
            share = split_cost(cost, quantity, left)
            piece = self.result.pieces.add(quantity, share, event, unit.place[event])
            self.pool_at(unit.place[event]).add(piece)
            left -= quantity
            cost -= share

    def _dispose(self, asset: str, number: int, events: list[int], same_day: Acquired | None) -> None:
        """Match one day's disposals of one asset as one disposal."""
        unit = self.unit
        left = sum(unit.quantity[event] for event in events)
        sale = Sale(self, events, left, sum(unit.value[event] for event in events))
        if same_day is not None and same_day.same_day:
            units = min(left, same_day.same_day)
            cost = split_cost(same_day.same_day_cost, units, same_day.same_day)
            same_day.same_day -= units
            same_day.same_day_cost -= cost
            sale.row("same_day", same_day.events, units, cost)
        for acquired in self._following(asset, number, events[-1]) if sale.left else ():
            units, cost = acquired.draw(sale.left)
            if units:
                sale.row("30_day", acquired.events, units, cost)
            if not sale.left:
                break
        if sale.left:
            pool = self.pool_at(unit.place[events[0]])
            if not isinstance(pool, AveragePool):
                raise TypeError("section 104 needs an average-cost pool")
            units, cost = pool.draw(sale.left)
            if units:
                sale.row("s104", (), units, cost)
        if sale.left:
            self.result.shorts.append(Short(events[-1], sale.left, sale.proceeds))

    def _following(self, asset: str, number: int, after: int) -> list[Acquired]:
        """Acquisitions of the days that follow, inside the window, earliest first."""
        unit, found = self.unit, list[Acquired]()
        last = number + self._window_days(number)
        event, count = after + 1, len(unit)
        while event < count:
            day = self.plan.day(unit.time[event])
            if day > last:
                break
            wanted = day > number and unit.kind[event] in (BUY, RECEIVE) and self._asset(event) == asset
            if wanted and not self._is_unknown(event):
                key = (asset, day)
                if key not in self._ahead:
                    events = [
                        other
                        for other in self._events_of(day, event)
                        if unit.kind[other] in (BUY, RECEIVE)
                        and self._asset(other) == asset
                        and not self._is_unknown(other)
                    ]
                    self._ahead[key] = self._acquired(asset, day, events)
                if not found or found[-1] is not self._ahead[key]:
                    found.append(self._ahead[key])
            event += 1
        return found

    def _window_days(self, number: int) -> int:
        """Length of the window in the rule row that holds on a day."""
        if self.segment is None:
            return DEFAULT_WINDOW_DAYS
        window = jurisdiction(self.segment.profile.jurisdiction).window_on(
            date.fromordinal(number), as_if=True
        )
        return window.days_after if window and window.effect is Effect.MATCH else 0


class Sale:
    """One disposal being matched: hands out its proceeds row by row."""

    def __init__(self, kernel: LotKernel, events: list[int], left: int, proceeds: int) -> None:
        self.kernel, self.events = kernel, events
        self.left, self.proceeds = left, proceeds

    def row(self, rule: str, matched: tuple[int, ...], units: int, cost: int) -> int:
        """Write a row of `units` and return its number."""
        rows = self.kernel.result.rows
        part = split_cost(self.proceeds, units, self.left)
        self.left -= units
        self.proceeds -= part
        number = len(rows.event)
        rows.event.append(self.events[0])
        rows.piece.append(-1)
        rows.quantity.append(units)
        rows.proceeds.append(part)
        rows.cost.append(cost)
        rows.rule[number] = rule
        if matched:
            rows.matched[number] = matched
        if len(self.events) > 1:
            rows.merged[number] = tuple(self.events)
        return number
