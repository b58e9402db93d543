"""What every kernel keeps while it runs over a unit: pools, checkpoints, and the way from one set of rules to the next."""

from collections.abc import Iterable

from indexer.model.profile import Method, Scope
from indexer.tax.changeover import Allocator, holdings
from indexer.tax.jurisdiction import Kernel
from indexer.tax.plan import Plan, Segment
from indexer.tax.pools import Pool, make_pool
from indexer.tax.ranking import Ranking
from indexer.tax.result import PoolKey, Result, Snapshot
from indexer.tax.tape import NO_EXTRA, Extra, Place, Tape, Unit
from indexer.tax.whereabouts import LotIndex, Whereabouts

ASIDE: PoolKey = ("", "aside")
"""Stands for no pool where pieces are handed from one kernel to the next."""


class UnitKernel:
    """One instance holds one unit's state. `horizon` is the first event that other rules book."""

    keeps_unknown_aside = False
    """Whether units of unknown basis stay outside of the pools, so that they spoil no average."""

    def __init__(self, plan: Plan, tape: Tape, unit: Unit) -> None:
        self.plan = plan
        self.tape = tape
        self.unit = unit
        self.segment: Segment | None = None
        self.horizon = len(unit)
        self.pools: dict[PoolKey, Pool] = {}
        self.aside: list[int] = []
        """Pieces in no pool."""
        self._idle: dict[PoolKey, list[int]] = {}
        """Open pieces of pools that nobody has asked for since the last fast run, in acquisition order."""
        self._ranked: dict[PoolKey, list[int]] = {}
        """The same by unit cost, where that run was by cost."""
        self._keep(Result())
        self._setup()

    def _setup(self) -> None:
        """Prepare what a derived kernel needs before the first event."""

    def _keep(self, result: Result) -> None:
        """Go on with a result; whatever is derived from its pieces is derived anew."""
        self.result = result
        self.ranking = Ranking(self.unit, result.pieces)
        self.lot_index = LotIndex(self.tape, self.unit, result.pieces)
        self._forget_places()

    def _forget_places(self) -> None:
        self._ranked.clear()
        aside = set(self.aside)
        self.whereabouts = Whereabouts(
            self.result.pieces,
            self._key_at,
            lambda piece: piece in aside or (self.keeps_unknown_aside and self.is_unknown(piece)),
        )

    def _key_at(self, place: int) -> PoolKey:
        if self.segment is None:
            raise RuntimeError("a kernel runs inside a segment")
        return self.pool_key(self.tape.places[place], self.segment)

    def note(self, event: int) -> Extra:
        """What an event carries beside its columns."""
        return self.tape.extras.get(self.unit.ref[event], NO_EXTRA)

    def is_unknown(self, piece: int) -> bool:
        """Whether nobody knows what a piece cost."""
        return self.note(self.result.pieces.source[piece]).unknown is not None

    # -- from one set of rules to the next

    def adopt(self, other: "UnitKernel") -> None:
        """Go on from where another kernel stopped, because the rules change."""
        left = other.leave()
        self.segment = other.segment
        self._keep(other.result)
        self._idle = {key: pieces for key, pieces in left if key != ASIDE}
        self.aside = [piece for key, pieces in left if key == ASIDE for piece in pieces]

    def leave(self) -> list[tuple[PoolKey, list[int]]]:
        """Open pieces by pool, with everything that is to go with them written onto them."""
        return [*self.contents(), (ASIDE, list(self.aside))]

    def enter(self, segment: Segment, position: int) -> None:
        """Go over to a segment's method and scope at an event: open pieces are put into pools anew."""
        before, self.segment = self.segment, segment
        self._forget_places()
        if before is None:
            return
        pieces = self.result.pieces
        content = sorted(
            (piece for _, piece_list in self.leave() for piece in piece_list),
            key=lambda piece: (pieces.order(piece), piece),
        )
        self.aside = [piece for piece in content if self.keeps_unknown_aside and self.is_unknown(piece)]
        if self.aside:
            outside = set(self.aside)
            content = [piece for piece in content if piece not in outside]
        if before.scope is Scope.UNIVERSAL and segment.scope is Scope.WALLET:
            content = self._allocate(content, position)
        pools: dict[PoolKey, list[int]] = {}
        for piece in content:
            pools.setdefault(self._key_at(pieces.place[piece]), []).append(piece)
        self.pools, self._idle = {}, pools
        self._forget_places()

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

    # -- checkpoints

    def snapshot(self, position: int) -> Snapshot:
        """What is needed to go on from `position` as if everything before had just been run."""
        result, pieces = self.result, self.result.pieces
        return Snapshot(
            position,
            len(pieces.source),
            len(result.rows.event),
            len(result.removals.event),
            len(result.shorts),
            tuple(
                (
                    key,
                    list(piece_list),
                    list(map(pieces.quantity.__getitem__, piece_list)),
                    list(map(pieces.cost.__getitem__, piece_list)),
                )
                for key, piece_list in self.contents()
            ),
            tuple((piece, pieces.quantity[piece], pieces.cost[piece]) for piece in self.aside),
            self.segment,
            result.undecided,
            tuple(result.waiting.items()),
            tuple(result.stranded.items()),
            len(result.unnamed),
            self._more(),
        )

    def restore(self, earlier: Result, at: Snapshot) -> None:
        """Take over an earlier run of this unit up to a checkpoint. `earlier` is left as it is."""
        pieces = earlier.pieces.cut(at.pieces)
        result = Result(
            pieces,
            earlier.rows.cut(at.rows),
            earlier.removals.cut(at.removals),
            earlier.shorts[: at.shorts],
            undecided=at.undecided,
            waiting=dict(at.waiting),
            stranded=dict(at.stranded),
            unnamed=earlier.unnamed[: at.unnamed],
        )
        for _, piece_list, quantities, costs in at.pools:
            for piece, quantity, cost in zip(piece_list, quantities, costs, strict=True):
                pieces.quantity[piece] = quantity
                pieces.cost[piece] = cost
        for piece, quantity, cost in at.aside:
            pieces.quantity[piece], pieces.cost[piece] = quantity, cost
        self.segment, self.aside = at.segment, [piece for piece, _, _ in at.aside]
        self._keep(result)
        if at.segment:
            self._idle = {key: list(piece_list) for key, piece_list, _, _ in at.pools}
        self._restore_more(at.more)

    def _more(self) -> tuple[object, ...]:
        return ()

    def _restore_more(self, more: tuple[object, ...]) -> None:
        del more

    # -- pools

    def _make(self, segment: Segment, key: PoolKey, piece_list: Iterable[int]) -> Pool:
        method = segment.method_of(key) if segment.kernel is Kernel.LOTS else Method.AVERAGE
        result = self.result
        return make_pool(method, result.pieces, result.rows, list(piece_list), self.ranking.exact)

    def pool_key(self, place: Place, segment: Segment) -> PoolKey:
        """Which pool the units at a place belong to."""
        if segment.scope is Scope.UNIVERSAL:
            return (place.asset,)
        if segment.profile.pool_by_chain:
            return (place.asset, place.wallet, place.chain or "")
        return (place.asset, place.wallet)

    def contents(self) -> list[tuple[PoolKey, list[int]]]:
        """Open pieces by pool, in acquisition order."""
        return [*((key, pool.open()) for key, pool in self.pools.items()), *self._idle.items()]

    def pool_at(self, place: int) -> Pool:
        """The pool of a place, made when first asked for."""
        return self.pool_of(self._key_at(place))

    def pool_of(self, key: PoolKey) -> Pool:
        """A pool by its key, made when first asked for."""
        if self.segment is None:
            raise RuntimeError("a kernel runs inside a segment")
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = self._make(self.segment, key, self._idle.pop(key, []))
        return pool

    # -- the end

    def finish(self) -> None:
        """Called once after the last event: bring shared costs onto the pieces, show cost without units."""
        self.leave()
        self.result.waiting = {event: loss for event, loss in sorted(self.result.waiting.items()) if loss}
        for asset, cost in self.result.stranded.items():
            quantity, known = self.result.pooled.get(asset, (0, 0))
            self.result.pooled[asset] = (quantity, known + cost)
