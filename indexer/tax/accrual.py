"""A gain that accrued under two laws: the part up to a day, and the part after it.

Australia from 1 July 2027 (`Reset` in its rule file): units held before are taken as sold and bought again at their
market value of that day. What they had gained by then is deferred to the real sale and keeps the discount; what they
gain afterwards is measured against a cost that is indexed by consumer prices, where they were held for more than
twelve months in all. The market values and the index numbers are the owner's to give: neither exists yet. Without
them nothing is taken off, which can only overstate the gain, and a notice says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from indexer.model.lots import Disposal, Term
from indexer.tax.jurisdiction import Reset


@dataclass(frozen=True, slots=True)
class Worth:
    """`money` (10**-18 currency units) for `units` of an asset at the books' scale."""

    money: int
    units: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What only the owner can supply: market values on the day of a reset, index numbers by a quarter's first day."""

    market_values: Mapping[str, Worth] = field(default_factory=dict)
    index_numbers: Mapping[date, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accrued:
    """One disposal's gain in its parts, 10**-18 currency units. `missing` names figures that were not there."""

    deferred: int
    """Gain (or loss) up to the day of the reset; 0 for what was bought after it."""
    later: int
    """Gain (or loss) after it, against the indexed cost."""
    indexation: int
    """What indexation took off."""
    missing: tuple[str, ...] = ()


def quarter(day: date) -> date:
    """The first day of the calendar quarter of a day."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def accrued(disposal: Disposal, acquired: date, disposed: date, reset: Reset, figures: Figures) -> Accrued:
    """Part a disposal on or after the day of a reset; `acquired` and `disposed` are tax days."""
    deferred, cost, incurred = 0, disposal.cost, acquired
    missing: list[str] = []
    if acquired < reset.since:
        worth = figures.market_values.get(disposal.asset)
        if worth is None:
            return Accrued(0, disposal.gain, 0, (f"market value of {disposal.asset} on {reset.since}",))
        value = worth.money * disposal.quantity // worth.units
        deferred, cost, incurred = value - disposal.cost, value, reset.since
    later = disposal.proceeds - cost + disposal.disallowed
    if later <= 0 or disposal.term is not Term.LONG:
        return Accrued(deferred, later, 0)
    bought, sold = (figures.index_numbers.get(quarter(day)) for day in (incurred, disposed))
    if bought is None or sold is None:
        wanted = sorted({quarter(day) for day in (incurred, disposed)} - set(figures.index_numbers))
        missing += [f"consumer price index of the quarter from {day}" for day in wanted]
        return Accrued(deferred, later, 0, tuple(missing))
    factor = max(Decimal(1), (sold / bought).quantize(Decimal(1).scaleb(-reset.index_places), ROUND_HALF_UP))
    above, below = (factor - 1).as_integer_ratio()
    relief = min(later, cost * above // below)
    return Accrued(deferred, later - relief, relief)
