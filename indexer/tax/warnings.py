"""Losses that a law of purpose may look at: no figure changes, the owner should know before an authority does."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date

from indexer.tax.book import TaxBook
from indexer.tax.jurisdiction import Effect, WashWindow
from indexer.tax.tape import BUY
from indexer.tax.views import UnitView


@dataclass(frozen=True, slots=True)
class PurposeWarning:
    """A loss with a purchase of the same property close by, in a country that tests purpose and has no window."""

    disposal: str
    asset: str
    loss: int
    """Positive, 10**-18 currency units."""
    purchase: str
    """The nearest purchase."""
    days: int
    """Days from the disposal to the purchase, negative before it."""
    source: str


def warnings(book: TaxBook) -> list[PurposeWarning]:
    """Every loss of the book that such a law may ask about, in time order."""
    found = [warning for view in book.views for warning in _of_unit(view)]
    return [warning for _, warning in sorted(found, key=lambda pair: pair[0])]


def _of_unit(view: UnitView) -> list[tuple[tuple[int, str], PurposeWarning]]:
    rows, unit, plan = view.result.rows, view.unit, view.plan
    losses: dict[int, int] = {}
    for row, event in enumerate(rows.event):
        if view.is_final(row):
            losses[event] = losses.get(event, 0) + rows.cost[row] - rows.proceeds[row]
    found = []
    for event, loss in losses.items():
        day = plan.day(unit.time[event])
        rules = plan.rules_at(unit.time[event])
        window = rules.window_on(date.fromordinal(day), as_if=True)
        if loss <= 0 or window is None or window.effect is not Effect.WARN or not window.days_after:
            continue
        near = _nearest(view, event, day, window)
        if near is not None:
            asset = view.tape.places[unit.place[event]].asset
            away = plan.day(unit.time[near]) - day
            warning = PurposeWarning(view.id_of(event), asset, loss, view.id_of(near), away, window.source)
            found.append(((unit.time[event], view.id_of(event)), warning))
    return found


def _nearest(view: UnitView, event: int, day: int, window: WashWindow) -> int | None:
    """The purchase nearest to a disposal that was not itself sold by it."""
    unit, plan, rows = view.unit, view.plan, view.result.rows
    taken = {
        view.result.pieces.source[rows.piece[row]]
        for row, sold in enumerate(rows.event)
        if sold == event and rows.piece[row] >= 0
    }
    asset = view.tape.places[unit.place[event]].asset
    low = bisect_left(unit.time, day - window.days_before, key=plan.day)
    high = bisect_right(unit.time, day + window.days_after, key=plan.day)
    near = [
        other
        for other in range(low, high)
        if unit.kind[other] == BUY
        and other not in taken
        and view.tape.places[unit.place[other]].asset == asset
    ]
    return min(near, key=lambda other: (abs(unit.time[other] - unit.time[event]), other), default=None)
