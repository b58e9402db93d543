"""The engine: movements and a profile in, a book out. A pure function; the same input gives the same bytes."""

from collections.abc import Mapping, Sequence

from indexer.model.movement import Movement
from indexer.model.profile import TaxProfile
from indexer.tax.acb import AcbKernel
from indexer.tax.book import TaxBook
from indexer.tax.changeover import Allocation
from indexer.tax.fourweeks import FourWeekKernel
from indexer.tax.jurisdiction import Effect, Kernel
from indexer.tax.layout import (
    Change,
    events_of,
    find_event,
    insert_event,
    lay,
    lost_an_asset,
    needs_regroup,
    open_unit,
    safe_start,
    without,
)
from indexer.tax.lots import LotKernel
from indexer.tax.plan import Plan, Segment
from indexer.tax.portfolio import PortfolioKernel
from indexer.tax.posting import Event, post
from indexer.tax.run import run_unit
from indexer.tax.section104 import Section104Kernel
from indexer.tax.tape import Tape
from indexer.tax.wash import WashKernel


def build(
    movements: Sequence[Movement],
    profile: TaxProfile | Sequence[TaxProfile],
    *,
    families: Mapping[str, str] | None = None,
    allocation: Allocation | None = None,
) -> TaxBook:
    """Book movements under a profile, or under dated ones.

    `allocation` is the owner's choice at a change from one pool to wallets (`changeover.allocation_of`).
    `families` maps pool assets to their broad identity group; it is used where a profile asks for it.

    Raises:
        InputError: an unknown country or zone, profiles in several currencies, or a method that the country's
            wash window cannot work with.
    """
    plan = Plan(profile, allocation)
    events = post(movements, plan)
    return book_tape(plan, lay(events, plan, families or {}))


def book_tape(plan: Plan, tape: Tape) -> TaxBook:
    """Book a tape that is already laid out in columns."""
    runs = tuple(run_unit(plan, tape, unit, make_kernel) for unit in tape.units)
    return TaxBook(plan, tape, runs)


def make_kernel(segment: Segment) -> type[LotKernel]:
    """The machine for a segment's rules."""
    if segment.kernel is not Kernel.LOTS:
        return _POOLED[segment.kernel]
    if segment.window is None:
        return LotKernel
    return FourWeekKernel if segment.window.effect is Effect.RING_FENCE else WashKernel


_POOLED: Mapping[Kernel, type[LotKernel]] = {
    Kernel.SECTION_104: Section104Kernel,
    Kernel.ACB: AcbKernel,
    Kernel.PORTFOLIO: PortfolioKernel,
}


def amend(book: TaxBook, added: Sequence[Movement] = (), removed: Sequence[Movement] = ()) -> TaxBook:
    """The book that `build` would make of the same movements without `removed` and with `added`, byte for byte.

    Only the units that are touched are booked again, each from its last checkpoint before the change. `removed` are
    movements exactly as they were booked; both halves of a link are removed and added together. Movements that join
    or part units (a wrap, a bridge to another asset) make it book everything anew. The book given stays as it is.

    Raises:
        InputError: a movement to be removed is not in the book.
    """
    gone, new = post(removed, book.plan), post(added, book.plan)
    if any(event.to and event.to.asset != event.place.asset for event in (*gone, *new)) or needs_regroup(
        book, new
    ):
        return _anew(book, gone, new)
    # A tape of its own: the book given may be read, or amended otherwise, at the same time.
    given = book.tape
    tape = Tape(
        list(given.places), [], given.ids.copy(), given.orders.copy(), dict(given.extras), given.families
    )
    runs = {run.unit.assets: run for run in book.runs}
    places = {place: number for number, place in enumerate(tape.places)}
    changes = list[Change]()
    for event in gone:
        change = open_unit(changes, runs, event)
        position = find_event(tape, change.unit, event)
        for column in change.unit.columns():
            del column[position]
        change.mark(position, event.time)
    if any(lost_an_asset(tape, change.unit) for change in changes):
        return _anew(book, gone, new)
    for event in new:
        change = open_unit(changes, runs, event)
        change.mark(insert_event(tape, change.unit, event, places), event.time)
    for change in changes:
        unit, assets = change.unit, change.unit.assets
        if len(unit):
            earlier, since = runs.get(assets), safe_start(book.plan, change)
            runs[assets] = run_unit(book.plan, tape, unit, make_kernel, earlier=earlier, since=since)
        else:
            runs.pop(assets, None)
    tape.units = [run.unit for _, run in sorted(runs.items())]
    return TaxBook(book.plan, tape, tuple(run for _, run in sorted(runs.items())))


def _anew(book: TaxBook, gone: Sequence[Event], new: Sequence[Event]) -> TaxBook:
    """Lay everything out again."""
    kept = without(events_of(book.tape), gone)
    return book_tape(book.plan, lay([*kept, *new], book.plan, book.tape.families))
