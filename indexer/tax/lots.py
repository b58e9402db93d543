"""The lot kernel: books one unit by fifo, lifo, hifo, lofo, spec-id or average, without wash windows."""

from bisect import bisect_right
from itertools import compress, islice
from operator import not_

from indexer.model.money import split_cost
from indexer.tax.fast import Run
from indexer.tax.kernel import UnitKernel
from indexer.tax.plan import Segment
from indexer.tax.pools import AveragePool, Pool, emit
from indexer.tax.result import PoolKey, Short
from indexer.tax.tape import BUY, MOVE, NO_EXTRA, RECEIVE, REMOVE, SELL, Extra


class LotKernel(UnitKernel):
    """Runs over a unit's events from any checkpoint."""

    # -- events

    def advance(self, begin: int, end: int) -> None:
        """Book events `begin` to `end` (without it) of the unit inside the current segment."""
        special = self._special_events(begin, end)
        if special or self.segment is None or self.segment.averages():
            self.advance_slowly(begin, end, special)
        else:
            self._advance_fast(begin, end, self.segment)

    def advance_slowly(self, begin: int, end: int, special: set[int]) -> None:
        """Book event by event."""
        unit, pieces = self.unit, self.result.pieces
        for event in range(begin, end):
            place, quantity, value = unit.place[event], unit.quantity[event], unit.value[event]
            if event in special:
                self.special(event)
            elif unit.kind[event] == SELL:
                short = self.pool_at(place).take(event, quantity, value)
                if short:
                    self.short(event, short)
            else:
                self.pool_at(place).add(pieces.add(quantity, value, event, place))

    def _advance_fast(self, begin: int, end: int, segment: Segment) -> None:
        """Book a run that holds nothing but plain purchases and sales, pool by pool."""
        unit, pieces = self.unit, self.result.pieces
        places, kinds = unit.place[begin:end], unit.kind[begin:end]
        quantities, values = unit.quantity[begin:end], unit.value[begin:end]
        bought = [kind != SELL for kind in kinds]
        first = len(pieces.source)
        pieces.quantity += compress(quantities, bought)
        pieces.cost += compress(values, bought)
        pieces.source += compress(range(begin, end), bought)
        pieces.place += compress(places, bought)
        keys = {place: self.pool_key(self.tape.places[place], segment) for place in dict.fromkeys(places)}
        runs = {key: self._run(key) for key in dict.fromkeys(keys.values())}
        sales = list(map(not_, bought))
        if len(runs) == 1:
            for run in runs.values():
                run.events, run.is_sale = list(range(begin, end)), sales
                run.quantity, run.value = quantities, values
                run.bought = list(range(first, len(pieces.source)))
        else:
            by_place = {place: runs[key] for place, key in keys.items()}
            piece = first
            rows = zip(range(begin, end), places, sales, quantities, values, strict=True)
            for event, place, sale, quantity, value in rows:
                run = by_place[place]
                run.events.append(event)
                run.is_sale.append(sale)
                run.quantity.append(quantity)
                run.value.append(value)
                if not sale:
                    run.bought.append(piece)
                    piece += 1
        shorts: list[tuple[int, int, int]] = []
        for key, run in runs.items():
            shorts += run.book(segment.method_of(key))
            self._idle[key] = [piece for piece in run.held + run.bought if pieces.quantity[piece]]
            self._ranked[key] = run.ranked
        self.result.shorts += [Short(*short) for short in sorted(shorts)]

    def _run(self, key: PoolKey) -> Run:
        pool, ranked = self.pools.pop(key, None), self._ranked.pop(key, [])
        held = pool.open() if pool else self._idle.pop(key, [])
        run = Run(self.result.pieces, self.result.rows, held, self.ranking)
        if pool is None:
            run.ranked = ranked
        return run

    def _special_events(self, begin: int, end: int) -> set[int]:
        """Events whose extra data changes how they are booked."""
        extras, ref, kind = self.tape.extras, self.unit.ref, self.unit.kind
        found = {
            event
            for event in (range(begin, end) if extras else ())
            if kind[event] > SELL or _is_special(extras.get(ref[event], NO_EXTRA))
        }
        for asset in self.result.stranded:
            found |= set(self._first_acquired(asset, begin, end))
        return found

    def _first_acquired(self, asset: str, begin: int, end: int) -> list[int]:
        """The first acquisition of an asset in a run of events."""
        kind, place, places = self.unit.kind, self.unit.place, self.tape.places
        events = (
            event
            for event in range(begin, end)
            if kind[event] in (BUY, RECEIVE) and places[place[event]].asset == asset
        )
        return list(islice(events, 1))

    def short(self, event: int, quantity: int) -> None:
        """Remember units that were asked for and not there, with what the rows have left of the proceeds."""
        whole, value, rows = self.unit.quantity[event], self.unit.value[event], self.result.rows
        if self.unit.kind[event] == SELL:
            row = len(rows.event) - 1
            while row >= 0 and rows.event[row] == event:
                value -= rows.proceeds[row]
                row -= 1
        else:
            value = split_cost(value, quantity, whole)
        self.result.shorts.append(Short(event, quantity, value))

    def special(self, event: int) -> None:
        """Book an event that needs more than the columns."""
        unit = self.unit
        kind, place = unit.kind[event], unit.place[event]
        extra = self.tape.extras.get(unit.ref[event], NO_EXTRA)
        if kind in (BUY, RECEIVE):
            self.receive(event, extra)
        elif kind == SELL:
            left, proceeds = self.identified(event, extra)
            short = self.pool_at(place).take(event, left, proceeds) if left else 0
            if short:
                self.short(event, short)
        elif kind == REMOVE:
            self.remove(event)
        elif kind == MOVE:
            self.move(event, extra)

    def receive(self, event: int, extra: Extra) -> None:
        """Take in units whose acquisition was earlier than their arrival (gift, judgment about a receipt)."""
        unit, pieces = self.unit, self.result.pieces
        piece = pieces.add(unit.quantity[event], unit.value[event], event, unit.place[event])
        self.take_over(piece)
        if extra.holding_day is not None:
            pieces.holding[piece] = extra.holding_day
        pool = self.pool_at(unit.place[event])
        if extra.acquired_us is None:
            pool.add(piece)
            return
        pieces.rank[piece] = self.position_of(extra.acquired_us)
        pool.put(piece)

    def take_over(self, piece: int) -> None:
        """Put cost that waited for units of an asset onto the first that came."""
        pieces, stranded = self.result.pieces, self.result.stranded
        cost = stranded.pop(self.tape.places[pieces.place[piece]].asset, 0) if stranded else 0
        if cost:
            pieces.cost[piece] += cost
            pieces.unit_cost[piece] = (pieces.cost[piece], pieces.quantity[piece])

    def position_of(self, us: int) -> float:
        """Where an acquisition at an instant stands among the unit's events."""
        return bisect_right(self.unit.time, us) - 0.5

    def identified(self, event: int, extra: Extra) -> tuple[int, int]:
        """Take the lots that the owner named; return quantity and proceeds left for the method."""
        left, proceeds = self.unit.quantity[event], self.unit.value[event]
        pool, pieces = self.pool_at(self.unit.place[event]), self.result.pieces
        for lot, asked in extra.lots:
            want = min(asked, left)
            for piece in self._named(lot, self.unit.place[event]):
                if not want:
                    break
                take = min(want, pieces.quantity[piece])
                part = proceeds if take == left else proceeds * take // left
                if isinstance(pool, AveragePool):
                    pool.price(piece)
                cost_before = pieces.cost[piece]
                row = emit(pieces, self.result.rows, event, piece, take=take, proceeds=part)
                if isinstance(pool, AveragePool):
                    pool.left(take, cost_before - pieces.cost[piece])
                self.result.rows.rule[row] = "spec-id"
                want -= take
                left -= take
                proceeds -= part
            if want:
                self.result.unnamed.append((event, lot, want))
        return left, proceeds

    def _named(self, lot: str, place: int) -> list[int]:
        """What is left of a lot in the pool of a place: what carries a disallowed loss first, then as it was made."""
        pieces, key = self.result.pieces, self._key_at(place)
        found = [
            piece
            for piece in self.lot_index.named(lot)
            if pieces.quantity[piece] and self._key_at(pieces.place[piece]) == key
        ]
        return sorted(found, key=lambda piece: (pieces.order(piece), piece not in pieces.washed, piece))

    def extract(self, pool: Pool, wanted: int, to_place: int) -> tuple[list[int], int]:
        """Cut units out of a pool without a sale: the new pieces (in no pool) and the quantity not found."""
        pieces, made = self.result.pieces, []
        while wanted:
            piece = pool.peek()
            if piece < 0:
                break
            take = min(wanted, pieces.quantity[piece])
            part = pieces.part(piece, take, to_place)
            if isinstance(pool, AveragePool):
                pool.left(take, pieces.cost[part])
            made.append(part)
            wanted -= take
        return made, wanted

    def remove(self, event: int) -> None:
        """Let units leave without a disposal and remember the cost they took."""
        unit, pieces, removals = self.unit, self.result.pieces, self.result.removals
        place = unit.place[event]
        gone, missing = self.extract(self.pool_at(place), unit.quantity[event], place)
        for piece in gone:
            removals.event.append(event)
            removals.piece.append(piece)
            removals.quantity.append(pieces.quantity[piece])
            removals.cost.append(pieces.cost[piece])
            pieces.quantity[piece] = pieces.cost[piece] = 0
        if missing:
            self.short(event, missing)

    def move(self, event: int, extra: Extra) -> None:
        """Carry units to another place: cost, acquisition and holding period go along."""
        unit, pieces = self.unit, self.result.pieces
        quantity, to_place = unit.quantity[event], extra.to_place
        arrives = quantity if extra.arrives is None else extra.arrives
        source, target = self.pool_at(unit.place[event]), self.pool_at(to_place)
        self.whereabouts.catch_up()
        burnt, missing_fee = self.extract(source, quantity - arrives, to_place)
        added = extra.basis_added
        for piece in burnt:
            added += pieces.cost[piece]
            pieces.quantity[piece] = pieces.cost[piece] = 0
        if source is target:
            moved, missing = self.relabel(source, unit.place[event], arrives, to_place)
        else:
            moved, missing = self.extract(source, arrives, to_place)
        self.spread(moved, added)
        for piece in moved:
            self.arrive(piece, target)
        if missing + missing_fee:
            self.short(event, missing + missing_fee)
        if missing:
            target.add(pieces.add(missing, 0, event, to_place))

    def arrive(self, piece: int, pool: Pool) -> None:
        """Take moved units in; what was cut off a lot before and comes back is one piece with it again."""
        twin = self.whereabouts.twin(piece)
        if twin < 0:
            pool.put(piece)
            return
        quantity, cost = self.result.pieces.join(piece, twin)
        if isinstance(pool, AveragePool):
            pool.left(-quantity, -cost)

    def relabel(self, pool: Pool, place: int, wanted: int, to_place: int) -> tuple[list[int], int]:
        """Move inside one pool: pieces kept at the place first, then any, so that no unit is invented."""
        pieces, made = self.result.pieces, []
        while wanted:
            piece = self.whereabouts.next_at(place)
            if piece < 0:
                break
            take = min(wanted, pieces.quantity[piece])
            part = pieces.part(piece, take, to_place)
            if isinstance(pool, AveragePool):
                pool.left(take, pieces.cost[part])
            made.append(part)
            wanted -= take
        return made, wanted

    def spread(self, moved: list[int], added: int) -> None:
        """Add cost to moved pieces in proportion to their units."""
        pieces = self.result.pieces
        units = sum(pieces.quantity[piece] for piece in moved)
        if not added or not units:
            return
        for piece in moved:
            quantity = pieces.quantity[piece]
            part = split_cost(added, quantity, units)
            pieces.cost[piece] += part
            pieces.unit_cost[piece] = (pieces.cost[piece], quantity)
            units -= quantity
            added -= part


class PooledKernel(LotKernel):
    """A country's own pool: one average for an asset, from which units of unknown basis stay away."""

    keeps_unknown_aside = True

    def average(self, key: PoolKey) -> AveragePool:
        """A pool by its key."""
        pool = self.pool_of(key)
        if not isinstance(pool, AveragePool):
            raise TypeError("a country's own pool is an average")
        return pool

    def enter(self, segment: Segment, position: int) -> None:
        """Cost without units waits in the pool of its asset."""
        super().enter(segment, position)
        for asset in [asset for asset in self.result.stranded if asset in self.unit.assets]:
            self.average((asset,)).add_cost(self.result.stranded.pop(asset))

    def leave(self) -> list[tuple[PoolKey, list[int]]]:
        """A pool without units hands on the cost that waits in it."""
        for key, pool in self.pools.items():
            if isinstance(pool, AveragePool) and not pool.units and pool.cost:
                stranded = self.result.stranded
                stranded[key[0]] = stranded.get(key[0], 0) + pool.cost
                pool.add_cost(-pool.cost)
        return super().leave()


def _is_special(extra: Extra) -> bool:
    return bool(extra.lots) or extra.acquired_us is not None or extra.holding_day is not None
