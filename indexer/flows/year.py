"""Tax years: what the kept disposals add up to, netted and carried forward as the country's law says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from indexer.flows.served import served
from indexer.flows.services import Services
from indexer.flows.views import Freshness
from indexer.model.errors import NotFoundError
from indexer.model.ledger import UnitOfWork
from indexer.model.lots import BookGap, Disposal, Income
from indexer.model.stored import BookSnapshot
from indexer.tax.days import to_us
from indexer.tax.jurisdiction import Jurisdiction
from indexer.tax.plan import Plan
from indexer.tax.totals import YearTotals, label, year_start, yearly


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of a book, as the totals want it."""

    plan: Plan
    disposals: Sequence[Disposal]
    income: Sequence[Income]


@dataclass(frozen=True, slots=True)
class YearView:
    """One tax year under the rules in force at its beginning."""

    totals: YearTotals
    label: str
    jurisdiction: str
    disposals: int
    """How many rows it has."""
    currency: str
    notes: tuple[str, ...] = ()
    """What the law leaves open in it, one sentence each: figures that are missing, a rate that depends on you."""


@dataclass(frozen=True, slots=True)
class YearsReport:
    """Every year with a disposal or income, those between and those up to the running one, oldest first."""

    years: tuple[YearView, ...]
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class YearReport:
    """One year. `freshness` names the gaps of movements up to its end: later ones change nothing in it."""

    year: YearView
    freshness: Freshness


async def years(services: Services, portfolio: str) -> YearsReport:
    """The portfolio's tax years."""
    async with services.ledger.read() as work:
        book = await work.books.load(portfolio)
        now = await served(work, portfolio, book)
        plan = Plan(await work.tenants.profile(portfolio))
    return YearsReport(
        years=() if book is None else _years(book, plan, services.clock.now()),
        freshness=now.with_gaps(book.gaps if book else ()),
    )


async def year(services: Services, portfolio: str, number: int) -> YearReport:
    """One tax year, named as the country names it.

    The running year is there before anything is sold in it: it shows what was carried into it.

    Raises:
        NotFoundError: the books have nothing in that year.
    """
    async with services.ledger.read() as work:
        book = await work.books.load(portfolio)
        now = await served(work, portfolio, book)
        plan = Plan(await work.tenants.profile(portfolio))
        found = () if book is None else _years(book, plan, services.clock.now())
        chosen = next((one for one in found if one.totals.year == number), None)
        if book is None or chosen is None:
            known = ", ".join(str(one.totals.year) for one in found) or "none yet"
            raise NotFoundError(f"the books have no disposal and no income in {number}; years: {known}")
        gaps = await _gaps_until(work, book, plan, number)
    return YearReport(chosen, now.with_gaps(gaps))


def _years(book: BookSnapshot, plan: Plan, now: datetime) -> tuple[YearView, ...]:
    counts: dict[int, int] = {}
    for disposal in book.disposals:
        number = plan.tax_year(to_us(disposal.disposed_at))
        counts[number] = counts.get(number, 0) + 1
    views = []
    any_row = bool(book.disposals or book.income)
    running = plan.tax_year(to_us(now.astimezone(UTC))) if any_row else None
    for totals in yearly(Kept(plan, book.disposals, book.income), until=running):
        rules: Jurisdiction = plan.rules_at(to_us(year_start(totals)))
        views.append(
            YearView(totals, label(rules, totals), rules.code, counts.get(totals.year, 0), book.currency)
        )
    return tuple(views)


async def _gaps_until(work: UnitOfWork, book: BookSnapshot, plan: Plan, number: int) -> tuple[BookGap, ...]:
    movements = await work.books.movements_of(book.portfolio, {gap.movement for gap in book.gaps})
    return tuple(
        gap
        for gap in book.gaps
        if gap.movement not in movements
        or plan.tax_year(to_us(movements[gap.movement].movement.time)) <= number
    )
