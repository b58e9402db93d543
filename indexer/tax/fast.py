"""Runs of plain purchases and sales, booked without a call per event.

The general kernel and these loops write the same rows (property-tested). They differ in what they may assume: inside
such a run no lot arrives out of order, none is named, none moves, so that pools do not influence each other, lots can
be made in bulk, and first-in-first-out need not even look at purchases.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from itertools import compress, islice
from typing import Protocol

from indexer.model.profile import Method
from indexer.tax.store import Pieces, Rows

Shorts = list[tuple[int, int, int]]
"""(event, quantity, proceeds) that a pool could not serve."""


class UnitCosts(Protocol):
    """What ranks pieces by unit cost."""

    def basis(self, piece: int) -> tuple[int, int]:
        """(cost, quantity) that a piece is ranked by."""
        ...

    def exact(self, piece: int) -> int:
        """An integer that orders pieces by unit cost exactly."""
        ...

    def ratios(self, pieces: Sequence[int]) -> list[float] | None:
        """Unit costs rounded to the nearest float, which keeps their order but for ties; None when out of range."""
        ...


class Run:
    """The events of one pool inside a run, and the columns they are written to."""

    def __init__(self, pieces: Pieces, rows: Rows, held: Sequence[int], costs: "UnitCosts") -> None:
        self.pieces, self.rows = pieces, rows
        self.held = list(held)
        self.costs = costs
        self.events: list[int] = []
        self.is_sale: list[bool] = []
        self.quantity: list[int] = []
        self.value: list[int] = []
        self.bought: list[int] = []
        """New pieces in order of acquisition."""
        self.ranked: list[int] = []
        """What was held, by unit cost, where the run before left it so; after a run by cost what is held then."""

    def book(self, method: Method) -> Shorts:
        """Book the run by a method that takes lots in an order of its own."""
        if method is Method.LIFO:
            return self._lifo()
        if method in (Method.HIFO, Method.LOFO):
            return self._by_cost(sign=-1 if method is Method.HIFO else 1)
        return self._fifo()

    def _fifo(self) -> Shorts:
        pieces, shorts = self.pieces, Shorts()
        quantity, cost, source = pieces.quantity, pieces.cost, pieces.source
        rows = self.rows
        add_event, add_piece = rows.event.append, rows.piece.append
        add_quantity, add_proceeds, add_cost = rows.quantity.append, rows.proceeds.append, rows.cost.append
        queue = self.held + self.bought
        count, following, piece, left, left_cost = len(queue), 0, -1, 0, 0
        for event, asked, price in zip(
            compress(self.events, self.is_sale),
            compress(self.quantity, self.is_sale),
            compress(self.value, self.is_sale),
            strict=True,
        ):
            wanted, proceeds = asked, price
            while wanted:
                if left > wanted:
                    share = left_cost * wanted // left
                    left -= wanted
                    left_cost -= share
                    add_event(event)
                    add_piece(piece)
                    add_quantity(wanted)
                    add_proceeds(proceeds)
                    add_cost(share)
                    break
                if left:
                    part = proceeds if left == wanted else proceeds * left // wanted
                    add_event(event)
                    add_piece(piece)
                    add_quantity(left)
                    add_proceeds(part)
                    add_cost(left_cost)
                    proceeds -= part
                    wanted -= left
                    left = left_cost = quantity[piece] = cost[piece] = 0
                elif following < count and source[queue[following]] < event:
                    piece = queue[following]
                    following += 1
                    left, left_cost = quantity[piece], cost[piece]
                else:
                    shorts.append((event, wanted, proceeds))
                    break
        if piece >= 0:
            quantity[piece], cost[piece] = left, left_cost
        return shorts

    def _lifo(self) -> Shorts:
        stack, fresh, shorts = list(self.held), iter(self.bought), Shorts()
        for event, sale, asked, price in zip(
            self.events, self.is_sale, self.quantity, self.value, strict=True
        ):
            if not sale:
                stack.append(next(fresh))
                continue
            wanted, proceeds = asked, price
            while stack:
                wanted, proceeds, gone = self._take(event, stack[-1], wanted, proceeds)
                if gone:
                    stack.pop()
                if not wanted:
                    break
            if wanted:
                shorts.append((event, wanted, proceeds))
        return shorts

    def _take(self, event: int, piece: int, wanted: int, proceeds: int) -> tuple[int, int, bool]:
        """Take up to `wanted` from a piece: (still wanted, proceeds left, whether the piece is gone)."""
        pieces, rows = self.pieces, self.rows
        left = pieces.quantity[piece]
        rows.event.append(event)
        rows.piece.append(piece)
        if left > wanted:
            share = pieces.cost[piece] * wanted // left
            pieces.quantity[piece] = left - wanted
            pieces.cost[piece] -= share
            rows.quantity.append(wanted)
            rows.proceeds.append(proceeds)
            rows.cost.append(share)
            return 0, 0, False
        part = proceeds if left == wanted else proceeds * left // wanted
        rows.quantity.append(left)
        rows.proceeds.append(part)
        rows.cost.append(pieces.cost[piece])
        pieces.quantity[piece] = pieces.cost[piece] = 0
        return wanted - left, proceeds - part, True

    def _by_cost(self, sign: int) -> Shorts:
        """A heap of small integers: pieces are ranked once, by unit cost and then by age."""
        pieces, shorts = self.pieces, Shorts()
        quantity, cost = pieces.quantity, pieces.cost
        rows = self.rows
        add_event, add_piece = rows.event.append, rows.piece.append
        add_quantity, add_proceeds, add_cost = rows.quantity.append, rows.proceeds.append, rows.cost.append
        everything = (self.ranked or self.held) + self.bought
        order = self._order_by_cost(everything, highest_first=sign < 0)
        rank = [0] * len(order)
        for position, index in enumerate(order):
            rank[index] = position
        by_rank = [everything[index] for index in order]
        heap = rank[: len(self.held)]
        heapify(heap)
        fresh = iter(rank[len(self.held) :])
        for event, sale, asked, price in zip(
            self.events, self.is_sale, self.quantity, self.value, strict=True
        ):
            if not sale:
                heappush(heap, next(fresh))
                continue
            wanted, proceeds = asked, price
            while heap:
                piece = by_rank[heap[0]]
                left = quantity[piece]
                if left > wanted:
                    share = cost[piece] * wanted // left
                    quantity[piece] = left - wanted
                    cost[piece] -= share
                    add_event(event)
                    add_piece(piece)
                    add_quantity(wanted)
                    add_proceeds(proceeds)
                    add_cost(share)
                    wanted = 0
                    break
                heappop(heap)
                part = proceeds if left == wanted else proceeds * left // wanted
                add_event(event)
                add_piece(piece)
                add_quantity(left)
                add_proceeds(part)
                add_cost(cost[piece])
                quantity[piece] = cost[piece] = 0
                proceeds -= part
                wanted -= left
                if not wanted:
                    break
            if wanted:
                shorts.append((event, wanted, proceeds))
        self.ranked = [piece for piece in by_rank if quantity[piece]]
        return shorts

    def _order_by_cost(self, everything: Sequence[int], *, highest_first: bool) -> list[int]:
        """Indexes of pieces by unit cost, equals by age. Rounding keeps order, so that only its ties are looked at."""
        exact = self.costs.exact
        ratios = self.costs.ratios(everything)
        if ratios is None:
            return sorted(
                range(len(everything)), key=lambda index: exact(everything[index]), reverse=highest_first
            )
        order = sorted(range(len(everything)), key=ratios.__getitem__, reverse=highest_first)
        start, count = 0, len(order)
        while start < count:
            end, ratio = start + 1, ratios[order[start]]
            while end < count and ratios[order[end]] == ratio:
                end += 1
            if end - start > 1 and self._differ([everything[index] for index in order[start:end]]):
                order[start:end] = sorted(
                    order[start:end], key=lambda index: exact(everything[index]), reverse=highest_first
                )
            start = end
        return order

    def _differ(self, pieces: Sequence[int]) -> bool:
        """Whether unit costs that round to one float are not all equal."""
        cost, quantity = self.costs.basis(pieces[0])
        return any(
            other * quantity != cost * units
            for other, units in map(self.costs.basis, islice(pieces, 1, None))
        )
