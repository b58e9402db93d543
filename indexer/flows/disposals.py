"""Disposals of the present book, and how one came to its figures: lots, rules, the transactions behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from indexer.flows.movements import MovementView, book_again, views_of
from indexer.flows.served import NO_BOOK, served
from indexer.flows.services import Services
from indexer.flows.views import Freshness
from indexer.model.asset import Asset
from indexer.model.errors import NotFoundError
from indexer.model.lots import BookGap, Disposal, Term
from indexer.model.stored import DisposalFilter
from indexer.tax.days import to_us
from indexer.tax.explain import Step
from indexer.tax.explain import explain as explained
from indexer.tax.plan import Plan


@dataclass(frozen=True, slots=True)
class DisposalView:
    """A disposal with its tax year and the asset that stands for its pool."""

    disposal: Disposal
    asset: Asset | None
    year: int
    currency: str


@dataclass(frozen=True, slots=True)
class DisposalPage:
    """A slice of the disposals."""

    items: tuple[DisposalView, ...]
    next_cursor: str | None
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """One lot's part of a disposal: what took it, and where it came from."""

    view: DisposalView
    acquisitions: tuple[MovementView, ...]
    """The movements that the cost comes from, as far as the book has them."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExplainedDisposal:
    """A disposal followed down to transactions. Its figures are the sums of its steps."""

    id: str
    sales: tuple[MovementView, ...]
    """The movements that sold."""
    steps: tuple[ExplainedStep, ...]
    gaps: tuple[BookGap, ...]
    currency: str
    freshness: Freshness

    @property
    def gain(self) -> int:
        """Gain of all steps, 10**-18 currency units."""
        return sum(step.view.disposal.gain for step in self.steps)


async def list_disposals(
    services: Services,
    portfolio: str,
    *,
    year: int | None = None,
    asset: str | None = None,
    term: Term | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> DisposalPage:
    """Disposals, oldest first. `year` is a tax year as the country names it, `asset` a CAIP-19 id or a group.

    Raises:
        InputError: the cursor is not one this list gave out for the present book.
    """
    async with services.ledger.read() as work:
        now = await served(work, portfolio)
        assets = await work.facts.portfolio_assets(portfolio)
        plan = Plan(await work.tenants.profile(portfolio))
        pool = asset
        if asset in assets:
            pool = _pool(assets[asset])
        since, until = (None, None) if year is None else _bounds(plan, year)
        where = DisposalFilter(pool=pool, term=term, since=since, until=until)
        page = await work.books.disposals(portfolio, where, cursor, limit)
    views = tuple(_view(one, assets, plan, now.currency) for one in page.items)
    return DisposalPage(views, page.next_cursor, now.freshness)


def _pool(asset: Asset) -> str:
    return asset.id if asset.group is None or asset.decimals is None else asset.group


def _bounds(plan: Plan, year: int) -> tuple[datetime, datetime]:
    """First instant of a tax year and of the next one. A profile that begins inside the year may cut it short."""
    first = _first_instant(plan, year)
    return first, _first_instant(plan, year + 1)


def _first_instant(plan: Plan, year: int) -> datetime:
    """The first instant whose tax year is `year` or later, found by halving: zones, summer time and profiles count."""
    low = datetime(year - 2, 1, 1, tzinfo=UTC)
    high = datetime(year + 2, 1, 1, tzinfo=UTC)
    while high - low > timedelta(microseconds=1):
        middle = low + (high - low) // 2
        if plan.tax_year(to_us(middle)) < year:
            low = middle
        else:
            high = middle
    return high


async def explain_disposal(services: Services, portfolio: str, disposal_id: str) -> ExplainedDisposal:
    """Follow a disposal down to the transactions it was made of.

    The engine computes the book once more from the kept movements, so that what is told is how the kept figures came
    about: another book than the kept one is refused.

    Raises:
        NotFoundError: there is no such disposal, or it has no figures; the text says why.
        ConflictError: the book is being derived anew.
    """
    async with services.ledger.read() as work:
        now = await served(work, portfolio)
        if now.head is None:
            raise NotFoundError(NO_BOOK)
        book, movements = await book_again(services, work, portfolio, now.head)
        found = explained(book, disposal_id)
        assets = await work.facts.portfolio_assets(portfolio)
        ids = {one for step in found.steps for one in (*step.acquisitions, *step.disposal.id.split("+"))}
        known = [movements[one] for one in sorted(ids) if one in movements]
        views = {
            view.booked.movement.id: view for view in await views_of(work, portfolio, known, now.currency)
        }
        steps = [_step(step, assets, book.plan, now.currency, views) for step in found.steps]
    sold = dict.fromkeys(one for step in found.steps for one in step.disposal.id.split("+"))
    gaps = [gap for view in views.values() for gap in view.gaps]
    return ExplainedDisposal(
        id=found.steps[0].disposal.id,
        sales=tuple(views[one] for one in sold if one in views),
        steps=tuple(steps),
        gaps=tuple(gaps),
        currency=now.currency,
        freshness=now.with_gaps(gaps),
    )


def _step(
    step: Step,
    assets: Mapping[str, Asset],
    plan: Plan,
    currency: str,
    views: Mapping[str, MovementView],
) -> ExplainedStep:
    return ExplainedStep(
        view=_view(step.disposal, assets, plan, currency),
        acquisitions=tuple(views[one] for one in dict.fromkeys(step.acquisitions) if one in views),
        notes=step.notes,
    )


def _view(disposal: Disposal, assets: Mapping[str, Asset], plan: Plan, currency: str) -> DisposalView:
    return DisposalView(
        disposal=disposal,
        asset=_asset_of(disposal.asset, assets),
        year=plan.tax_year(to_us(disposal.disposed_at)),
        currency=currency,
    )


def _asset_of(pool: str, assets: Mapping[str, Asset]) -> Asset | None:
    """The asset that stands for a pool: itself, or the first member of its group."""
    members = [asset for asset in assets.values() if asset.group == pool]
    return assets.get(pool) or min(members, key=lambda asset: asset.id, default=None)
