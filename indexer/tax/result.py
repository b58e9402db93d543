"""What a kernel makes of a unit, and the checkpoints from which it can go on."""

from dataclasses import dataclass, field

from indexer.tax.plan import Segment
from indexer.tax.store import Pieces, Removals, Rows

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
    undecided: tuple[int, int] | None = None
    """(event, units): a change of scope that dealt out units by no choice of the owner's."""
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
    pools: tuple[tuple[PoolKey, list[int], list[int], list[int]], ...]
    """Per pool its pieces in acquisition order, with their quantities and costs."""
    segment: Segment | None
    undecided: tuple[int, int] | None = None
    more: tuple[object, ...] = ()
    """What a derived kernel keeps besides."""
