"""Derive a portfolio's book: facts and judgments to movements, movements valued, valued movements booked."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.flows.disputes import disputed
from indexer.flows.judged import Facts, Judged, judge
from indexer.flows.kept_books import Terms
from indexer.flows.outcomes import sale_outcomes
from indexer.flows.services import Services
from indexer.flows.spam import poison_of
from indexer.flows.status import portfolio_freshness
from indexer.flows.views import Freshness
from indexer.flows.worth import Worths
from indexer.model.asset import Asset
from indexer.model.judgment import Judgment, standing
from indexer.model.ledger import UnitOfWork
from indexer.model.lots import BookGap, BookGapCode
from indexer.model.movement import Movement
from indexer.model.prices import DisputedPrice
from indexer.model.profile import TaxProfile
from indexer.model.stored import BookedMovement, BookSnapshot
from indexer.tax.book import TaxBook
from indexer.tax.changeover import allocation_of
from indexer.tax.movements import Ownership
from indexer.tax.netting import pool_name
from indexer.tax.valuation import needs, value

log = logging.getLogger(__name__)

_REVIEWED = frozenset({BookGapCode.UNREVIEWED_SEND, BookGapCode.UNMATCHED_BRIDGE})
"""Gaps that the owner's word about the movement closes. An unknown basis is one where units came in."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a book is a function of, but for the prices, in one snapshot."""

    portfolio: str
    version: int
    facts: Facts
    judgments: tuple[Judgment, ...]
    profiles: tuple[TaxProfile, ...]
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class Derived:
    """A book with the movements it is made of."""

    book: TaxBook
    fingerprint: str
    movements: tuple[BookedMovement, ...]
    waiting: tuple[str, ...]
    """Judgments whose movement is not there as they saw it."""
    disputed: tuple[DisputedPrice, ...]


async def rebuild_book(services: Services, portfolio: str, links_version: int | None = None) -> BookSnapshot:
    """Read facts and judgments in one snapshot, compute, and replace the book in one commit.

    `links_version` is the version that the links were made of; the book is as old as the older of the two. What
    changes meanwhile leaves the book stale, and it is derived once more.
    """
    async with services.ledger.read() as work:
        inputs = await read_inputs(work, portfolio)
    derived = await derive(services, inputs)
    snapshot = await asyncio.to_thread(_snapshot, services, inputs, derived, links_version)
    poison = await asyncio.to_thread(_poison, services, inputs)
    async with services.ledger.write() as work:
        await work.books.save(snapshot, derived.movements, poison)
    log.info("book of %s: %d movements, %d open lots", portfolio, len(derived.movements), len(snapshot.lots))
    return snapshot


async def read_inputs(work: UnitOfWork, portfolio: str) -> Inputs:
    """Read everything that the book of a portfolio is made of."""
    wallets = await work.wallets.all(portfolio)
    return Inputs(
        portfolio=portfolio,
        version=await work.books.version(portfolio),
        facts=Facts(
            transfers=[transfer async for transfer in work.facts.stream(portfolio)],
            own=Ownership({wallet.address: wallet.group for wallet in wallets}),
            assets=await work.facts.portfolio_assets(portfolio),
            links=await work.links.all(portfolio),
        ),
        judgments=await work.judgments.all(portfolio),
        profiles=await work.tenants.profile(portfolio),
        freshness=await portfolio_freshness(work, portfolio),
    )


async def derive(services: Services, inputs: Inputs) -> Derived:
    """Compute the book. Quotes that were found before come from the cache; the rest is pure and runs in a thread."""
    assets, profiles = inputs.facts.assets, inputs.profiles
    judged, worths = await asyncio.to_thread(_judged, inputs)
    wanted = needs(judged.movements, assets, profiles[-1].currency)
    quotes = await services.prices.resolve([*wanted, *worths.needs], assets)

    def compute() -> Derived:
        valued = worths.fill(value(judged.movements, assets, quotes), quotes)
        allocation = allocation_of(standing(inputs.judgments))
        terms = Terms(tuple(profiles), families(assets), allocation)
        book = services.books.book(inputs.portfolio, valued, terms)
        return Derived(
            book=book,
            fingerprint=fingerprint(book, services),
            movements=_booked(valued, judged, book),
            waiting=judged.waiting,
            disputed=disputed(quotes),
        )

    return await asyncio.to_thread(compute)


def _judged(inputs: Inputs) -> tuple[Judged, Worths]:
    judged = judge(inputs.facts, inputs.judgments)
    return judged, Worths(judged.movements, inputs.facts.assets, inputs.profiles)


def _poison(services: Services, inputs: Inputs) -> dict[tuple[str, str, str], str]:
    facts = inputs.facts
    return poison_of(
        facts.transfers, frozenset(facts.own.wallet_of), facts.assets, inputs.judgments, services.lists
    )


def families(assets: Mapping[str, Asset]) -> dict[str, str]:
    """Broad identity groups by pool asset, for profiles that ask for them in wash windows."""
    return {
        pool_name(asset, asset.id): asset.broad_group
        for asset in assets.values()
        if asset.broad_group is not None
    }


def fingerprint(book: TaxBook, services: Services) -> str:
    """SHA-256 over the book's own fingerprint and how prices are chosen: another policy gives other numbers."""
    chosen = services.prices.policy.fingerprint()
    return hashlib.sha256(f"{book.fingerprint}|{chosen}".encode()).hexdigest()


def _booked(movements: Sequence[Movement], judged: Judged, book: TaxBook) -> tuple[BookedMovement, ...]:
    gaps: dict[str, list[BookGap]] = {}
    for gap in book.gaps:
        gaps.setdefault(gap.movement, []).append(gap)
    outcomes = sale_outcomes(book, movements)
    return tuple(
        BookedMovement(
            movement=movement,
            needs_review=any(_asks_owner(gap, movement) for gap in gaps.get(movement.id, ())),
            proposed=judged.proposed.get(movement.id),
            decisions=judged.decisions.get(movement.id, ()),
            if_sold=outcomes.get(movement.id),
        )
        for movement in movements
    )


def _asks_owner(gap: BookGap, movement: Movement) -> bool:
    return gap.code in _REVIEWED or (gap.code is BookGapCode.UNKNOWN_BASIS and bool(movement.into))


def _snapshot(
    services: Services, inputs: Inputs, derived: Derived, links_version: int | None
) -> BookSnapshot:
    book, version = derived.book, inputs.version
    return BookSnapshot(
        portfolio=inputs.portfolio,
        fingerprint=derived.fingerprint,
        currency=book.currency,
        built_at=services.clock.now(),
        as_of_block=inputs.freshness.as_of_block,
        lots=tuple(book.lots),
        disposals=tuple(book.disposals),
        income=tuple(book.income),
        gaps=tuple(book.gaps),
        facts_version=version if links_version is None else min(version, links_version),
        disputed=derived.disputed,
    )
