"""The lot kernel: books one unit by fifo, lifo, hifo, lofo, spec-id or average, without wash windows."""

from bisect import bisect_right
from dataclasses import dataclass, field

from indexer.model.money import split_cost
from indexer.model.profile import Method, Scope
from indexer.tax.jurisdiction import Kernel
from indexer.tax.plan import Plan, Segment
from indexer.tax.pools import AveragePool, Pool, UnitKey, emit, make_pool
from indexer.tax.store import Pieces, Removals, Rows
from indexer.tax.tape import BUY, MOVE, NO_EXTRA, RECEIVE, REMOVE, SELL, Extra, Place, Tape, Unit

PoolKey = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Short:
    """Units that an event asked for and the pool did not hold; `value` is the proceeds that belong to them."""

    event: int
    quantity: int
    value: int


@dataclass(slots=True)
class Result:
    """What a kernel makes of a unit. `pooled` is (quantity, cost) by asset left in pools that have no lots."""

    pieces: Pieces = field(default_factory=Pieces)
    rows: Rows = field(default_factory=Rows)
    removals: Removals = field(default_factory=Removals)
    shorts: list[Short] = field(default_factory=list)
    pooled: dict[str, tuple[int, int]] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    """Losses that wait on an acquisition (ring-fenced)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint: how long every column was, and what was open, before event `position`."""

    position: int
    pieces: int
    rows: int
    removals: int
    shorts: int
    pools: tuple[tuple[PoolKey, tuple[tuple[int, int, int], ...]], ...]
    """Per pool its (piece, quantity, cost) in acquisition order."""
    segment: Segment | None
    more: tuple[object, ...] = ()
    """What a derived kernel keeps besides."""


class LotKernel:
    """Runs over a unit's events from any checkpoint. One instance holds one unit's state."""

    def __init__(self, plan: Plan, tape: Tape, unit: Unit) -> None:
        self.plan = plan
        self.tape = tape
        self.unit = unit
        self.result = Result()
        self.segment: Segment | None = None
        self.pools: dict[PoolKey, Pool] = {}
        self._key = self._unit_cost_key()
        self._setup()

    def _setup(self) -> None:
        """Prepare what a derived kernel needs before the first event."""

    def adopt(self, other: "LotKernel") -> None:
        """Go on from where another kernel stopped, because the rules change."""
        self.result, self.pools, self.segment = other.result, other.pools, other.segment

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
                (key, tuple((piece, pieces.quantity[piece], pieces.cost[piece]) for piece in pool.open()))
                for key, pool in self.pools.items()
            ),
            self.segment,
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
        )
        for _, content in at.pools:
            for piece, quantity, cost in content:
                pieces.quantity[piece] = quantity
                pieces.cost[piece] = cost
        self.segment = at.segment
        if at.segment:
            self.pools = {
                key: self._make(at.segment, [piece for piece, _, _ in content]) for key, content in at.pools
            }
        self._restore_more(at.more)

    def _more(self) -> tuple[object, ...]:
        return ()

    def _restore_more(self, more: tuple[object, ...]) -> None:
        del more

    # -- pools

    def _unit_cost_key(self) -> UnitKey:
        """An integer that orders pieces by unit cost exactly.

        Fractions c/q and d/p with q, p below 2**n differ by at least 2**-2n when they differ, so that their
        floors at 2n binary places differ too, and equal fractions have equal floors.
        """
        bits = 2 * max(self.unit.quantity, default=1).bit_length()
        value, quantity = self.unit.value, self.unit.quantity

        def key(piece: int) -> int:
            pieces = self.result.pieces
            known = pieces.unit_cost.get(piece)
            if known:
                return (known[0] << bits) // known[1]
            source = pieces.source[piece]
            return (value[source] << bits) // quantity[source]

        return key

    def _make(self, segment: Segment, piece_list: list[int]) -> Pool:
        method = segment.method if segment.kernel is Kernel.LOTS else Method.AVERAGE
        return make_pool(method, self.result.pieces, self.result.rows, piece_list, self._key)

    def pool_key(self, place: Place, segment: Segment) -> PoolKey:
        """Which pool the units at a place belong to."""
        if segment.scope is Scope.UNIVERSAL:
            return (place.asset,)
        if segment.profile.pool_by_chain:
            return (place.asset, place.wallet, place.chain or "")
        return (place.asset, place.wallet)

    def enter(self, segment: Segment) -> None:
        """Go over to a segment's method and scope: open pieces are put into pools anew."""
        before, self.segment = self.segment, segment
        if before is None:
            return
        content: dict[PoolKey, list[int]] = {}
        pieces = self.result.pieces
        for pool in self.pools.values():
            for piece in pool.open():
                key = self.pool_key(self.tape.places[pieces.place[piece]], segment)
                content.setdefault(key, []).append(piece)
        for piece_list in content.values():
            piece_list.sort(key=lambda piece: (pieces.order(piece), piece))
        self.pools = {key: self._make(segment, piece_list) for key, piece_list in content.items()}

    def pool_at(self, place: int) -> Pool:
        """The pool of a place, made when first asked for."""
        if self.segment is None:
            raise RuntimeError("a kernel runs inside a segment")
        key = self.pool_key(self.tape.places[place], self.segment)
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = self._make(self.segment, [])
        return pool

    # -- events

    def advance(self, begin: int, end: int) -> None:
        """Book events `begin` to `end` (without it) of the unit inside the current segment."""
        unit, pieces = self.unit, self.result.pieces
        pools = {place: self.pool_at(place) for place in set(unit.place[begin:end])}
        add = {place: pool.add for place, pool in pools.items()}
        take = {place: pool.take for place, pool in pools.items()}
        quantity_add, cost_add = pieces.quantity.append, pieces.cost.append
        source_add, place_add = pieces.source.append, pieces.place.append
        count = len(pieces.source)
        special = self._special_events(begin, end)
        for event, kind, place, quantity, value in zip(
            range(begin, end),
            unit.kind[begin:end],
            unit.place[begin:end],
            unit.quantity[begin:end],
            unit.value[begin:end],
            strict=True,
        ):
            if kind > SELL or (special and event in special):
                self.special(event)
                count = len(pieces.source)
            elif kind == SELL:
                short = take[place](event, quantity, value)
                if short:
                    self.short(event, short)
            else:
                quantity_add(quantity)
                cost_add(value)
                source_add(event)
                place_add(place)
                add[place](count)
                count += 1

    def _special_events(self, begin: int, end: int) -> set[int]:
        """Events whose extra data changes how they are booked."""
        extras, ref = self.tape.extras, self.unit.ref
        if not extras:
            return set()
        return {event for event in range(begin, end) if _is_special(extras.get(ref[event], NO_EXTRA))}

    def short(self, event: int, quantity: int) -> None:
        """Remember units that were asked for and not there, with their part of the proceeds."""
        whole, value = self.unit.quantity[event], self.unit.value[event]
        self.result.shorts.append(Short(event, quantity, split_cost(value, quantity, whole)))

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
        for pool in self.pools.values():
            pool.open()


def _is_special(extra: Extra) -> bool:
    return bool(extra.lots) or extra.acquired_us is not None or extra.holding_day is not None
