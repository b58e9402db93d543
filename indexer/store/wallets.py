"""The addresses that portfolios watch."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, select

from indexer.model.stored import EVERYONE, Page, Wallet
from indexer.store import cursors
from indexer.store.handover import raise_members_version
from indexer.store.staleness import raise_version
from indexer.store.tables import sync_target, wallet, wallet_chain
from indexer.store.transaction import Transaction


class SqlWallets:
    """Implements `indexer.model.ledger.Wallets`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def save(self, wallet: Wallet) -> None:
        """Insert or replace a wallet with its chains. Chains never shrink here; `remove` does that."""
        await self._transaction.hold(wallet.portfolio, wallet.address)
        await self._upsert(wallet)
        rows = await self._transaction.rows(
            select(wallet_chain.c.chain, wallet_chain.c.place).where(
                *_is(wallet_chain, wallet.portfolio, wallet.id)
            )
        )
        known = {row.chain for row in rows}
        place = max((row.place for row in rows), default=-1) + 1
        added = [
            {
                "portfolio_id": wallet.portfolio,
                "wallet_id": wallet.id,
                "chain": chain,
                "address": wallet.address,
                "place": place + offset,
            }
            for offset, chain in enumerate(chain for chain in wallet.chains if chain not in known)
        ]
        if added:
            await self._transaction.run(wallet_chain.insert(), added)
        await raise_version(self._transaction, [wallet.portfolio])

    async def _upsert(self, saved: Wallet) -> None:
        new = self._transaction.insert(wallet).values(
            portfolio_id=saved.portfolio,
            id=saved.id,
            address=saved.address,
            label=saved.label,
            tax_group=saved.group,
            created_at=saved.created_at,
        )
        await self._transaction.run(
            new.on_conflict_do_update(
                index_elements=["portfolio_id", "id"],
                set_={"label": new.excluded.label, "tax_group": new.excluded.tax_group},
            )
        )

    async def get(self, portfolio: str, wallet_id: str) -> Wallet | None:
        """One wallet of this portfolio by id."""
        return await self._one(wallet.c.portfolio_id == portfolio, wallet.c.id == wallet_id)

    async def by_address(self, portfolio: str, address: str) -> Wallet | None:
        """One wallet of this portfolio by address. While writing, nobody else changes the portfolio meanwhile."""
        await self._transaction.hold(portfolio, address)
        return await self._one(wallet.c.portfolio_id == portfolio, wallet.c.address == address)

    async def list(self, portfolio: str, cursor: str | None, limit: int) -> Page[Wallet]:
        """Wallets in order of creation."""
        query = select(wallet).where(wallet.c.portfolio_id == portfolio)
        if cursor is not None:
            keys = cursors.read("wallets", cursor, (datetime, str))
            query = query.where(cursors.beyond((wallet.c.created_at, wallet.c.id), keys))
        rows = await self._transaction.rows(query.order_by(wallet.c.created_at, wallet.c.id).limit(limit + 1))
        shown = rows[:limit]
        more = len(rows) > limit and shown
        after = cursors.write("wallets", (shown[-1].created_at, shown[-1].id)) if more else None
        return Page(await self._with_chains(portfolio, shown), after)

    async def all(self, portfolio: str) -> tuple[Wallet, ...]:
        """Every wallet of the portfolio, in order of creation."""
        rows = await self._transaction.rows(
            select(wallet)
            .where(wallet.c.portfolio_id == portfolio)
            .order_by(wallet.c.created_at, wallet.c.id)
        )
        return await self._with_chains(portfolio, rows)

    async def watched(self, chain: str) -> frozenset[str]:
        """Every address that somebody watches on the chain."""
        rows = await self._transaction.rows(
            select(wallet_chain.c.address).distinct().where(wallet_chain.c.chain == chain)
        )
        return frozenset(row.address for row in rows)

    async def remove(self, portfolio: str, wallet_id: str) -> bool:
        """Stop watching; targets that nobody watches any more go with it, facts stay."""
        found = await self.get(portfolio, wallet_id)
        if found is None:
            return False
        # held until the commit: whoever registers the address meanwhile makes its targets after we dropped ours
        await self._transaction.hold(portfolio, found.address)
        await self._transaction.run(delete(wallet).where(*_is(wallet, portfolio, wallet_id, "id")))
        watched = exists().where(
            wallet_chain.c.address == sync_target.c.address, wallet_chain.c.chain == sync_target.c.chain
        )
        dropped = await self._transaction.run(
            delete(sync_target)
            .where(sync_target.c.address == found.address, ~watched)
            .returning(sync_target.c.chain, sync_target.c.seam)
        )
        left = {row.chain for row in dropped if row.seam is not None}
        await raise_members_version(self._transaction, left)
        lonely = ~exists().where(wallet_chain.c.chain == sync_target.c.chain)
        await self._transaction.run(delete(sync_target).where(sync_target.c.address == EVERYONE, lonely))
        await raise_version(self._transaction, [portfolio])
        return True

    async def _one(self, *where: ColumnElement[bool]) -> Wallet | None:
        row = await self._transaction.row(select(wallet).where(*where))
        if row is None:
            return None
        (found,) = await self._with_chains(row.portfolio_id, [row])
        return found

    async def _with_chains(self, portfolio: str, rows: Iterable[Row[Any]]) -> tuple[Wallet, ...]:
        rows = tuple(rows)
        query = select(wallet_chain.c.wallet_id, wallet_chain.c.chain).where(
            wallet_chain.c.portfolio_id == portfolio
        )
        if len(rows) == 1:
            query = query.where(wallet_chain.c.wallet_id == rows[0].id)
        chains: dict[str, list[str]] = defaultdict(list)
        for row in await self._transaction.rows(query.order_by(wallet_chain.c.place)) if rows else ():
            chains[row.wallet_id].append(row.chain)
        return tuple(
            Wallet(
                id=row.id,
                portfolio=row.portfolio_id,
                address=row.address,
                chains=tuple(chains[row.id]),
                label=row.label,
                group=row.tax_group,
                created_at=row.created_at,
            )
            for row in rows
        )


def _is(
    table: Any, portfolio: str, wallet_id: str, column: str = "wallet_id"
) -> tuple[ColumnElement[bool], ...]:
    return (table.c.portfolio_id == portfolio, table.c[column] == wallet_id)
