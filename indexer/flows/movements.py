"""Movements of the present book: what each transaction was, and what it would be if its owner said otherwise."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from indexer.flows.book import families, fingerprint
from indexer.flows.kept_books import Terms
from indexer.flows.served import changing, served
from indexer.flows.services import Services
from indexer.flows.transfers import find_address
from indexer.flows.views import Freshness
from indexer.model.asset import Asset
from indexer.model.errors import ConflictError, NotFoundError
from indexer.model.judgment import standing
from indexer.model.ledger import UnitOfWork
from indexer.model.lots import BookGap, Disposal, Term
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.stored import BookedMovement, BookSnapshot, MovementFilter
from indexer.tax.book import TaxBook
from indexer.tax.changeover import allocation_of
from indexer.tax.engine import amend

EVERYTHING = 1 << 40
"""More movements than a portfolio can have."""

_WHAT_IF = (MovementKind.SELL, MovementKind.GIFT_OUT, MovementKind.SELF)
"""What a send to a stranger may turn out to be."""


@dataclass(frozen=True, slots=True)
class MovementView:
    """A movement with the assets of its legs and what is not final about it."""

    booked: BookedMovement
    gaps: tuple[BookGap, ...]
    assets: Mapping[str, Asset]
    currency: str


@dataclass(frozen=True, slots=True)
class MovementPage:
    """A slice of the movements."""

    items: tuple[MovementView, ...]
    next_cursor: str | None
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the owner's word would change in the realized totals, 10**-18 currency units; compared with now."""

    kind: MovementKind
    short: int
    long: int
    disallowed: int
    missing: int
    """Gaps that would be there on top of the present ones; below zero: gaps that it would close."""


@dataclass(frozen=True, slots=True)
class MovementDetail:
    """A movement with every outcome that an unreviewed send may have, each computed by booking it so."""

    view: MovementView
    outcomes: tuple[Outcome, ...]
    freshness: Freshness


async def list_movements(
    services: Services,
    portfolio: str,
    *,
    kind: MovementKind | None = None,
    wallet: str | None = None,
    needs_review: bool | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> MovementPage:
    """Movements of the portfolio, oldest first. `wallet` is an id, an address, or the name of a tax wallet.

    Raises:
        NotFoundError: `wallet` is none of this portfolio.
        InputError: the cursor is not one this list gave out for the present book.
    """
    async with services.ledger.read() as work:
        wallets = None if wallet is None else await _wallets(work, portfolio, wallet)
        where = MovementFilter(kind=kind, needs_review=needs_review, wallets=wallets)
        page = await work.books.movements(portfolio, where, cursor, limit)
        now = await served(work, portfolio)
        views = await views_of(work, portfolio, page.items, now.currency)
    gaps = [gap for view in views for gap in view.gaps]
    return MovementPage(views, page.next_cursor, now.with_gaps(gaps))


async def show_movement(services: Services, portfolio: str, movement_id: str) -> MovementDetail:
    """One movement; an unreviewed send is booked each way, so that its outcomes are the figures the book would have.

    There are none while a new profile waits for its book: they could not be compared with the kept one.

    Raises:
        NotFoundError: the present book has no such movement.
    """
    async with services.ledger.read() as work:
        booked = (await work.books.movements_of(portfolio, [movement_id])).get(movement_id)
        if booked is None:
            raise no_movement(movement_id)
        now = await served(work, portfolio)
        (view,) = await views_of(work, portfolio, [booked], now.currency)
        outcomes: tuple[Outcome, ...] = ()
        if booked.movement.kind is MovementKind.SEND and now.head is not None:
            with suppress(ConflictError):  # the freshness says that the book is being derived anew
                book, _ = await book_again(services, work, portfolio, now.head)
                outcomes = tuple(_outcome(book, booked.movement, kind) for kind in _WHAT_IF)
    return MovementDetail(view, outcomes, now.with_gaps(view.gaps))


def no_movement(movement_id: str) -> NotFoundError:
    """What is said of an id that is none."""
    return NotFoundError(f"the book has no movement {movement_id}: GET /v1/movements lists them")


async def views_of(
    work: UnitOfWork, portfolio: str, movements: Sequence[BookedMovement], currency: str
) -> tuple[MovementView, ...]:
    """Movements with the assets and gaps that are needed to show them."""
    ids = {leg.asset for booked in movements for leg in legs_of(booked.movement)}
    assets = await work.facts.assets(ids)
    gaps: dict[str, list[BookGap]] = {}
    for gap in await work.books.gaps_of(portfolio, [booked.movement.id for booked in movements]):
        gaps.setdefault(gap.movement, []).append(gap)
    return tuple(
        MovementView(booked, tuple(gaps.get(booked.movement.id, ())), assets, currency)
        for booked in movements
    )


def legs_of(movement: Movement) -> tuple[Leg, ...]:
    """Every leg of a movement."""
    return (*movement.out, *movement.into, *movement.fee)


async def book_again(
    services: Services, work: UnitOfWork, portfolio: str, head: BookSnapshot
) -> tuple[TaxBook, Mapping[str, BookedMovement]]:
    """The engine's own book, computed from the kept movements; it is the kept book or none.

    Raises:
        ConflictError: the profile has changed, and the kept book is of the one before.
    """
    page = await work.books.movements(portfolio, MovementFilter(), None, EVERYTHING)
    assets = await work.facts.portfolio_assets(portfolio)
    profiles = await work.tenants.profile(portfolio)
    allocation = allocation_of(standing(await work.judgments.all(portfolio)))
    movements = [booked.movement for booked in page.items]
    terms = Terms(tuple(profiles), families(assets), allocation)
    book = await asyncio.to_thread(services.books.book, portfolio, movements, terms)
    if fingerprint(book, services) != head.fingerprint:
        raise changing()
    return book, {booked.movement.id: booked for booked in page.items}


def _outcome(book: TaxBook, movement: Movement, kind: MovementKind) -> Outcome:
    other = amend(book, added=[replace(movement, kind=kind)], removed=[movement])
    before, after = _totals(book.disposals), _totals(other.disposals)
    short, long, disallowed = (new - old for new, old in zip(after, before, strict=True))
    return Outcome(kind, short, long, disallowed, len(other.gaps) - len(book.gaps))


def _totals(disposals: Iterable[Disposal]) -> tuple[int, int, int]:
    short = long = disallowed = 0
    for disposal in disposals:
        if disposal.term is Term.LONG:
            long += disposal.gain
        else:
            short += disposal.gain
        disallowed += disposal.disallowed
    return short, long, disallowed


async def _wallets(work: UnitOfWork, portfolio: str, wallet: str) -> frozenset[str]:
    """The names under which a wallet stands in legs."""
    if any(wallet == one.group for one in await work.wallets.all(portfolio)):
        return frozenset({wallet})
    return frozenset({await find_address(work, portfolio, wallet)})
