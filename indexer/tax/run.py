"""Runs a unit from its start or from a checkpoint, and leaves checkpoints behind, denser towards the end."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from indexer.tax.days import DAY_US
from indexer.tax.lots import LotKernel
from indexer.tax.plan import Plan, Segment
from indexer.tax.result import Result, Snapshot
from indexer.tax.tape import Tape, Unit

NEAREST = 512
"""Events between the end of a unit and its last checkpoint; each earlier one is twice as far away."""

MakeKernel = Callable[[Segment], type[LotKernel]]


@dataclass(slots=True)
class UnitRun:
    """A unit with its result and its checkpoints, oldest first."""

    unit: Unit
    result: Result
    snapshots: list[Snapshot]
    segments: list[Segment]
    digest: bytes = b""
    """SHA-256 over the unit's events once somebody asked: units that stay as they are need not be read again."""


def checkpoints(unit: Unit, plan: Plan, begin: int) -> list[int]:
    """Positions after `begin` at which to keep a checkpoint: first events of a tax day, denser towards the end."""
    count, distance, found = len(unit), NEAREST, set()
    while distance < count:
        position = count - distance
        day = plan.day(unit.time[position])
        # The first event of the same day: at most a day of instants earlier.
        low = bisect_left(unit.time, unit.time[position] - 2 * DAY_US)
        while low < position and plan.day(unit.time[low]) < day:
            low += max(1, _gallop(unit, plan, low, position, day))
        if low > begin:
            found.add(low)
        distance *= 2
    return sorted(found)


def _gallop(unit: Unit, plan: Plan, low: int, high: int, day: int) -> int:
    """How many events from `low` on surely lie before `day` (binary search on monotone days)."""
    start = low
    while low < high:
        middle = (low + high) // 2
        if plan.day(unit.time[middle]) < day:
            low = middle + 1
        else:
            high = middle
    return low - start


def run_unit(
    plan: Plan, tape: Tape, unit: Unit, make: MakeKernel, *, earlier: UnitRun | None = None, since: int = 0
) -> UnitRun:
    """Book a unit. With `earlier`, events before position `since` are those of the earlier run."""
    kernel = LotKernel(plan, tape, unit)
    begin, kept = 0, list[Snapshot]()
    if earlier is not None:
        kept = [snapshot for snapshot in earlier.snapshots if snapshot.position <= since]
        if kept and kept[-1].segment:
            begin = kept[-1].position
            kernel = make(kept[-1].segment)(plan, tape, unit)
            kernel.restore(earlier.result, kept[-1])
    segments = plan.segments(unit.time[0], unit.time[-1]) if len(unit) else []
    stops = checkpoints(unit, plan, begin)
    starts = [bisect_left(unit.time, segment.start) for segment in segments] + [len(unit)]
    for number, (segment, first, end) in enumerate(zip(segments, starts, starts[1:], strict=False)):
        if end <= begin:
            continue
        position = max(first, begin)
        if kernel.segment != segment:
            needed = make(segment)
            if type(kernel) is not needed:
                before, kernel = kernel, needed(plan, tape, unit)
                kernel.adopt(before)
            kernel.horizon = starts[_reign(segments, number, make)]
            kernel.enter(segment, position)
        elif position == begin:
            kernel.horizon = starts[_reign(segments, number, make)]
        for stop in [stop for stop in stops if position < stop < end]:
            kernel.advance(position, stop)
            kept.append(kernel.snapshot(stop))
            position = stop
        kernel.advance(position, end)
    kernel.finish()
    return UnitRun(unit, kernel.result, thin(kept, len(unit)), segments)


def _reign(segments: list[Segment], number: int, make: MakeKernel) -> int:
    """The number of the first segment after one that another kernel books; their count when there is none."""
    kernel = make(segments[number])
    later = range(number + 1, len(segments))
    return next((other for other in later if make(segments[other]) is not kernel), len(segments))


def thin(snapshots: list[Snapshot], count: int) -> list[Snapshot]:
    """Keep at most two checkpoints for every doubling of the distance to the end."""
    kept: dict[int, list[Snapshot]] = {}
    for snapshot in snapshots:
        group = kept.setdefault((count - snapshot.position).bit_length(), [])
        group[1:] = [snapshot] if group else []
        if not group:
            group.append(snapshot)
    return sorted((one for group in kept.values() for one in group), key=lambda one: one.position)
