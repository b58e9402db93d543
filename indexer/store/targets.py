"""The level-triggered work table. Whoever claims a target raises its epoch; all later writes name it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, literal, or_, select, update

from indexer.model.errors import FencedError
from indexer.model.stored import SyncState, SyncTarget, TargetKey
from indexer.store.tables import sync_target as table
from indexer.store.transaction import Transaction, chunks


class SqlTargets:
    """Implements `indexer.model.ledger.Targets`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def ensure(self, keys: Iterable[TargetKey], now: datetime) -> None:
        """Create missing targets, due now."""
        rows = [
            {
                "address": key.address,
                "chain": key.chain,
                "source": key.source,
                "next_due_at": now,
                "cursor": None,
                "epoch": 0,
                "state": SyncState.PENDING.value,
                "covered_to": -1,
                "target_block": 0,
                "failures": 0,
            }
            for key in sorted(set(keys), key=_order)
        ]
        if rows:
            await self._transaction.hold(*{row["address"] for row in rows if isinstance(row["address"], str)})
            await self._transaction.run(self._transaction.insert(table).on_conflict_do_nothing(), rows)

    async def due(self, now: datetime, limit: int) -> tuple[TargetKey, ...]:
        """Targets that are due and not leased, longest due first."""
        rows = await self._transaction.rows(
            select(table.c.address, table.c.chain, table.c.source)
            .where(_free(now))
            .order_by(table.c.next_due_at, table.c.address, table.c.chain, table.c.source)
            .limit(limit)
        )
        return tuple(TargetKey(row.address, row.chain, row.source) for row in rows)

    async def next_due(self) -> datetime | None:
        """When the next target falls due, a leased one at the end of its lease; None when there are none."""
        at = case(
            (table.c.leased_until > table.c.next_due_at, table.c.leased_until), else_=table.c.next_due_at
        )
        row = await self._transaction.row(select(func.min(at, type_=table.c.next_due_at.type).label("at")))
        return None if row is None else row.at

    async def claim(self, key: TargetKey, now: datetime, leased_until: datetime) -> SyncTarget | None:
        """Take the target: epoch + 1, state syncing. None when it is gone, not due, or leased by another."""
        row = (
            await self._transaction.run(
                update(table)
                .where(_is(key), _free(now))
                .values(
                    epoch=table.c.epoch + 1,
                    state=SyncState.SYNCING.value,
                    leased_until=leased_until,
                    next_due_at=leased_until,  # lower than the lease: somebody poked it meanwhile
                )
                .returning(*table.c)
            )
        ).first()
        return None if row is None else _target(row)

    async def renew(self, key: TargetKey, epoch: int, leased_until: datetime) -> None:
        """Extend the lease. Raises `FencedError` when another epoch rules."""
        await write_fenced(
            self._transaction, key, epoch, leased_until=leased_until, next_due_at=_unless_poked(leased_until)
        )

    async def finish(self, key: TargetKey, epoch: int, now: datetime, next_due_at: datetime) -> None:
        """Release a target that is covered up to its goal: state synced, failures 0. Fenced."""
        await write_fenced(
            self._transaction,
            key,
            epoch,
            state=SyncState.SYNCED.value,
            leased_until=None,
            synced_at=now,
            next_due_at=_unless_poked(next_due_at),
            failures=0,
            error=None,
        )

    async def fail(self, key: TargetKey, epoch: int, error: str, next_due_at: datetime) -> None:
        """Release a target with an error for the user: state error, failures + 1. Fenced."""
        await write_fenced(
            self._transaction,
            key,
            epoch,
            state=SyncState.ERROR.value,
            leased_until=None,
            next_due_at=_unless_poked(next_due_at),
            failures=table.c.failures + 1,
            error=error,
        )

    async def failing(self, limit: int) -> tuple[SyncTarget, ...]:
        """Targets in state error, the one that is tried again soonest first."""
        rows = await self._transaction.rows(
            select(table)
            .where(table.c.state == SyncState.ERROR.value)
            .order_by(table.c.next_due_at, table.c.address, table.c.chain, table.c.source)
            .limit(limit)
        )
        return tuple(_target(row) for row in rows)

    async def poke(
        self, chain: str | None, address: str | None, now: datetime, source: str | None = None
    ) -> int:
        """Make matching targets due now (None matches all); returns how many.

        One that is being worked on stays due when it is released: what it was poked for may have come too late.
        """
        at = literal(now, table.c.next_due_at.type)
        due = case((table.c.next_due_at > at, at), else_=table.c.next_due_at)
        statement = update(table).values(next_due_at=due)
        if chain is not None:
            statement = statement.where(table.c.chain == chain)
        if address is not None:
            statement = statement.where(table.c.address == address)
        if source is not None:
            statement = statement.where(table.c.source == source)
        return int((await self._transaction.run(statement)).rowcount)

    async def of(self, addresses: Iterable[str]) -> tuple[SyncTarget, ...]:
        """All targets of these addresses."""
        found: list[SyncTarget] = []
        for part in chunks(sorted(set(addresses))):
            rows = await self._transaction.rows(
                select(table)
                .where(table.c.address.in_(part))
                .order_by(table.c.address, table.c.chain, table.c.source)
            )
            found.extend(_target(row) for row in rows)
        return tuple(found)


async def write_fenced(transaction: Transaction, key: TargetKey, epoch: int, **values: Any) -> None:
    """Change a target's row under its epoch; on PostgreSQL the row stays locked until the commit.

    Raises:
        FencedError: another epoch rules, or nobody watches the address any more.
    """
    result = await transaction.run(
        update(table).where(_is(key), table.c.epoch == epoch).values(**values).returning(table.c.epoch)
    )
    if result.first() is None:
        raise FencedError(f"another worker has taken over {key.address} on {key.chain} ({key.source})")


def _is(key: TargetKey) -> ColumnElement[bool]:
    return and_(table.c.address == key.address, table.c.chain == key.chain, table.c.source == key.source)


def _unless_poked(later: datetime) -> ColumnElement[datetime]:
    at = literal(later, table.c.next_due_at.type)
    return case((table.c.next_due_at < table.c.leased_until, table.c.next_due_at), else_=at)


def _free(now: datetime) -> ColumnElement[bool]:
    return and_(table.c.next_due_at <= now, or_(table.c.leased_until.is_(None), table.c.leased_until <= now))


def _order(key: TargetKey) -> tuple[str, str, str]:
    return (key.address, key.chain, key.source)


def _target(row: Row[Any]) -> SyncTarget:
    return SyncTarget(
        key=TargetKey(row.address, row.chain, row.source),
        next_due_at=row.next_due_at,
        cursor=row.cursor,
        epoch=row.epoch,
        state=SyncState(row.state),
        covered_to=row.covered_to,
        target_block=row.target_block,
        leased_until=row.leased_until,
        synced_at=row.synced_at,
        failures=row.failures,
        error=row.error,
    )
