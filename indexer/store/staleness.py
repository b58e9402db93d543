"""Whose book is stale: a version per portfolio, raised by whatever changes what its book is made of."""

from collections.abc import Iterable

from sqlalchemy import select, update

from indexer.store.tables import portfolio, wallet_chain
from indexer.store.transaction import Transaction, chunks


async def raise_version(transaction: Transaction, portfolios: Iterable[str]) -> None:
    """Note that something changed for these portfolios."""
    for part in chunks(sorted(set(portfolios))):
        chosen = portfolio.c.id.in_(part)
        if not transaction.is_sqlite:
            # in one order everywhere, so that two collectors of shared addresses cannot deadlock
            await transaction.rows(
                select(portfolio.c.id).where(chosen).order_by(portfolio.c.id).with_for_update()
            )
        await transaction.run(
            update(portfolio).where(chosen).values(facts_version=portfolio.c.facts_version + 1)
        )


async def watchers(transaction: Transaction, addresses: Iterable[str], chain: str | None = None) -> set[str]:
    """Portfolios that watch one of these addresses (on one chain)."""
    found: set[str] = set()
    for part in chunks(sorted(set(addresses))):
        query = select(wallet_chain.c.portfolio_id).distinct().where(wallet_chain.c.address.in_(part))
        if chain is not None:
            query = query.where(wallet_chain.c.chain == chain)
        found.update(row.portfolio_id for row in await transaction.rows(query))
    return found


async def watchers_of_chain(transaction: Transaction, chain: str) -> set[str]:
    """Portfolios that watch anything on this chain."""
    rows = await transaction.rows(
        select(wallet_chain.c.portfolio_id).distinct().where(wallet_chain.c.chain == chain)
    )
    return {row.portfolio_id for row in rows}
