"""Pools: open pieces in the order in which a method takes them.

Every pool offers the same five things: `add` a piece that was just acquired, `put` one that arrives out of order,
`take` units for a sale (writes rows), `peek` at the piece that would be taken next, and `open` pieces in
acquisition order. A piece whose quantity is 0 is gone and skipped wherever it still lies.
"""

from bisect import insort_left, insort_right
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Protocol

from indexer.model.profile import Method
from indexer.tax.store import Pieces, Rows


class Pool(Protocol):
    """Open pieces of one pool under one method."""

    add: Callable[[int], None]
    """Take in a piece that was acquired later than every other."""

    def put(self, piece: int, *, first: bool = False) -> None:
        """Take in a piece of any age; `first` puts it before pieces of the same acquisition."""
        ...

    def take(self, event: int, wanted: int, proceeds: int) -> int:
        """Write the rows of a sale; return the quantity that the pool could not serve."""
        ...

    def peek(self) -> int:
        """The piece that the method takes next, -1 when the pool is empty."""
        ...

    def open(self) -> list[int]:
        """Pieces with units left, in acquisition order."""
        ...


def emit(pieces: Pieces, rows: Rows, event: int, piece: int, *, take: int, proceeds: int) -> int:
    """Write the row of `take` units of a piece and return its number."""
    left = pieces.quantity[piece]
    cost = pieces.cost[piece]
    if take != left:
        cost = cost * take // left
    pieces.quantity[piece] = left - take
    pieces.cost[piece] -= cost
    rows.event.append(event)
    rows.piece.append(piece)
    rows.quantity.append(take)
    rows.proceeds.append(proceeds)
    rows.cost.append(cost)
    return len(rows.event) - 1


class Line:
    """Pieces in acquisition order, read from the oldest that is left."""

    __slots__ = ("_head", "_pieces", "_queue")

    def __init__(self, pieces: Pieces, piece_list: Sequence[int] = ()) -> None:
        self._pieces = pieces
        self._queue = list(piece_list)
        self._head = 0

    def peek(self) -> int:
        """The oldest piece, -1 when there is none."""
        queue, quantity = self._queue, self._pieces.quantity
        while self._head < len(queue):
            if quantity[queue[self._head]]:
                return queue[self._head]
            self._head += 1
        return -1

    def put(self, piece: int, *, first: bool = False) -> None:
        """Take in a piece of any age; `first` puts it before pieces of the same acquisition."""
        queue, order = self._queue, self._pieces.order
        if not first and (not queue or order(queue[-1]) <= order(piece)):
            queue.append(piece)
        else:
            insort = insort_left if first else insort_right
            insort(queue, piece, lo=self._head, key=order)


class FifoPool(Line):
    """First in, first out by acquisition time, wherever the units came in from."""

    __slots__ = ("_rows", "add")

    def __init__(self, pieces: Pieces, rows: Rows, piece_list: Sequence[int] = ()) -> None:
        super().__init__(pieces, piece_list)
        self._rows = rows
        self.add: Callable[[int], None] = self._queue.append

    def take(self, event: int, wanted: int, proceeds: int) -> int:
        """Take from the oldest on."""
        queue, head = self._queue, self._head
        quantity, cost = self._pieces.quantity, self._pieces.cost
        rows = self._rows
        end = len(queue)
        while head < end:
            piece = queue[head]
            left = quantity[piece]
            if left > wanted:
                share = cost[piece] * wanted // left
                quantity[piece] = left - wanted
                cost[piece] -= share
                rows.event.append(event)
                rows.piece.append(piece)
                rows.quantity.append(wanted)
                rows.proceeds.append(proceeds)
                rows.cost.append(share)
                wanted = 0
                break
            head += 1
            if not left:
                continue
            part = proceeds if left == wanted else proceeds * left // wanted
            rows.event.append(event)
            rows.piece.append(piece)
            rows.quantity.append(left)
            rows.proceeds.append(part)
            rows.cost.append(cost[piece])
            quantity[piece] = cost[piece] = 0
            proceeds -= part
            wanted -= left
            if not wanted:
                break
        self._head = head
        return wanted

    def open(self) -> list[int]:
        """Pieces with units left, oldest first."""
        quantity = self._pieces.quantity
        return [piece for piece in self._queue[self._head :] if quantity[piece]]


class LifoPool:
    """Last in, first out by acquisition time."""

    __slots__ = ("_pieces", "_rows", "_stack", "add")

    def __init__(self, pieces: Pieces, rows: Rows, piece_list: Sequence[int] = ()) -> None:
        self._pieces = pieces
        self._rows = rows
        self._stack = list(piece_list)
        self.add: Callable[[int], None] = self._stack.append

    def put(self, piece: int, *, first: bool = False) -> None:
        """Insert by acquisition order; `first` means nearer to the end that is taken from."""
        insort = insort_right if first else insort_left
        insort(self._stack, piece, key=self._pieces.order)

    def take(self, event: int, wanted: int, proceeds: int) -> int:
        """Take from the newest on."""
        while wanted:
            piece = self.peek()
            if piece < 0:
                break
            units = min(wanted, self._pieces.quantity[piece])
            part = proceeds if units == wanted else proceeds * units // wanted
            emit(self._pieces, self._rows, event, piece, take=units, proceeds=part)
            proceeds -= part
            wanted -= units
        return wanted

    def peek(self) -> int:
        """The newest piece."""
        stack, quantity = self._stack, self._pieces.quantity
        while stack:
            if quantity[stack[-1]]:
                return stack[-1]
            stack.pop()
        return -1

    def open(self) -> list[int]:
        """Pieces with units left, oldest first."""
        quantity = self._pieces.quantity
        return [piece for piece in self._stack if quantity[piece]]


UnitKey = Callable[[int], int]
"""Exact integer that ranks a piece by unit cost: see `Ranking.exact`."""


class CostPool:
    """Highest (or lowest) unit cost first, fees of acquisition included; the older of two equals first."""

    __slots__ = ("_heap", "_key", "_pieces", "_rows", "add")

    def __init__(self, pieces: Pieces, rows: Rows, piece_list: Sequence[int], key: UnitKey) -> None:
        self._pieces = pieces
        self._rows = rows
        self._key = key
        self._heap: list[tuple[int, float, int]] = [
            (key(piece), pieces.order(piece), piece) for piece in piece_list
        ]
        heapify(self._heap)
        self.add: Callable[[int], None] = self.put

    def put(self, piece: int, *, first: bool = False) -> None:
        """Insert by unit cost; `first` has no meaning where cost decides."""
        del first
        heappush(self._heap, (self._key(piece), self._pieces.order(piece), piece))

    def take(self, event: int, wanted: int, proceeds: int) -> int:
        """Take from the top of the heap on."""
        heap = self._heap
        quantity, cost = self._pieces.quantity, self._pieces.cost
        rows = self._rows
        while heap:
            piece = heap[0][2]
            left = quantity[piece]
            if left > wanted:
                share = cost[piece] * wanted // left
                quantity[piece] = left - wanted
                cost[piece] -= share
                rows.event.append(event)
                rows.piece.append(piece)
                rows.quantity.append(wanted)
                rows.proceeds.append(proceeds)
                rows.cost.append(share)
                return 0
            heappop(heap)
            if not left:
                continue
            part = proceeds if left == wanted else proceeds * left // wanted
            rows.event.append(event)
            rows.piece.append(piece)
            rows.quantity.append(left)
            rows.proceeds.append(part)
            rows.cost.append(cost[piece])
            quantity[piece] = cost[piece] = 0
            proceeds -= part
            wanted -= left
            if not wanted:
                return 0
        return wanted

    def peek(self) -> int:
        """The dearest (or cheapest) piece."""
        heap, quantity = self._heap, self._pieces.quantity
        while heap:
            if quantity[heap[0][2]]:
                return heap[0][2]
            heappop(heap)
        return -1

    def open(self) -> list[int]:
        """Pieces with units left, in acquisition order."""
        quantity = self._pieces.quantity
        alive = [piece for _, _, piece in self._heap if quantity[piece]]
        return sorted(alive, key=lambda piece: (self._pieces.order(piece), piece))


class AveragePool(FifoPool):
    """One average cost for every unit; dates (for the term) leave first in, first out.

    A piece keeps its quantity; cost is shared out whenever someone looks: on `take` and on `open`.
    """

    __slots__ = ("_cost", "_units")

    def __init__(self, pieces: Pieces, rows: Rows, piece_list: Sequence[int] = ()) -> None:
        super().__init__(pieces, rows, piece_list)
        self._units = sum(pieces.quantity[piece] for piece in piece_list)
        self._cost = sum(pieces.cost[piece] for piece in piece_list)
        self.add = self._add

    def _add(self, piece: int) -> None:
        self._queue.append(piece)
        self._units += self._pieces.quantity[piece]
        self._cost += self._pieces.cost[piece]

    def put(self, piece: int, *, first: bool = False) -> None:
        """Insert by acquisition order and average the cost in."""
        super().put(piece, first=first)
        self._units += self._pieces.quantity[piece]
        self._cost += self._pieces.cost[piece]

    def _share(self) -> None:
        """Write the average onto the open pieces; the last takes the rest."""
        units, cost = self._units, self._cost
        for piece in super().open():
            quantity = self._pieces.quantity[piece]
            part = cost if quantity == units else cost * quantity // units
            self._pieces.cost[piece] = part
            units -= quantity
            cost -= part

    def take(self, event: int, wanted: int, proceeds: int) -> int:
        """Take at average cost, dates from the oldest on."""
        rows, asked = self._rows, wanted
        served, cost, dated = self._deal(wanted)
        left = served
        for piece, units in dated:
            part = proceeds if units == asked else proceeds * units // asked
            share = cost if units == left else cost * units // left
            rows.event.append(event)
            rows.piece.append(piece)
            rows.quantity.append(units)
            rows.proceeds.append(part)
            rows.cost.append(share)
            proceeds -= part
            asked -= units
            cost -= share
            left -= units
        return wanted - served

    def settle(self, made: Sequence[int], units: int, cost: int) -> None:
        """Take in new pieces and let units leave, the oldest first, until `units` are left, which cost `cost`."""
        queue, head, quantity = self._queue, self._head, self._pieces.quantity
        queue += made
        gone = self._units + sum(map(quantity.__getitem__, made)) - units
        while gone:
            piece = queue[head]
            left = quantity[piece]
            if left:
                self._pieces.cost[piece] = 0
            if left > gone:
                quantity[piece] = left - gone
                break
            gone -= left
            quantity[piece] = 0
            head += 1
        self._head, self._units, self._cost = head, units, cost

    def draw(self, wanted: int) -> tuple[int, int]:
        """Take units at average cost without writing rows: (units there were, their cost)."""
        served, cost, _ = self._deal(wanted)
        return served, cost

    def _deal(self, wanted: int) -> tuple[int, int, list[tuple[int, int]]]:
        """Take units out of the pool, the oldest first: (units there were, their cost, units by piece)."""
        served = min(wanted, self._units)
        if not served:
            return 0, 0, []
        cost = self._cost if served == self._units else self._cost * served // self._units
        self._units -= served
        self._cost -= cost
        left, dated = served, list[tuple[int, int]]()
        while left:
            piece = super().peek()
            units = min(left, self._pieces.quantity[piece])
            self._pieces.quantity[piece] -= units
            self._pieces.cost[piece] = 0
            dated.append((piece, units))
            left -= units
        return served, cost, dated

    @property
    def units(self) -> int:
        """Units in the pool."""
        return self._units

    @property
    def cost(self) -> int:
        """Cost of all units in the pool."""
        return self._cost

    def add_cost(self, amount: int) -> None:
        """Raise the cost of what is held (a denied loss)."""
        self._cost += amount

    def peek(self) -> int:
        """The oldest piece, with its share of the average cost written onto it."""
        piece = super().peek()
        if piece >= 0:
            self.price(piece)
        return piece

    def price(self, piece: int) -> None:
        """Write a piece's share of the average cost onto it."""
        quantity = self._pieces.quantity[piece]
        share = self._cost if quantity == self._units else self._cost * quantity // self._units
        self._pieces.cost[piece] = share

    def left(self, units: int, cost: int) -> None:
        """Say that `units` with `cost` were taken out of a peeked piece by hand."""
        self._units -= units
        self._cost -= cost

    def open(self) -> list[int]:
        """Pieces with units left, oldest first, each with its share of the cost."""
        self._share()
        return super().open()


def make_pool(method: Method, pieces: Pieces, rows: Rows, piece_list: Sequence[int], key: UnitKey) -> Pool:
    """A pool for a method over pieces in acquisition order. Specific identification takes the rest first in, first out."""
    if method is Method.LIFO:
        return LifoPool(pieces, rows, piece_list)
    if method is Method.HIFO:
        return CostPool(pieces, rows, piece_list, lambda piece: -key(piece))
    if method is Method.LOFO:
        return CostPool(pieces, rows, piece_list, key)
    if method is Method.AVERAGE:
        return AveragePool(pieces, rows, piece_list)
    return FifoPool(pieces, rows, piece_list)
