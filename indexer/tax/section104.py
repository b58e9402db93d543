"""United Kingdom: same-day, 30-day and section 104 matching (TCGA 1992 s.105, s.106A, s.104; HMRC CRYPTO22250-22257).

All acquisitions of one day are one transaction, and so are all disposals of one day (s.105(1)(a)). A disposal meets
the day's own acquisitions first, then acquisitions of the following 30 days (earliest disposal and earliest
acquisition first), and what is left the pool at its average cost.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from indexer.model.money import split_cost
from indexer.tax.jurisdiction import Effect
from indexer.tax.lots import LotKernel, PooledKernel
from indexer.tax.result import Short
from indexer.tax.rules import jurisdiction
from indexer.tax.tape import MOVE, NO_EXTRA, REMOVE, SELL


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
    """The events of one tax day, by what they are; acquisitions and disposals by asset."""

    number: int
    buys: dict[str, list[int]] = field(default_factory=dict)
    sells: dict[str, list[int]] = field(default_factory=dict)
    removals: list[int] = field(default_factory=list)
    moves: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    """Acquisitions whose cost is not a figure: they stay outside of every match."""


class Calendar:
    """A unit's events from one position on, sorted into tax days."""

    def __init__(self, kernel: "Section104Kernel", begin: int) -> None:
        unit, extras, places = kernel.unit, kernel.tape.extras, kernel.tape.places
        self.begin = begin
        self.days: list[Day] = []
        self.firsts: list[int] = []
        self.buy_days: dict[str, list[Day]] = {}
        day = Day(-1)
        # What other rules book from the horizon on is nobody's match here.
        for event in range(begin, kernel.horizon):
            number = kernel.plan.day(unit.time[event])
            if number != day.number:
                day = Day(number)
                self.days.append(day)
                self.firsts.append(event)
            kind, asset = unit.kind[event], places[unit.place[event]].asset
            if kind == SELL:
                day.sells.setdefault(asset, []).append(event)
            elif kind == REMOVE:
                day.removals.append(event)
            elif kind == MOVE:
                day.moves.append(event)
            elif extras and extras.get(unit.ref[event], NO_EXTRA).unknown is not None:
                day.unknown.append(event)
            else:
                if asset not in day.buys:
                    self.buy_days.setdefault(asset, []).append(day)
                day.buys.setdefault(asset, []).append(event)

    def between(self, begin: int, end: int) -> Iterator[Day]:
        """Days whose first event lies from `begin` up to `end`."""
        low, high = bisect_left(self.firsts, begin), bisect_left(self.firsts, end)
        yield from self.days[low:high]

    def following(self, asset: str, number: int, last: int) -> Iterator[Day]:
        """Days after `number` up to `last` on which an asset was acquired."""
        days = self.buy_days.get(asset, [])
        for position in range(bisect_right(days, number, key=lambda day: day.number), len(days)):
            if days[position].number > last:
                return
            yield days[position]


class Section104Kernel(PooledKernel):
    """Books a unit day by day."""

    def _setup(self) -> None:
        self._ahead: dict[tuple[str, int], Acquired] = {}
        """Acquisitions of days to come that disposals of days past have already claimed from."""
        self._calendar: Calendar | None = None

    def _more(self) -> tuple[object, ...]:
        return tuple(
            (key, (day.events, day.same_day, day.same_day_cost, day.left, day.left_cost))
            for key, day in sorted(self._ahead.items())
        )

    def _restore_more(self, more: tuple[object, ...]) -> None:
        kept: Any = more  # written by `_more` above
        for key, values in kept:
            self._ahead[key] = Acquired(*values)

    def _is_unknown(self, event: int) -> bool:
        return self.tape.extras.get(self.unit.ref[event], NO_EXTRA).unknown is not None

    def advance(self, begin: int, end: int) -> None:
        """Book whole tax days from `begin` to `end`."""
        if self._calendar is None:
            self._calendar = Calendar(self, begin)
        for day in self._calendar.between(begin, end):
            self._book_day(day, self._calendar)

    def _book_day(self, day: Day, calendar: Calendar) -> None:
        matched = {asset: self._acquired(asset, day) for asset in day.buys}
        for asset, acquired in matched.items():
            self._ahead.pop((asset, day.number), None)
            self._to_pool(acquired)
        for event in day.unknown:
            piece = self.result.pieces.add(self.unit.quantity[event], 0, event, self.unit.place[event])
            self.aside.append(piece)
        for event in day.moves:
            self.move(event, self.tape.extras.get(self.unit.ref[event], NO_EXTRA))
        for asset, events in sorted(day.sells.items()):
            for priced in (True, False):
                group = [event for event in events if self._is_unknown(event) is not priced]
                if group:
                    self._dispose(asset, day.number, group, matched.get(asset), calendar)
        for event in day.removals:
            self.remove(event)

    def _acquired(self, asset: str, day: Day) -> Acquired:
        """A day's acquisitions with the part reserved for the day's own disposals."""
        known = self._ahead.get((asset, day.number))
        if known is not None:
            return known
        events, unit = day.buys[asset], self.unit
        sold = sum(unit.quantity[event] for event in day.sells.get(asset, ()))
        quantity = sum(unit.quantity[event] for event in events)
        cost = sum(unit.value[event] for event in events)
        same = min(quantity, sold)
        same_cost = split_cost(cost, same, quantity) if same else 0
        return Acquired(tuple(events), same, same_cost, quantity - same, cost - same_cost)

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

    def _dispose(
        self, asset: str, number: int, events: list[int], same_day: Acquired | None, calendar: Calendar
    ) -> None:
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
        for acquired in self._following(asset, number, calendar) if sale.left else ():
            units, cost = acquired.draw(sale.left)
            if units:
                sale.row("30_day", acquired.events, units, cost)
            if not sale.left:
                return
        if sale.left:
            units, cost = self.average(self._key_at(unit.place[events[0]])).draw(sale.left)
            if units:
                sale.row("s104", (), units, cost)
        if sale.left:
            self.result.shorts.append(Short(events[-1], sale.left, sale.proceeds))

    def _following(self, asset: str, number: int, calendar: Calendar) -> Iterator[Acquired]:
        """What was acquired in the window after a day, earliest first."""
        for day in calendar.following(asset, number, number + self._window_days(number)):
            key = (asset, day.number)
            if key not in self._ahead:
                self._ahead[key] = self._acquired(asset, day)
            yield self._ahead[key]

    def _window_days(self, number: int) -> int:
        """Length of the window in the rule row that holds on a day."""
        code = self.segment.profile.jurisdiction if self.segment else "UK"
        window = jurisdiction(code).window_on(date.fromordinal(number), as_if=True)
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
