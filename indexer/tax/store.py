"""Pieces of lots and rows of disposals as columns of integers: what the kernels write and the book reads."""

from dataclasses import dataclass, field

from indexer.model.money import split_cost


@dataclass(slots=True)
class Pieces:
    """Parts of lots. A piece is made by an acquisition, a move or a partial wash; `source` is the acquiring event.

    `rank` (sparse) is where a piece stands in acquisition order when that is not its source's own place.
    `holding` (sparse) is the day its holding period is counted from when that is not its acquisition day.
    """

    quantity: list[int] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    rank: dict[int, float] = field(default_factory=dict)
    holding: dict[int, int] = field(default_factory=dict)
    unit_cost: dict[int, tuple[int, int]] = field(default_factory=dict)
    """(cost, quantity) that rank a piece by unit cost when these are not its source's own."""
    washed: set[int] = field(default_factory=set)
    """Pieces that already stand in for a disallowed loss (26 CFR 1.1091-1(e): they count once)."""
    lineage: dict[int, frozenset[int]] = field(default_factory=dict)
    """Acquisitions whose disallowed losses a piece carries."""

    def add(self, quantity: int, cost: int, source: int, place: int) -> int:
        """Append a piece and return its number."""
        self.quantity.append(quantity)
        self.cost.append(cost)
        self.source.append(source)
        self.place.append(place)
        return len(self.source) - 1

    def part(self, piece: int, quantity: int, place: int) -> int:
        """Cut `quantity` units off a piece as a new piece at `place`; cost goes along exactly."""
        left = self.quantity[piece]
        cost = split_cost(self.cost[piece], quantity, left)
        self.quantity[piece] = left - quantity
        self.cost[piece] -= cost
        made = self.add(quantity, cost, self.source[piece], place)
        if piece in self.rank:
            self.rank[made] = self.rank[piece]
        if piece in self.holding:
            self.holding[made] = self.holding[piece]
        if piece in self.unit_cost:
            self.unit_cost[made] = self.unit_cost[piece]
        if piece in self.washed:
            self.washed.add(made)
        if piece in self.lineage:
            self.lineage[made] = self.lineage[piece]
        return made

    def alike(self, one: int, other: int) -> bool:
        """Whether two pieces of one acquisition are ranked, dated and marked alike."""
        return (
            self.rank.get(one) == self.rank.get(other)
            and self.holding.get(one) == self.holding.get(other)
            and self.unit_cost.get(one) == self.unit_cost.get(other)
            and (one in self.washed) == (other in self.washed)
            and self.lineage.get(one) == self.lineage.get(other)
        )

    def join(self, piece: int, into: int) -> tuple[int, int]:
        """Let a piece's units become part of another's: (units, cost)."""
        quantity, cost = self.quantity[piece], self.cost[piece]
        self.quantity[into] += quantity
        self.cost[into] += cost
        self.quantity[piece] = self.cost[piece] = 0
        return quantity, cost

    def order(self, piece: int) -> float:
        """Where a piece stands in acquisition order."""
        return self.rank.get(piece, self.source[piece])

    def cut(self, length: int) -> "Pieces":
        """A copy of the first `length` pieces; quantities and costs are the caller's to restore."""
        return Pieces(
            quantity=[0] * length,
            cost=[0] * length,
            source=self.source[:length],
            place=self.place[:length],
            rank={piece: rank for piece, rank in self.rank.items() if piece < length},
            holding={piece: day for piece, day in self.holding.items() if piece < length},
            unit_cost={piece: unit for piece, unit in self.unit_cost.items() if piece < length},
            washed={piece for piece in self.washed if piece < length},
            lineage={piece: sources for piece, sources in self.lineage.items() if piece < length},
        )


@dataclass(slots=True)
class Rows:
    """Disposal rows: parallel columns and sparse tables by row number. `piece` is -1 for a pooled match."""

    event: list[int] = field(default_factory=list)
    piece: list[int] = field(default_factory=list)
    quantity: list[int] = field(default_factory=list)
    proceeds: list[int] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)
    disallowed: dict[int, int] = field(default_factory=dict)
    washed_into: dict[int, int] = field(default_factory=dict)
    """Acquiring event whose basis received the disallowed part."""
    rule: dict[int, str] = field(default_factory=dict)
    matched: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Acquiring events of a pooled match."""
    merged: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Selling events that the law treats as one disposal."""

    def cut(self, length: int) -> "Rows":
        """A copy of the first `length` rows."""
        return Rows(
            self.event[:length],
            self.piece[:length],
            self.quantity[:length],
            self.proceeds[:length],
            self.cost[:length],
            {row: value for row, value in self.disallowed.items() if row < length},
            {row: value for row, value in self.washed_into.items() if row < length},
            {row: value for row, value in self.rule.items() if row < length},
            {row: value for row, value in self.matched.items() if row < length},
            {row: value for row, value in self.merged.items() if row < length},
        )


@dataclass(slots=True)
class Removals:
    """Units that left without a disposal, with the cost they took: unreviewed sends, gifts, lost coins."""

    event: list[int] = field(default_factory=list)
    piece: list[int] = field(default_factory=list)
    quantity: list[int] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)

    def cut(self, length: int) -> "Removals":
        """A copy of the first `length` rows."""
        return Removals(self.event[:length], self.piece[:length], self.quantity[:length], self.cost[:length])
