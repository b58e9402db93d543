"""The lot kernel: books one unit by fifo, lifo, hifo, lofo, spec-id or average, without wash windows."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import compress
from operator import not_

from indexer.model.money import split_cost
from indexer.model.profile import Method, Scope
from indexer.tax.changeover import Allocator, holdings
from indexer.tax.fast import Run
from indexer.tax.jurisdiction import Kernel
from indexer.tax.plan import Plan, Segment
from indexer.tax.pools import AveragePool, Pool, emit, make_pool
from indexer.tax.result import PoolKey, Result, Short, Snapshot
from indexer.tax.tape import BUY, MOVE, NO_EXTRA, RECEIVE, REMOVE, SELL, Extra, Place, Tape, Unit


class LotKernel:
    """Runs over a unit's events from any checkpoint. One instance holds one unit's state."""

    def __init__(self, plan: Plan, tape: Tape, unit: Unit) -> None:
        self.plan = plan
        self.tape = tape
        self.unit = unit
        self.result = Result()
        self.segment: Segment | None = None
        self.pools: dict[PoolKey, Pool] = {}
        self._idle: dict[PoolKey, list[int]] = {}
        """Open pieces of pools that nobody has asked for since the last fast run, in acquisition order."""
        self._bits = 0
        """Binary places that tell unit costs of this unit apart; found when first needed."""
        self._setup()

    def _setup(self) -> None:
        """Prepare what a derived kernel needs before the first event."""

    def adopt(self, other: "LotKernel") -> None:
        """Go on from where another kernel stopped, because the rules change."""
        self.result, self.segment = other.result, other.segment
        self._idle = dict(other.contents())

    # -- checkpoints

    def snapshot(self, position: int) -> Snapshot:
        """What is needed to go on from `position` as if everything before had just been run."""
        pieces = self.result.pieces
        return Snapshot(
            position,
            len(pieces.source),
            len(self.result.rows.event),
            len(self.result.removals.event),
            len(self.result.shorts),
            tuple(
                (
                    key,
                    list(piece_list),
                    list(map(pieces.quantity.__getitem__, piece_list)),
                    list(map(pieces.cost.__getitem__, piece_list)),
                )
                for key, piece_list in self.contents()
            ),
            self.segment,
            self.result.undecided,
            self._more(),
        )

    def restore(self, earlier: Result, at: Snapshot) -> None:
        """Take over an earlier run of this unit up to a checkpoint. `earlier` is left as it is."""
        pieces = earlier.pieces.cut(at.pieces)
        self.result = Result(
            pieces,
            earlier.rows.cut(at.rows),
            earlier.removals.cut(at.removals),
            earlier.shorts[: at.shorts],
            undecided=at.undecided,
        )
        for _, piece_list, quantities, costs in at.pools:
            for piece, quantity, cost in zip(piece_list, quantities, costs, strict=True):
                pieces.quantity[piece] = quantity
                pieces.cost[piece] = cost
        self.segment = at.segment
        if at.segment:
            self._idle = {key: list(piece_list) for key, piece_list, _, _ in at.pools}
        self._restore_more(at.more)

    def _more(self) -> tuple[object, ...]:
        return ()

    def _restore_more(self, more: tuple[object, ...]) -> None:
        del more

    # -- pools

    def exact(self, piece: int) -> int:
        """An integer that orders pieces by unit cost exactly.

        Fractions c/q and d/p with q, p below 2**n differ by at least 2**-2n when they differ, so that their
        floors at 2n binary places differ too, and equal fractions have equal floors.
        """
        if not self._bits:
            self._bits = 2 * max(self.unit.quantity).bit_length()
        cost, quantity = self.basis(piece)
        return (cost << self._bits) // quantity

    def basis(self, piece: int) -> tuple[int, int]:
        """(cost, quantity) that a piece is ranked by: those it was made with."""
        source = self.result.pieces.source[piece]
        known = self.result.pieces.unit_cost.get(piece)
        return known or (self.unit.value[source], self.unit.quantity[source])

    def ratios(self, pieces: Sequence[int]) -> list[float] | None:
        """Unit costs as correctly rounded floats, for sorting alone."""
        value, quantity, source = self.unit.value, self.unit.quantity, self.result.pieces.source
        try:
            if not self.result.pieces.unit_cost:
                return [value[event] / quantity[event] for event in map(source.__getitem__, pieces)]
            return [cost / units for cost, units in map(self.basis, pieces)]
        except OverflowError:
            return None

    def _make(self, segment: Segment, piece_list: list[int]) -> Pool:
        method = segment.method if segment.kernel is Kernel.LOTS else Method.AVERAGE
        return make_pool(method, self.result.pieces, self.result.rows, piece_list, self.exact)

    def pool_key(self, place: Place, segment: Segment) -> PoolKey:
        """Which pool the units at a place belong to."""
        if segment.scope is Scope.UNIVERSAL:
            return (place.asset,)
        if segment.profile.pool_by_chain:
            return (place.asset, place.wallet, place.chain or "")
        return (place.asset, place.wallet)

    def enter(self, segment: Segment, position: int) -> None:
        """Go over to a segment's method and scope at an event: open pieces are put into pools anew."""
        before, self.segment = self.segment, segment
        if before is None:
            return
        pieces = self.result.pieces
        content = sorted(
            (piece for _, piece_list in self.contents() for piece in piece_list),
            key=lambda piece: (pieces.order(piece), piece),
        )
        if before.scope is Scope.UNIVERSAL and segment.scope is Scope.WALLET:
            content = self._allocate(content, position)
        pools: dict[PoolKey, list[int]] = {}
        for piece in content:
            key = self.pool_key(self.tape.places[pieces.place[piece]], segment)
            pools.setdefault(key, []).append(piece)
        self.pools, self._idle = {}, pools

    def _allocate(self, content: list[int], position: int) -> list[int]:
        """Deal one pool's open pieces out to the wallets that hold the units."""
        pieces = self.result.pieces
        dealer = Allocator(self.tape, self.unit, pieces, holdings(self.tape, self.unit, position))
        if not dealer.has_choice(content):
            return content
        made, undecided = dealer.deal(content, self.plan.allocation)
        if undecided:
            self.result.undecided = (position, undecided)
        return sorted(made, key=lambda piece: (pieces.order(piece), piece))

    def contents(self) -> list[tuple[PoolKey, list[int]]]:
        """Open pieces by pool, in acquisition order."""
        return [*((key, pool.open()) for key, pool in self.pools.items()), *self._idle.items()]

    def pool_at(self, place: int) -> Pool:
        """The pool of a place, made when first asked for."""
        if self.segment is None:
            raise RuntimeError("a kernel runs inside a segment")
        key = self.pool_key(self.tape.places[place], self.segment)
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = self._make(self.segment, self._idle.pop(key, []))
        return pool

    # -- events

    def advance(self, begin: int, end: int) -> None:
        """Book events `begin` to `end` (without it) of the unit inside the current segment."""
        special = self._special_events(begin, end)
        if special or self.segment is None or self.segment.method is Method.AVERAGE:
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
            shorts += run.book(segment.method)
            self._idle[key] = [piece for piece in run.held + run.bought if pieces.quantity[piece]]
        self.result.shorts += [Short(*short) for short in sorted(shorts)]

    def _run(self, key: PoolKey) -> Run:
        pool = self.pools.pop(key, None)
        held = pool.open() if pool else self._idle.pop(key, [])
        return Run(self.result.pieces, self.result.rows, held, self)

    def _special_events(self, begin: int, end: int) -> set[int]:
        """Events whose extra data changes how they are booked."""
        extras, ref, kind = self.tape.extras, self.unit.ref, self.unit.kind
        if not extras:
            return set()
        return {
            event
            for event in range(begin, end)
            if kind[event] > SELL or _is_special(extras.get(ref[event], NO_EXTRA))
        }

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
        if extra.holding_day is not None:
            pieces.holding[piece] = extra.holding_day
        pool = self.pool_at(unit.place[event])
        if extra.acquired_us is None:
            pool.add(piece)
            return
        pieces.rank[piece] = self.position_of(extra.acquired_us)
        pool.put(piece)

    def position_of(self, us: int) -> float:
        """Where an acquisition at an instant stands among the unit's events."""
        return bisect_right(self.unit.time, us) - 0.5

    def identified(self, event: int, extra: Extra) -> tuple[int, int]:
        """Take the lots that the owner named; return quantity and proceeds left for the method."""
        left, proceeds = self.unit.quantity[event], self.unit.value[event]
        pool, pieces = self.pool_at(self.unit.place[event]), self.result.pieces
        for lot, asked in extra.lots:
            want = min(asked, left)
            for piece in pool.open():
                if not want:
                    break
                if self.tape.ids[self.unit.ref[pieces.source[piece]]] != lot:
                    continue
                take = min(want, pieces.quantity[piece])
                part = proceeds if take == left else proceeds * take // left
                cost_before = pieces.cost[piece]
                row = emit(pieces, self.result.rows, event, piece, take=take, proceeds=part)
                if isinstance(pool, AveragePool):
                    pool.left(take, cost_before - pieces.cost[piece])
                self.result.rows.rule[row] = "spec-id"
                want -= take
                left -= take
                proceeds -= part
        return left, proceeds

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
            target.put(piece)
        if missing + missing_fee:
            self.short(event, missing + missing_fee)
        if missing:
            target.add(pieces.add(missing, 0, event, to_place))

    def relabel(self, pool: Pool, place: int, wanted: int, to_place: int) -> tuple[list[int], int]:
        """Move inside one pool: pieces kept at the place first, then any, so that no unit is invented."""
        pieces, made = self.result.pieces, []
        candidates = pool.open()
        candidates.sort(key=lambda piece: pieces.place[piece] != place)
        for piece in candidates:
            if not wanted:
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

    def finish(self) -> None:
        """Called once after the last event: bring shared costs onto the pieces."""
        self.contents()


def _is_special(extra: Extra) -> bool:
    return bool(extra.lots) or extra.acquired_us is not None or extra.holding_day is not None
