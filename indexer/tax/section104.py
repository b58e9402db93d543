"""United Kingdom: same-day, 30-day and section 104 matching (TCGA 1992 s.105, s.106A, s.104; HMRC CRYPTO22250-22257).

All acquisitions of one day are one transaction, and so are all disposals of one day (s.105(1)(a)). A disposal meets
the day's own acquisitions first, then acquisitions of the following 30 days (earliest disposal and earliest
acquisition first), and what is left the pool at its average cost.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from typing import Any

from indexer.model.money import split_cost
from indexer.tax.jurisdiction import Effect
from indexer.tax.lots import LotKernel, PooledKernel
from indexer.tax.matching import Matcher, Window, pieces_of
from indexer.tax.pools import AveragePool
from indexer.tax.result import Short
from indexer.tax.rules import jurisdiction
from indexer.tax.tape import MOVE, RECEIVE, REMOVE, SELL


class Side:
    """Events of one kind on one day, taken as one (s.105(1)(a)), and what is left of them to be matched.

    Of acquisitions `same_day` units with `same_day_cost` are kept for the day's own disposals.
    """

    __slots__ = ("events", "left", "left_cost", "same_day", "same_day_cost", "units")

    def __init__(self, event: int, units: int, value: int) -> None:
        self.events = [event]
        self.units = self.left = units
        self.left_cost = value
        self.same_day = self.same_day_cost = 0

    def add(self, event: int, units: int, value: int) -> None:
        """Take in an event."""
        self.events.append(event)
        self.units += units
        self.left += units
        self.left_cost += value

    def reserve(self, sold: int) -> None:
        """Keep units for the disposals of the same day."""
        self.same_day = min(self.left, sold)
        self.same_day_cost = split_cost(self.left_cost, self.same_day, self.left)
        self.left -= self.same_day
        self.left_cost -= self.same_day_cost

    def state(self) -> tuple[int, int, int, int]:
        """What a checkpoint keeps of it."""
        return (self.left, self.left_cost, self.same_day, self.same_day_cost)

    def return_to(self, state: tuple[int, int, int, int]) -> None:
        """Go on from a checkpoint."""
        self.left, self.left_cost, self.same_day, self.same_day_cost = state

    def draw(self, wanted: int) -> tuple[int, int]:
        """Take units that a disposal of an earlier day claims: (units, cost)."""
        units = min(wanted, self.left)
        if not units:
            return 0, 0
        cost = split_cost(self.left_cost, units, self.left)
        self.left -= units
        self.left_cost -= cost
        return units, cost


class Day:
    """The events of one tax day, by what they are; acquisitions and disposals by asset."""

    __slots__ = ("buys", "number", "rare", "sells", "unpriced")

    def __init__(self, number: int) -> None:
        self.number = number
        self.buys = self.sells = self.unpriced = _NO_SIDES
        """`unpriced` are disposals whose proceeds are not a figure: they come after the others."""
        self.rare = _NO_EVENTS
        """Removals, moves, and (under RECEIVE) acquisitions whose cost is not a figure: they stay outside of matches."""


_NO_SIDES: dict[str, Side] = {}
_NO_EVENTS: dict[int, list[int]] = {}
"""Shared by days that have none, replaced when there is a first one: most days have but one event."""


class Calendar:
    """A unit's events from one position up to the horizon, sorted into tax days.

    What other rules book from the horizon on is nobody's match here.
    """

    def __init__(self, kernel: "Section104Kernel", begin: int) -> None:
        unit, names = kernel.unit, [place.asset for place in kernel.tape.places]
        unknown = kernel.unknown_events()
        end = kernel.horizon
        self.days: list[Day] = []
        self.firsts: list[int] = []
        self.buy_days: dict[str, list[Day]] = {}
        self._next: dict[str, int] = {}
        day = Day(-1)
        for event, number, kind, place, quantity, value in zip(
            range(begin, end),
            kernel.plan.days(unit.time[begin:end]),
            unit.kind[begin:end],
            unit.place[begin:end],
            unit.quantity[begin:end],
            unit.value[begin:end],
            strict=True,
        ):
            if number != day.number:
                day = Day(number)
                self.days.append(day)
                self.firsts.append(event)
            asset = names[place]
            if kind == SELL and event in unknown:
                sides = day.unpriced = day.unpriced or {}
            elif kind == SELL:
                sides = day.sells = day.sells or {}
            elif kind in (REMOVE, MOVE) or event in unknown:
                day.rare = day.rare or {}
                day.rare.setdefault(kind if kind in (REMOVE, MOVE) else RECEIVE, []).append(event)
                continue
            else:
                sides = day.buys = day.buys or {}
                if asset not in sides:
                    self.buy_days.setdefault(asset, []).append(day)
            if asset in sides:
                sides[asset].add(event, quantity, value)
            else:
                sides[asset] = Side(event, quantity, value)
        self._reserve()

    def _reserve(self) -> None:
        """Keep for each day's own disposals what they will take of its acquisitions."""
        for day in self.days:
            for asset, side in day.buys.items():
                priced, unpriced = day.sells.get(asset), day.unpriced.get(asset)
                sold = (priced.units if priced else 0) + (unpriced.units if unpriced else 0)
                if sold:
                    side.reserve(sold)

    def between(self, begin: int, end: int) -> list[Day]:
        """Days whose first event lies from `begin` up to `end`."""
        return self.days[bisect_left(self.firsts, begin) : bisect_left(self.firsts, end)]

    def following(self, asset: str, number: int, last: int) -> Iterator[Day]:
        """Days after `number` up to `last` on which an asset was acquired. `number` never goes back."""
        days, position = self.buy_days.get(asset, []), self._next.get(asset, 0)
        while position < len(days) and days[position].number <= number:
            position += 1
        self._next[asset] = position
        while position < len(days) and days[position].number <= last:
            yield days[position]
            position += 1


class Section104Kernel(PooledKernel):
    """Books a unit day by day."""

    def _setup(self) -> None:
        self._ahead: dict[tuple[str, int], Side] = {}
        """Acquisitions of days to come that disposals of days past have already claimed from."""
        self._restored: dict[tuple[str, int], tuple[int, int, int, int]] = {}
        self._calendar: Calendar | None = None
        self._matcher: Matcher | None = None
        """Books a plain unit in place of the calendar."""
        self._averages: dict[str, AveragePool] = {}
        """The pools by asset: one for all wallets."""
        self._window: Window = (1, 0, 0)
        """The rule row looked up last."""

    def _more(self) -> tuple[object, ...]:
        if self._matcher is not None:
            asset = self.unit.assets[0]
            return tuple(((asset, day), state) for day, state in self._matcher.claimed())
        return tuple((key, side.state()) for key, side in sorted(self._ahead.items()))

    def _restore_more(self, more: tuple[object, ...]) -> None:
        kept: Any = more  # written by `_more` above
        self._restored = dict(kept)

    def _open_calendar(self, begin: int) -> "Calendar":
        """The days from a position on, with what was claimed from them before it."""
        calendar = Calendar(self, begin)
        for (asset, number), state in self._restored.items():
            days = calendar.buy_days[asset]
            side = days[bisect_left(days, number, key=lambda day: day.number)].buys[asset]
            side.return_to(state)
            self._ahead[asset, number] = side
        return calendar

    def unknown_events(self) -> set[int]:
        """Events whose value is not a figure."""
        extras = self.tape.extras
        if not extras:
            return set()
        return {
            event
            for event, ref in enumerate(self.unit.ref)
            if ref in extras and extras[ref].unknown is not None
        }

    def advance(self, begin: int, end: int) -> None:
        """Book whole tax days from `begin` to `end`."""
        if self._matcher is None and self._calendar is None:
            self._matcher = self._open_matcher(begin) if self._is_plain(begin) else None
        if self._matcher is not None:
            self._matcher.advance(end, self.average(self.unit.assets), self.result)
            return
        if self._calendar is None:
            self._calendar = self._open_calendar(begin)
        self._book(self._calendar.between(begin, end), self._calendar)

    def _is_plain(self, begin: int) -> bool:
        """Whether there are but acquisitions and sales of one asset up to the horizon, all with a figure."""
        unit, end = self.unit, self.horizon
        return (
            len(unit.assets) == 1
            and max(unit.kind[begin:end]) <= SELL
            and not any(begin <= event < end for event in self.unknown_events())
        )

    def _open_matcher(self, begin: int) -> Matcher | None:
        """The columns from a position on, with what was claimed from them before it; None where days turn back.

        They do in a zone that sets its clocks back at midnight, and between profiles of two zones.
        """
        days = self.plan.days(self.unit.time[begin : self.horizon])
        if days != sorted(days):
            return None
        matcher = Matcher(self.unit, begin, self.horizon, days, self._window_at)
        for (_, day), state in self._restored.items():
            matcher.return_to(day, state)
        return matcher

    def _book(self, days: list[Day], calendar: Calendar) -> None:
        self._averages = {asset: self.average((asset,)) for asset in self.unit.assets}
        for day in days:
            for asset, side in day.buys.items():
                if side.left:
                    self._to_pool(self._averages[asset], side)
                if self._ahead:
                    self._ahead.pop((asset, day.number), None)
            if day.rare:
                self._arrive_and_move(day)
            if day.sells or day.unpriced:
                self._dispose(day, calendar)
            for event in day.rare.get(REMOVE, ()):
                self.remove(event)

    def _arrive_and_move(self, day: Day) -> None:
        unit = self.unit
        for event in day.rare.get(RECEIVE, ()):
            self.aside.append(self.result.pieces.add(unit.quantity[event], 0, event, unit.place[event]))
        for event in day.rare.get(MOVE, ()):
            self.move(event, self.note(event))

    def _to_pool(self, pool: AveragePool, side: Side) -> None:
        """What no disposal matched joins the pool. Units leave the day's acquisitions in their order."""
        unit, left, cost, events = self.unit, side.left, side.left_cost, side.events
        if len(events) == 1:
            pool.add(self.result.pieces.add(left, cost, events[0], unit.place[events[0]]))
            return
        for event, quantity, share in pieces_of(events, unit.quantity, left, cost):
            pool.add(self.result.pieces.add(quantity, share, event, unit.place[event]))

    def _dispose(self, day: Day, calendar: Calendar) -> None:
        """Match one day's disposals of each asset as one disposal, those without a figure after the others."""
        assets = sorted({*day.sells, *day.unpriced}) if day.unpriced or len(day.sells) > 1 else day.sells
        for asset in assets:
            for sides in (day.sells, day.unpriced):
                if asset in sides:
                    self._match(asset, day, sides[asset], calendar)

    def _match(self, asset: str, day: Day, sold: Side, calendar: Calendar) -> None:
        sale = Sale(self, sold.events, sold.units, sold.left_cost)
        bought = day.buys.get(asset)
        if bought is not None and bought.same_day:
            units = min(sale.left, bought.same_day)
            cost = split_cost(bought.same_day_cost, units, bought.same_day)
            bought.same_day -= units
            bought.same_day_cost -= cost
            sale.row("same_day", tuple(bought.events), units, cost)
            if not sale.left:
                return
        number = day.number
        for later in calendar.following(asset, number, number + self._window_days(number)):
            side = later.buys[asset]
            units, cost = side.draw(sale.left)
            if units:
                self._ahead[asset, later.number] = side
                sale.row("30_day", tuple(side.events), units, cost)
                if not sale.left:
                    return
        units, cost = self._averages[asset].draw(sale.left)
        if units:
            sale.row("s104", (), units, cost)
        if sale.left:
            self.result.shorts.append(Short(sold.events[-1], sale.left, sale.proceeds))

    def _window_days(self, number: int) -> int:
        """Length of the window in the rule row that holds on a day."""
        first, last, _ = self._window
        if not first <= number <= last:
            self._window = self._window_at(number)
        return self._window[2]

    def _window_at(self, number: int) -> Window:
        """The rule row that holds on a day."""
        code = self.segment.profile.jurisdiction if self.segment else "UK"
        window = jurisdiction(code).window_on(date.fromordinal(number), as_if=True)
        if window is None:
            return (number, number, 0)
        last = window.until.toordinal() - 1 if window.until else date.max.toordinal()
        length = window.days_after if window.effect is Effect.MATCH else 0
        return (window.since.toordinal(), last, length)


class Sale:
    """One disposal being matched: hands out its proceeds row by row."""

    __slots__ = ("events", "left", "proceeds", "rows")

    def __init__(self, kernel: LotKernel, events: list[int], left: int, proceeds: int) -> None:
        self.rows, self.events = kernel.result.rows, events
        self.left, self.proceeds = left, proceeds

    def row(self, rule: str, matched: tuple[int, ...], units: int, cost: int) -> int:
        """Write a row of `units` and return its number."""
        rows = self.rows
        part = self.proceeds if units == self.left else split_cost(self.proceeds, units, self.left)
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
