"""What follows new facts: links first, since they decide what is a move and what a sale, then the book."""

from indexer.flows.book import rebuild_book
from indexer.flows.link import relink
from indexer.flows.services import Services


async def refresh_portfolio(services: Services, portfolio: str) -> None:
    """Derive links and book of one portfolio anew; safe to run at any time."""
    relinked = await relink(services, portfolio)
    await rebuild_book(services, portfolio, relinked.version)
