"""Portfolios, API keys, tax profiles."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, delete, select, update

from indexer.model.profile import TaxProfile
from indexer.model.stored import ApiKey, KeyScope
from indexer.store import documents
from indexer.store.staleness import raise_version
from indexer.store.tables import api_key, portfolio, tax_profile
from indexer.store.transaction import Transaction


class SqlTenants:
    """Implements `indexer.model.ledger.Tenants`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def ensure_portfolio(self, portfolio: str, now: datetime) -> None:
        """Create the portfolio if it does not exist."""
        await ensure_portfolio(self._transaction, portfolio, now)

    async def portfolios(self) -> tuple[str, ...]:
        """Ids of all portfolios."""
        rows = await self._transaction.rows(select(portfolio.c.id).order_by(portfolio.c.id))
        return tuple(row.id for row in rows)

    async def add_key(self, key: ApiKey) -> None:
        """Store a new key."""
        await self._transaction.run(
            api_key.insert().values(
                portfolio_id=key.portfolio,
                id=key.id,
                name=key.name,
                digest=key.digest,
                scope=key.scope.value,
                created_at=key.created_at,
                revoked_at=key.revoked_at,
            )
        )

    async def key_by_digest(self, digest: str) -> ApiKey | None:
        """The key that is not revoked and has this digest."""
        found = await self._transaction.row(
            select(api_key).where(api_key.c.digest == digest, api_key.c.revoked_at.is_(None))
        )
        return None if found is None else _key(found)

    async def keys(self, portfolio: str) -> tuple[ApiKey, ...]:
        """All keys of a portfolio, revoked ones too, oldest first."""
        rows = await self._transaction.rows(
            select(api_key)
            .where(api_key.c.portfolio_id == portfolio)
            .order_by(api_key.c.created_at, api_key.c.id)
        )
        return tuple(_key(row) for row in rows)

    async def revoke_key(self, portfolio: str, key_id: str, now: datetime) -> bool:
        """Revoke a key; False when there is none. One that is revoked keeps its first time."""
        where = (api_key.c.portfolio_id == portfolio, api_key.c.id == key_id)
        await self._transaction.run(
            update(api_key).where(*where, api_key.c.revoked_at.is_(None)).values(revoked_at=now)
        )
        return await self._transaction.row(select(api_key.c.id).where(*where)) is not None

    async def profile(self, portfolio: str) -> tuple[TaxProfile, ...]:
        """The portfolio's dated profiles in order of `since`; one default profile when none was set."""
        return await self.own_profiles(portfolio) or (TaxProfile(),)

    async def own_profiles(self, portfolio: str) -> tuple[TaxProfile, ...]:
        """The profiles that were set, in order of `since`; none when none was."""
        rows = await self._transaction.rows(
            select(tax_profile.c.profile)
            .where(tax_profile.c.portfolio_id == portfolio)
            .order_by(tax_profile.c.since)
        )
        return tuple(documents.load(TaxProfile, row.profile) for row in rows)

    async def set_profile(self, portfolio: str, profile: TaxProfile) -> None:
        """Store a profile, replacing one of the same `since`; the book becomes stale."""
        await self._transaction.hold(portfolio)
        since: date = profile.since
        new = self._transaction.insert(tax_profile).values(
            portfolio_id=portfolio, since=since, profile=documents.dump(profile)
        )
        await self._transaction.run(
            new.on_conflict_do_update(
                index_elements=["portfolio_id", "since"], set_={"profile": new.excluded.profile}
            )
        )
        await raise_version(self._transaction, [portfolio])

    async def remove_profile(self, portfolio: str, since: date) -> bool:
        """Forget the profile of this `since`; the book becomes stale."""
        await self._transaction.hold(portfolio)
        where = (tax_profile.c.portfolio_id == portfolio, tax_profile.c.since == since)
        if await self._transaction.row(select(tax_profile.c.since).where(*where)) is None:
            return False
        await self._transaction.run(delete(tax_profile).where(*where))
        await raise_version(self._transaction, [portfolio])
        return True


async def ensure_portfolio(transaction: Transaction, name: str, now: datetime) -> None:
    """Create the portfolio if it does not exist."""
    new = transaction.insert(portfolio).values(id=name, created_at=now, facts_version=0)
    await transaction.run(new.on_conflict_do_nothing())


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        portfolio=row.portfolio_id,
        name=row.name,
        digest=row.digest,
        scope=KeyScope(row.scope),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
