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
    stranded: dict[str, int] = field(default_factory=dict)
    """Cost of which no units are left, by asset: it joins the next units of the asset (a denied loss whose
    replacement is yet to come), or the portfolio's cost where the law knows one cost for everything."""
    unnamed: list[tuple[int, str, int]] = field(default_factory=list)
    """(event, lot, units): lots that the owner named and that were not there; the method took others."""


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
    aside: tuple[tuple[int, int, int], ...]
    """Pieces that are in no pool, with their quantities and costs."""
    segment: Segment | None
    undecided: tuple[int, int] | None = None
    waiting: tuple[tuple[int, int], ...] = ()
    stranded: tuple[tuple[str, int], ...] = ()
    unnamed: int = 0
    more: tuple[object, ...] = ()
    """What a derived kernel keeps besides."""
