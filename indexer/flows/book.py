"""Derive a portfolio's book: facts and judgments to movements, movements valued, valued movements booked."""

import logging

from indexer.flows.services import Services
from indexer.flows.status import portfolio_freshness
from indexer.model.ledger import BookSnapshot
from indexer.tax.engine import build
from indexer.tax.movements import Ownership, classify
from indexer.tax.valuation import needs, value

log = logging.getLogger(__name__)


async def rebuild_book(services: Services, portfolio: str) -> BookSnapshot:
    """Read facts and judgments in one snapshot, compute, and replace the book in one commit.

    What changes meanwhile leaves the book stale, and it is derived once more.
    """
    async with services.ledger.read() as work:
        version = await work.books.version(portfolio)
        wallets = await work.wallets.all(portfolio)
        transfers = [transfer async for transfer in work.facts.stream(portfolio)]
        assets = await work.facts.portfolio_assets(portfolio)
        links = await work.links.all(portfolio)
        judgments = await work.judgments.all(portfolio)
        profiles = await work.tenants.profile(portfolio)
        freshness = await portfolio_freshness(work, portfolio)
    currency = profiles[-1].currency
    own = Ownership({wallet.address: wallet.group for wallet in wallets})
    movements = classify(transfers, own, assets, links, judgments)
    quotes = await services.prices.resolve(needs(movements, assets, currency), assets)
    book = build(value(movements, assets, quotes), profiles)
    snapshot = BookSnapshot(
        portfolio=portfolio,
        fingerprint=book.fingerprint,
        currency=book.currency,
        built_at=services.clock.now(),
        as_of_block=freshness.as_of_block,
        lots=tuple(book.lots),
        disposals=tuple(book.disposals),
        income=tuple(book.income),
        gaps=tuple(book.gaps),
        facts_version=version,
    )
    async with services.ledger.write() as work:
        await work.books.save(snapshot)
    log.info("book of %s: %d movements, %d open lots", portfolio, len(movements), len(snapshot.lots))
    return snapshot
