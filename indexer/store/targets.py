"""The level-triggered work table. Whoever claims a target raises its epoch; all later writes name it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, select, update

from indexer.model.errors import FencedError
from indexer.model.stored import EVERYONE, SyncState, SyncTarget, TargetKey, Work
from indexer.store import cohorts, handover
from indexer.store.cohorts import SqlCohort
from indexer.store.handover import to_target
from indexer.store.loading import to_write
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
            await self._transaction.hold(*{str(row["address"]) for row in rows} - {EVERYONE})
            await self._transaction.run(self._transaction.insert(table).on_conflict_do_nothing(), rows)

    async def next_due(self) -> datetime | None:
        """When the next target falls due, a leased one at the end of its lease; None when there are none."""
        return await cohorts.next_due(self._transaction)

    async def due_work(self, now: datetime) -> tuple[Work, ...]:
        """What is due and not leased, counted by chain and source, longest due first."""
        return await cohorts.due_work(self._transaction, now)

    async def due_of(self, chain: str, source: str, now: datetime, limit: int) -> tuple[TargetKey, ...]:
        """Targets of one chain and source that are due and not leased, longest due first."""
        return await SqlCohort(self._transaction, chain, source).due(now, limit)

    async def claim_many(
        self,
        chain: str,
        source: str,
        now: datetime,
        leased_until: datetime,
        limit: int,
        *,
        followed: bool = False,
    ) -> tuple[SyncTarget, ...]:
        """Take up to `limit` due and free targets at once; with `followed` the chain's follower sees them from here."""
        return await SqlCohort(self._transaction, chain, source).claim(
            now, leased_until, limit, followed=followed
        )

    async def finish_many(
        self, chain: str, source: str, epochs: Mapping[str, int], now: datetime, next_due_at: datetime
    ) -> None:
        """`finish` for every address of `epochs`; those that others took over are passed by."""
        await SqlCohort(self._transaction, chain, source).finish(epochs, now, next_due_at)

    async def fail_many(
        self, chain: str, source: str, epochs: Mapping[str, int], error: str, next_due_at: datetime
    ) -> None:
        """`fail` for every address of `epochs`; those that others took over are passed by."""
        await SqlCohort(self._transaction, chain, source).fail(epochs, error, next_due_at)

    async def release_many(
        self, chain: str, source: str, epochs: Mapping[str, int], next_due_at: datetime
    ) -> None:
        """Let go of targets that are neither done nor failed; those that others took over are passed by."""
        await SqlCohort(self._transaction, chain, source).release(epochs, next_due_at)

    async def poke_many(
        self, chain: str, addresses: Iterable[str], sources: Iterable[str], now: datetime
    ) -> None:
        """Make these targets due now, as far as they are there."""
        await cohorts.poke_many(self._transaction, chain, addresses, sources, now)

    async def members(self, chain: str) -> tuple[int, frozenset[str]]:
        """Addresses with a seam on the chain, and a number that changes whenever one joins or leaves."""
        return await handover.members(self._transaction, chain)

    async def members_version(self, chain: str) -> int:
        """The number that `members` gives, without the addresses."""
        return await handover.members_version(self._transaction, chain)

    async def reseat(self, chain: str, seam: int, now: datetime) -> int:
        """Move all seams of the chain up to `seam` after the follower fell too far behind; returns how many."""
        await to_write(self._transaction)  # the sweep that stands at the new seam follows
        return await handover.reseat(self._transaction, chain, seam, now)

    async def claim(self, key: TargetKey, now: datetime, leased_until: datetime) -> SyncTarget | None:
        """Take the target: epoch + 1, state syncing. None when it is gone, not due, or leased by another."""
        row = (
            await self._transaction.run(
                update(table)
                .where(_is(key), await cohorts.claimable(self._transaction, now))
                .values(cohorts.claimed(leased_until))
                .returning(*table.c)
            )
        ).first()
        return None if row is None else to_target(row)

    async def renew(self, key: TargetKey, epoch: int, leased_until: datetime) -> None:
        """Extend the lease. Raises `FencedError` when another epoch rules."""
        await write_fenced(
            self._transaction,
            key,
            epoch,
            leased_until=leased_until,
            next_due_at=cohorts.unless_poked(leased_until),
        )

    async def finish(self, key: TargetKey, epoch: int, now: datetime, next_due_at: datetime) -> None:
        """Release a target that is covered up to its goal: state synced, failures 0. Fenced."""
        due = await cohorts.rest(self._transaction, next_due_at)
        await write_fenced(self._transaction, key, epoch, next_due_at=due, **cohorts.finished(now))

    async def fail(self, key: TargetKey, epoch: int, error: str, next_due_at: datetime) -> None:
        """Release a target with an error for the user: state error, failures + 1. Fenced."""
        due = cohorts.unless_poked(next_due_at)
        await write_fenced(self._transaction, key, epoch, next_due_at=due, **cohorts.failed(error))

    async def failing(self, limit: int) -> tuple[SyncTarget, ...]:
        """Targets in state error, the one that is tried again soonest first."""
        rows = await self._transaction.rows(
            select(table)
            .where(table.c.state == SyncState.ERROR.value)
            .order_by(table.c.next_due_at, table.c.address, table.c.chain, table.c.source)
            .limit(limit)
        )
        return tuple(to_target(row) for row in rows)

    async def poke(
        self, chain: str | None, address: str | None, now: datetime, source: str | None = None
    ) -> int:
        """Make matching targets due now (None matches all); returns how many.

        One that is being worked on stays due when it is released: what it was poked for may have come too late.
        """
        at = literal(now, table.c.next_due_at.type)
        due = case((table.c.next_due_at > at, at), else_=table.c.next_due_at)
        followed = handover.handed_over(await handover.orphaned(self._transaction))
        statement = update(table).where(~followed).values(next_due_at=due)
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
            found.extend(to_target(row) for row in rows)
        return await handover.overlaid(self._transaction, found)


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


def _order(key: TargetKey) -> tuple[str, str, str]:
    return (key.address, key.chain, key.source)
