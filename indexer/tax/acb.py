"""Canada: adjusted cost base and superficial losses (ITA s.47(1), s.54, s.40(2)(g)(i), s.53(1)(f)).

A loss is superficial as far as identical property was acquired in the 61 days around the disposal and is still held
at their end: denied = loss x min(sold, acquired, held) / sold (CRA, IT-456R s.12 and the formula CRA has accepted).
The denied part joins the cost base of what is held, at once. Acquisitions and holdings of affiliated persons count
(their wallets are named in the profile); where they alone acquired, the denied part joins their cost base.
"""

from bisect import bisect_left, bisect_right
from itertools import accumulate

from indexer.model.money import split_cost
from indexer.tax.lots import PooledKernel
from indexer.tax.plan import Segment
from indexer.tax.pools import AveragePool
from indexer.tax.result import PoolKey, Short
from indexer.tax.section104 import Sale
from indexer.tax.tape import BUY, MOVE, NO_EXTRA, RECEIVE, REMOVE, SELL, Place

AFFILIATED = "affiliated"


class AcbKernel(PooledKernel):
    """Books a unit event by event at average cost over all wallets."""

    def _setup(self) -> None:
        unit = self.unit
        self._tax_days = [self.plan.day(us) for us in unit.time]
        self._acquired: dict[str, list[int]] = {}
        self._change: dict[str, list[int]] = {}
        self._families = {asset: self.plan.identity(asset, self.tape.families) for asset in unit.assets}
        self._own: dict[str, list[int]] = {}
        """Units that the taxpayer acquired, without affiliated persons."""
        for family in sorted(set(self._families.values())):
            self._acquired[family] = [
                0,
                *accumulate(self._signed(event, family)[0] for event in range(len(unit))),
            ]
            self._own[family] = [
                0,
                *accumulate(
                    self._signed(event, family)[0] * self._is_own(event) for event in range(len(unit))
                ),
            ]
            self._change[family] = [
                0,
                *accumulate(self._signed(event, family)[1] for event in range(len(unit))),
            ]

    def _signed(self, event: int, family: str) -> tuple[int, int]:
        """(units acquired, change of holding) of an event for a family of identical property."""
        kind, quantity = self.unit.kind[event], self.unit.quantity[event]
        inside = self._families[self._asset(event)] == family
        if kind == MOVE:
            extra = self.tape.extras.get(self.unit.ref[event], NO_EXTRA)
            target = self._families[self.tape.places[extra.to_place].asset] == family
            arrives = quantity if extra.arrives is None else extra.arrives
            return 0, (arrives if target else 0) - (quantity if inside else 0)
        if not inside:
            return 0, 0
        return (quantity, quantity) if kind in (BUY, RECEIVE) else (0, -quantity)

    def _is_own(self, event: int) -> bool:
        return not self.plan.is_affiliate(self.tape.places[self.unit.place[event]].wallet)

    def pool_key(self, place: Place, segment: Segment) -> PoolKey:
        """An affiliated person's units have a cost base of their own."""
        if self.plan.is_affiliate(place.wallet):
            return (place.asset, AFFILIATED)
        return super().pool_key(place, segment)

    def _asset(self, event: int) -> str:
        return self.tape.places[self.unit.place[event]].asset

    def advance(self, begin: int, end: int) -> None:
        """Book events in their order."""
        unit, pieces = self.unit, self.result.pieces
        for event in range(begin, end):
            kind, place = unit.kind[event], unit.place[event]
            extra = self.tape.extras.get(unit.ref[event], NO_EXTRA)
            if kind in (BUY, RECEIVE):
                piece = pieces.add(unit.quantity[event], unit.value[event], event, place)
                if extra.unknown is None:
                    self.pool_at(place).add(piece)
                else:
                    self.aside.append(piece)
            elif kind == SELL:
                self._sell(event)
            elif kind == REMOVE:
                self.remove(event)
            else:
                self.move(event, extra)

    def _sell(self, event: int) -> None:
        unit = self.unit
        pool = self.average(self._key_at(unit.place[event]))
        sale = Sale(self, [event], unit.quantity[event], unit.value[event])
        units, cost = pool.draw(sale.left)
        if units:
            before = sale.proceeds
            row = sale.row("acb", (), units, cost)
            loss = cost - (before - sale.proceeds)
            known = self.tape.extras.get(unit.ref[event], NO_EXTRA).unknown is None
            if (
                loss > 0
                and known
                and self._is_own(event)
                and self.segment is not None
                and self.segment.window
            ):
                denied = self._denied(event, units, loss)
                if denied:
                    self.result.rows.disallowed[row] = denied
                    self._substituted(event, pool).add_cost(denied)
        if sale.left:
            self.result.shorts.append(Short(event, sale.left, sale.proceeds))

    def _substituted(self, event: int, pool: AveragePool) -> AveragePool:
        """The pool that a denied loss joins: the taxpayer's, or the affiliated person's who alone acquired."""
        window = self.segment.window if self.segment else None
        affiliated = self.pools.get((self._asset(event), AFFILIATED))
        if window is None or not isinstance(affiliated, AveragePool):
            return pool
        day, own = self._tax_days[event], self._own[self._families[self._asset(event)]]
        first = bisect_left(self._tax_days, day - window.days_before)
        end = bisect_right(self._tax_days, day + window.days_after)
        return pool if own[end] > own[first] else affiliated

    def _denied(self, event: int, sold: int, loss: int) -> int:
        """The superficial part of a loss."""
        window = self.segment.window if self.segment else None
        if window is None:
            return 0
        day, family = self._tax_days[event], self._families[self._asset(event)]
        first = bisect_left(self._tax_days, day - window.days_before)
        end = bisect_right(self._tax_days, day + window.days_after)
        acquired = self._acquired[family][end] - self._acquired[family][first]
        change = self._change[family]
        pieces = self.result.pieces
        held = sum(
            pool.units
            for key, pool in self.pools.items()
            if isinstance(pool, AveragePool) and self._families.get(key[0]) == family
        )
        held += sum(
            pieces.quantity[piece]
            for key, idle in self._idle.items()
            if self._families.get(key[0]) == family
            for piece in idle
        )
        at_end = max(0, held + change[end] - change[event + 1])
        counted = min(sold, acquired, at_end)
        return split_cost(loss, counted, sold) if counted else 0
