"""Whose book is stale: a version per portfolio, raised by whatever changes what its book is made of."""

from collections.abc import Collection, Iterable

from sqlalchemy import and_, select, update

from indexer.store.lists import among
from indexer.store.tables import portfolio, transfer, wallet_chain
from indexer.store.transaction import Transaction, chunks


async def raise_version(transaction: Transaction, portfolios: Iterable[str]) -> None:
    """Note that something changed for these portfolios. It is written when the transaction ends.

    Everybody's pages raise the same few rows: taken last, and in one order, they cannot be part of a deadlock.
    """
    transaction.stale.update(portfolios)


async def settle(transaction: Transaction) -> None:
    """Write what `raise_version` noted: before the commit, and before anybody reads a version."""
    for part in chunks(sorted(transaction.stale)):
        chosen = portfolio.c.id.in_(part)
        if not transaction.is_sqlite:
            # NO KEY: whoever adds a wallet holds the portfolio's key, and is not in the way
            locked = select(portfolio.c.id).where(chosen).order_by(portfolio.c.id)
            await transaction.rows(locked.with_for_update(key_share=True))
        await transaction.run(
            update(portfolio).where(chosen).values(facts_version=portfolio.c.facts_version + 1)
        )
    transaction.stale.clear()


async def watchers(transaction: Transaction, addresses: Iterable[str], chain: str | None = None) -> set[str]:
    """Portfolios that watch one of these addresses (on one chain)."""
    named = sorted(set(addresses))
    if not named:
        return set()
    query = (
        select(wallet_chain.c.portfolio_id)
        .distinct()
        .where(among(transaction, wallet_chain.c.address, named))
    )
    if chain is not None:
        query = query.where(wallet_chain.c.chain == chain)
    return {row.portfolio_id for row in await transaction.rows(query)}


async def holders(transaction: Transaction, assets: Collection[str]) -> set[str]:
    """Portfolios in whose transfers one of these assets appears."""
    found: set[str] = set()
    for side in (transfer.c.sender, transfer.c.recipient):
        moved = and_(wallet_chain.c.chain == transfer.c.chain, wallet_chain.c.address == side)
        query = select(wallet_chain.c.portfolio_id).distinct().join(transfer, moved)
        rows = await transaction.rows(query.where(transfer.c.asset.in_(assets)))
        found.update(row.portfolio_id for row in rows)
    return found


async def watchers_of_chain(transaction: Transaction, chain: str) -> set[str]:
    """Portfolios that watch anything on this chain."""
    rows = await transaction.rows(
        select(wallet_chain.c.portfolio_id).distinct().where(wallet_chain.c.chain == chain)
    )
    return {row.portfolio_id for row in rows}
