"""What a country's rule file states: dated rows with their sources, read by the engine and by the totals."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from indexer.model.profile import Method, Scope


class Kernel(StrEnum):
    """Which machine books an asset under `Method.POOLED`."""

    LOTS = "lots"
    SECTION_104 = "section-104"
    ACB = "acb"
    PORTFOLIO = "portfolio"


class Holding(StrEnum):
    """How the long holding period is counted from the acquisition day."""

    NONE = "none"
    """The law knows no holding period: every disposal is `short`."""
    DAY_AFTER_PLUS_YEAR = "day-after-plus-year"
    """Long from (acquisition day + 1 day) + 1 year; 29 February counts as 1 March of a common year."""
    AFTER_ANNIVERSARY = "after-anniversary"
    """Long from the day after the anniversary; the anniversary of 29 February is 28 February."""


class Effect(StrEnum):
    """What a wash window does to a loss."""

    DEFER = "defer"
    """Disallowed part goes to the replacement's basis, its holding period is tacked."""
    SUPERFICIAL = "superficial"
    """Denied part goes to the average-cost pool."""
    RING_FENCE = "ring-fence"
    """The loss is usable only against a gain on the units bought back."""
    MATCH = "match"
    """No loss is denied: later purchases re-price the disposal (UK)."""
    WARN = "warn"
    """No window in the law; purpose is tested (AU, DE)."""


class Netting(StrEnum):
    """How a year's gains and losses are set against each other: one rule of `totals` each."""

    PLAIN = "plain"
    US = "us"
    UK = "uk"
    CA = "ca"
    DE = "de"
    AU = "au"
    IE = "ie"
    FR = "fr"


@dataclass(frozen=True, slots=True)
class WashWindow:
    """A window around a loss, valid for disposals from `since` up to and without `until`."""

    since: date
    until: date | None
    days_before: int
    days_after: int
    effect: Effect
    reaches_crypto: bool
    """Whether the law as it stands applies it to crypto assets; otherwise only on request (`as-if`)."""
    purchases_only: bool
    source: str


@dataclass(frozen=True, slots=True)
class Row:
    """One dated figure of a country: a limit, an exemption or a rate band, in whole currency units."""

    name: str
    since: date
    until: date | None
    value: Decimal
    source: str
    status: str = ""
    """Filing status, empty for everyone."""
    above: Decimal | None = None
    """Lower bound of the band to which a rate applies."""


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """From which day the law asks for per-wallet lots or for one pool."""

    since: date
    scope: Scope
    source: str


@dataclass(frozen=True, slots=True)
class Reset:
    """From `since` on, what was held before is taken as sold and bought again at its market value of that day.

    The gain up to that day waits for the real sale (it is deferred); the gain after it is measured against a cost
    that rises with consumer prices, for units held long enough. Losses are never indexed.
    """

    since: date
    source: str
    index_places: int
    """Decimal places that an indexation factor is rounded to, halves up."""


@dataclass(frozen=True, slots=True)
class MethodRow:
    """From which day the law accepts these ways of picking what a sale sells."""

    since: date
    methods: tuple[Method, ...]
    source: str


IDENTIFIED = (Method.FIFO, Method.LIFO, Method.HIFO, Method.LOFO, Method.SPEC_ID)
"""First in first out, and every standing order by which an owner may identify the units sold."""


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """A country as the engine sees it. Every rule file exports one as `RULES`."""

    code: str
    name: str
    currency: str
    holding: Holding
    pooled: Kernel = Kernel.LOTS
    default_method: Method = Method.FIFO
    methods: tuple[MethodRow, ...] = ()
    """Empty where no law chooses: every method is accepted."""
    scopes: tuple[ScopeRow, ...] = ()
    windows: tuple[WashWindow, ...] = ()
    rows: tuple[Row, ...] = ()
    year_start: tuple[int, int] = (1, 1)
    """Month and day on which the tax year begins."""
    year_named_by_end: bool = False
    swap_is_disposal: bool = True
    gift_is_disposal: bool = False
    """A gift is a disposal at market value (with the reliefs the country page names)."""
    holding_source: str = ""
    reset: Reset | None = None
    netting: Netting = Netting.PLAIN

    def tax_year(self, day: date) -> int:
        """The year a day falls into, named by its first day's year (Australia: its last day's)."""
        before = (day.month, day.day) < self.year_start
        first = day.year - 1 if before else day.year
        return first + 1 if self.year_named_by_end else first

    def year_begins(self, year: int) -> date:
        """First day of a tax year as `tax_year` names it."""
        return date(year - 1 if self.year_named_by_end else year, *self.year_start)

    def window_on(self, day: date, *, as_if: bool) -> WashWindow | None:
        """The window for a disposal on a day: the law's, or with `as_if` also one that spares crypto assets."""
        for window in self.windows:
            if window.since <= day and (window.until is None or day < window.until):
                return window if as_if or window.reaches_crypto else None
        return None

    def methods_on(self, day: date) -> MethodRow | None:
        """The methods that the law accepts on a day, None where it accepts every one."""
        valid = [row for row in self.methods if row.since <= day]
        return valid[-1] if valid else None

    def row(self, name: str, day: date, status: str = "") -> Row | None:
        """The row in force on a day for a filing status, falling back to the row for everyone."""
        valid = [
            row
            for row in self.rows
            if row.name == name and row.since <= day and (row.until is None or day < row.until)
        ]
        return next(
            (row for row in valid if row.status == status),
            next((row for row in valid if not row.status), None),
        )

    def bands(self, name: str, day: date, status: str = "") -> list[Row]:
        """All rate rows of a name in force on a day for a filing status, lowest bound first."""
        valid = [
            row
            for row in self.rows
            if row.name == name
            and row.since <= day
            and (row.until is None or day < row.until)
            and row.status in ("", status)
        ]
        return sorted(valid, key=lambda row: row.above or Decimal(0))
