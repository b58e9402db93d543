"""United Kingdom matching of one asset in columns of days, without an object for a day or an event.

`section104` holds the law and books whatever a unit may hold. These loops write the same (property-tested) for what
most units are: one asset, nothing but acquisitions and sales, each of them with a figure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress, islice
from operator import not_

from indexer.model.money import split_cost
from indexer.tax.pools import AveragePool
from indexer.tax.result import Result, Short
from indexer.tax.store import Rows
from indexer.tax.tape import SELL, Unit

SideState = tuple[int, int, int, int]
"""Of one day's acquisitions: units and cost left for other days, units and cost kept for the day's own disposals."""

Window = tuple[int, int, int]
"""(first day, last day, length): between these days a disposal meets acquisitions of so many days after it."""


def pieces_of(
    events: Iterable[int], quantities: Sequence[int], left: int, cost: int
) -> Iterator[tuple[int, int, int]]:
    """(event, units, cost) of what is left of a day's acquisitions. Matched units left the first of them first."""
    events = list(events)
    spare = sum(map(quantities.__getitem__, events)) - left
    for event in events:
        skip = min(spare, quantities[event])
        spare -= skip
        quantity = quantities[event] - skip
        if not quantity:
            continue
        share = split_cost(cost, quantity, left)
        yield event, quantity, share
        left -= quantity
        cost -= share


POOL = -1
"""Stands for the pool where acquisitions are meant by their index; -1 - index - 1 for those of the same day."""


class Daily:
    """Events of one kind in columns by day, all of a day as one (s.105(1)(a))."""

    __slots__ = ("day", "events", "several", "units", "value")

    def __init__(
        self, days: Iterable[int], events: Iterable[int], units: Iterable[int], values: Iterable[int]
    ) -> None:
        self.day, self.units, self.value = list(days), list(units), list(values)
        self.several: dict[int, list[int]] = {}
        """Indexes of days that have several events, with these."""
        firsts = list(events)
        if len(set(self.day)) < len(self.day):
            firsts = self._merge(firsts)
        self.events: list[tuple[int, ...]] = list(zip(firsts, strict=True))
        """Made once, for all rows that name them."""
        for index, together in self.several.items():
            self.events[index] = tuple(together)

    def _merge(self, events: list[int]) -> list[int]:
        """Add up the events of each day; return the first of each."""
        day, units, value, firsts = list[int](), list[int](), list[int](), list[int]()
        several, last = self.several, 0
        for number, event, quantity, money in zip(self.day, events, self.units, self.value, strict=True):
            if number != last:
                last = number
                day.append(number)
                units.append(quantity)
                value.append(money)
                firsts.append(event)
            else:
                units[-1] += quantity
                value[-1] += money
                several.setdefault(len(day) - 1, [firsts[-1]]).append(event)
        self.day, self.units, self.value = day, units, value
        return firsts


class Matcher:
    """One asset's plain events from position `begin` up to `end`, and how far they are booked."""

    __slots__ = (
        "_at",
        "_begin",
        "_bought",
        "_cost",
        "_days",
        "_free",
        "_left",
        "_reach",
        "_sale",
        "_same",
        "_sold",
        "_unit",
        "_window",
        "_window_at",
    )

    def __init__(
        self, unit: Unit, begin: int, end: int, days: list[int], window_at: Callable[[int], Window]
    ) -> None:
        self._unit, self._begin, self._days, self._window_at = unit, begin, days, window_at
        columns = (days, range(begin, end), unit.quantity[begin:end], unit.value[begin:end])
        sales = [kind == SELL for kind in unit.kind[begin:end]]
        bought = list(map(not_, sales))
        self._bought = Daily(*(compress(column, bought) for column in columns))
        self._sold = Daily(*(compress(column, sales) for column in columns))
        self._left, self._cost = self._bought.units, self._bought.value
        """What nobody has claimed of each day's acquisitions."""
        self._same: dict[int, tuple[int, int, tuple[int, ...]]] = {}
        """By day: units and cost kept for the day's own disposals, and the acquisitions they are of."""
        self._reserve()
        self._free = list(self._left)
        """What is left before any disposal of another day."""
        self._at = self._sale = self._reach = 0
        """The next day of acquisitions to join the pool, the next of sales, the last that a sale claimed from."""
        self._window: Window = (1, 0, 0)

    def _reserve(self) -> None:
        bought, sold = self._bought, self._sold
        for day in set(bought.day).intersection(sold.day):
            index = bisect_left(bought.day, day)
            units, cost = bought.units[index], bought.value[index]
            kept = min(units, sold.units[bisect_left(sold.day, day)])
            if kept:
                share = split_cost(cost, kept, units)
                self._same[day] = (kept, share, bought.events[index])
                self._left[index] -= kept
                self._cost[index] -= share

    def claimed(self) -> list[tuple[int, SideState]]:
        """Acquisitions yet to come that disposals of days past have claimed from, by day, as they now stand."""
        found = list[tuple[int, SideState]]()
        for index in range(self._at, min(self._reach + 1, len(self._left))):
            if self._left[index] != self._free[index]:
                day = self._bought.day[index]
                kept, share, _ = self._same.get(day, (0, 0, ()))
                found.append((day, (self._left[index], self._cost[index], kept, share)))
        return found

    def return_to(self, day: int, state: SideState) -> None:
        """Go on from a checkpoint: what was `claimed` of a day."""
        index = bisect_left(self._bought.day, day)
        self._left[index], self._cost[index], kept, share = state
        self._reach = max(self._reach, index)
        if kept:
            self._same[day] = (kept, share, self._bought.events[index])

    def advance(self, end: int, pool: AveragePool, result: Result) -> None:
        """Book whole days up to that of the event before `end`."""
        last, first = self._days[end - 1 - self._begin], self._at
        units, cost = self._match(bisect_right(self._sold.day, last), pool, result)
        stop = bisect_right(self._bought.day, last)
        units += sum(islice(self._left, self._at, stop))
        cost += sum(islice(self._cost, self._at, stop))
        self._at = stop
        pool.settle(self._make(first, stop, result), units, cost)

    def _make(self, first: int, stop: int, result: Result) -> range:
        """What no disposal matched becomes pieces, day by day."""
        pieces, unit, bought = result.pieces, self._unit, self._bought
        left, cost, several = self._left, self._cost, bought.several
        begin = len(pieces.source)
        for index, units, events in zip(
            range(first, stop), islice(left, first, stop), islice(bought.events, first, stop), strict=True
        ):
            if not units:
                continue
            if index not in several:
                pieces.quantity.append(units)
                pieces.cost.append(cost[index])
                pieces.source.append(events[0])
                continue
            for event, quantity, share in pieces_of(events, unit.quantity, units, cost[index]):
                pieces.quantity.append(quantity)
                pieces.cost.append(share)
                pieces.source.append(event)
        pieces.place += map(unit.place.__getitem__, islice(pieces.source, begin, None))
        return range(begin, len(pieces.source))

    def _match(self, stop: int, pool: AveragePool, result: Result) -> tuple[int, int]:
        """Book sales up to `stop`: the pool's units and cost after them."""
        bought, left, left_cost, same = self._bought.day, self._left, self._cost, self._same
        sold, rows, first = self._sold, result.rows, self._sale
        begin, met, ends = len(rows.event), list[int](), list[int]()
        add_event, add_quantity, add_cost = rows.event.append, rows.quantity.append, rows.cost.append
        add_met, add_end = met.append, ends.append
        at, claim, units, cost = self._at, self._at, pool.units, pool.cost
        count, (since, until, length) = len(bought), self._window
        for day, asked, events in zip(
            sold.day[first:stop], sold.units[first:stop], sold.events[first:stop], strict=True
        ):
            wanted, event, own = asked, events[0], day in same
            while at < count and bought[at] <= day:
                units += left[at]
                cost += left_cost[at]
                at += 1
            if not since <= day <= until:
                since, until, length = self._window = self._window_at(day)
            # Nothing is left of acquisitions before `claim`: the earliest is claimed from first.
            claim, last = max(claim, at), day + length
            while wanted:
                if own:
                    have, share = same[day][:2]
                    add_met(POOL - at)
                    own = False
                elif claim < count and bought[claim] <= last:
                    have = left[claim]
                    if have > wanted:
                        have, share = wanted, split_cost(left_cost[claim], wanted, have)
                        left[claim] -= have
                        left_cost[claim] -= share
                        add_met(claim)
                    elif have:
                        share = left_cost[claim]
                        left[claim] = left_cost[claim] = 0
                        add_met(claim)
                    else:
                        claim += 1
                        continue
                elif units:
                    have = min(wanted, units)
                    share = cost * have // units
                    units, cost = units - have, cost - share
                    add_met(POOL)
                else:
                    break
                add_event(event)
                add_quantity(have)
                add_cost(share)
                wanted -= have
            add_end(begin + len(met))
        self._at, self._sale, self._reach = at, stop, max(self._reach, claim)
        self._price(begin, ends, first, result)
        self._name(begin, met, range(first, stop), rows)
        return units, cost

    def _price(self, begin: int, ends: list[int], first: int, result: Result) -> None:
        """Share out the proceeds of sales from `first` on over their rows, which start at `begin` and end at `ends`."""
        sold, quantity, row = self._sold, result.rows.quantity, begin
        add_proceeds = result.rows.proceeds.append
        for sale, end in enumerate(ends, first):
            wanted, proceeds = sold.units[sale], sold.value[sale]
            while row < end:
                have = quantity[row]
                part = proceeds if have == wanted else split_cost(proceeds, have, wanted)
                add_proceeds(part)
                wanted -= have
                proceeds -= part
                row += 1
            if wanted:
                result.shorts.append(Short(sold.events[sale][-1], wanted, proceeds))

    def _name(self, begin: int, met: list[int], sales: range, rows: Rows) -> None:
        """Say of the rows from `begin` on what they met."""
        numbers, sources = range(begin, begin + len(met)), self._bought.events
        rows.piece += [-1] * len(met)
        names = ["30_day" if index >= 0 else "s104" if index == POOL else "same_day" for index in met]
        rows.rule.update(zip(numbers, names, strict=True))
        rows.matched.update(
            {
                row: sources[index if index >= 0 else POOL - 1 - index]
                for row, index in zip(numbers, met, strict=True)
                if index != POOL
            }
        )
        for sale, together in self._sold.several.items():
            if sale in sales:
                first = bisect_left(rows.event, together[0], begin)
                end = bisect_right(rows.event, together[0], first)
                rows.merged.update(dict.fromkeys(range(first, end), tuple(together)))
