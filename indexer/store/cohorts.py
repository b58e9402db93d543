"""Many targets of one chain and source at once: a few statements for thousands of addresses."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, update

from indexer.model.errors import FencedError
from indexer.model.stored import SyncState, SyncTarget, TargetKey, Work
from indexer.store.handover import (
    NEVER,
    covers_seam,
    handed_over,
    never,
    orphaned,
    raise_members_version,
    seam_here,
    to_target,
)
from indexer.store.lists import among
from indexer.store.tables import sync_target as table
from indexer.store.transaction import Transaction


async def claimable(transaction: Transaction, now: datetime) -> ColumnElement[bool]:
    """The target is due, and nobody works on it. What was handed over is not due while there is a follower."""
    orphans = await orphaned(transaction)
    due: ColumnElement[bool] = table.c.next_due_at <= now
    if orphans:
        due = or_(due, and_(table.c.next_due_at == never(), table.c.chain.in_(orphans)))
    free = or_(table.c.leased_until.is_(None), table.c.leased_until <= now)
    return and_(due, free)


async def next_due(transaction: Transaction) -> datetime | None:
    """When the next target falls due, a leased one at the end of its lease; None when there are none."""
    orphans = await orphaned(transaction)
    # a claim moves the due time to the end of the lease: one that lies before it was poked meanwhile
    settled = or_(table.c.leased_until.is_(None), table.c.leased_until <= table.c.next_due_at)
    first = await transaction.row(
        select(table.c.next_due_at)
        .where(settled, table.c.next_due_at < never())
        .order_by(table.c.next_due_at)
        .limit(1)
    )
    poked = select(func.min(table.c.leased_until, type_=table.c.next_due_at.type).label("at")).where(
        table.c.leased_until > table.c.next_due_at
    )
    if first is not None:
        poked = poked.where(table.c.next_due_at < first.next_due_at)
    lease = await transaction.row(poked)
    found = [first.next_due_at] if first is not None else []
    if lease is not None and lease.at is not None:
        found.append(lease.at)
    if orphans and not found:
        rested = select(table.c.chain).where(table.c.next_due_at == never(), table.c.chain.in_(orphans))
        return None if await transaction.row(rested.limit(1)) is None else NEVER
    return min(found, default=None)


async def due_work(transaction: Transaction, now: datetime) -> tuple[Work, ...]:
    """What is due and not leased, counted by chain and source, longest due first."""
    oldest = func.min(table.c.next_due_at, type_=table.c.next_due_at.type).label("oldest")
    rows = await transaction.rows(
        select(table.c.chain, table.c.source, func.count().label("many"), oldest)
        .where(await claimable(transaction, now))
        .group_by(table.c.chain, table.c.source)
        .order_by(oldest, table.c.chain, table.c.source)
    )
    return tuple(Work(row.chain, row.source, row.many, min(row.oldest, now)) for row in rows)


@dataclass(frozen=True, slots=True)
class SqlCohort:
    """The targets of one chain and source."""

    transaction: Transaction
    chain: str
    source: str

    async def due(self, now: datetime, limit: int) -> tuple[TargetKey, ...]:
        """Those that are due and not leased, longest due first."""
        rows = await self.transaction.rows(
            select(table.c.address)
            .where(*self._ours(), await claimable(self.transaction, now))
            .order_by(table.c.next_due_at, table.c.address)
            .limit(limit)
        )
        return tuple(TargetKey(row.address, self.chain, self.source) for row in rows)

    async def claim(
        self, now: datetime, leased_until: datetime, limit: int, *, followed: bool
    ) -> tuple[SyncTarget, ...]:
        """Take up to `limit` due and free targets; with `followed` they join the follower's members."""
        # the follower's row before all others, as a rollback takes them
        seam = await seam_here(self.transaction, self.chain) if followed else None
        chosen = await self.transaction.rows(
            select(table.c.address)
            .where(*self._ours(), await claimable(self.transaction, now))
            .order_by(table.c.next_due_at, table.c.address)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if not chosen:
            return ()
        addresses = [row.address for row in chosen]
        mine = (*self._ours(), among(self.transaction, table.c.address, addresses))
        joined = 0
        if seam is not None:
            join = update(table).where(*mine, table.c.seam.is_(None)).values(seam=seam)
            joined = (await self.transaction.run(join)).rowcount
        rows = await self.transaction.run(
            update(table).where(*mine).values(claimed(leased_until)).returning(*table.c)
        )
        taken = {row.address: to_target(row) for row in rows}
        if joined:
            await raise_members_version(self.transaction, [self.chain])
        return tuple(taken[address] for address in addresses)

    async def finish(self, epochs: Mapping[str, int], now: datetime, next_due_at: datetime) -> None:
        """Release targets that are covered up to their goal; those that others took over are passed by."""
        await self._write(epochs, finished(now) | {"next_due_at": await rest(self.transaction, next_due_at)})

    async def fail(self, epochs: Mapping[str, int], error: str, next_due_at: datetime) -> None:
        """Release targets with an error for the user; those that others took over are passed by."""
        await self._write(epochs, failed(error) | {"next_due_at": unless_poked(next_due_at)})

    async def release(self, epochs: Mapping[str, int], next_due_at: datetime) -> None:
        """Let go of targets that are neither done nor failed; those that others took over are passed by."""
        before = case((table.c.synced_at.is_(None), SyncState.PENDING.value), else_=SyncState.SYNCED.value)
        due = unless_poked(next_due_at)
        await self._write(epochs, {"state": before, "leased_until": None, "next_due_at": due})

    async def advance(
        self, epochs: Mapping[str, int], leased_until: datetime | None, **progress: Any
    ) -> None:
        """Write progress under every epoch and, if that is told, when the leases end.

        Raises:
            FencedError: another epoch rules one of them, or nobody watches it any more.
        """
        if leased_until is not None:
            progress |= {"leased_until": leased_until, "next_due_at": unless_poked(leased_until)}
        fence = {"epoch": table.c.epoch}
        written = await self._write(epochs, progress or fence)
        if written != len(epochs):
            raise FencedError(
                f"another worker has taken over {len(epochs) - written} of {len(epochs)} targets on {self.chain} "
                f"({self.source})"
            )

    def _ours(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return (table.c.chain == self.chain, table.c.source == self.source)

    async def _write(self, epochs: Mapping[str, int], values: Mapping[str, Any]) -> int:
        """Change targets that still have their epoch; returns how many."""
        transaction, ours = self.transaction, self._ours()
        if not transaction.is_sqlite and len(epochs) > 1:
            # locked in the order of their keys, as a rollback locks them
            locked = select(table.c.epoch).where(*ours, among(transaction, table.c.address, epochs))
            await transaction.rows(locked.order_by(table.c.address).with_for_update())
        written = 0
        for epoch, addresses in _by_epoch(epochs):
            result = await transaction.run(
                update(table)
                .where(*ours, table.c.epoch == epoch, among(transaction, table.c.address, addresses))
                .values(values)
            )
            written += int(result.rowcount)
        return written


async def poke_many(
    transaction: Transaction, chain: str, addresses: Iterable[str], sources: Iterable[str], now: datetime
) -> None:
    """Make these targets due now, as far as they are there and no follower reads for them."""
    named, kinds = sorted(set(addresses)), sorted(set(sources))
    if not named or not kinds:
        return
    at = literal(now, table.c.next_due_at.type)
    await transaction.run(
        update(table)
        .where(
            table.c.chain == chain,
            table.c.source.in_(kinds),
            among(transaction, table.c.address, named),
            table.c.next_due_at > at,
            ~handed_over(await orphaned(transaction)),
        )
        .values(next_due_at=at)
    )


def claimed(leased_until: datetime) -> dict[str, Any]:
    """What a target says that somebody has taken."""
    return {
        "epoch": table.c.epoch + 1,
        "state": SyncState.SYNCING.value,
        "leased_until": leased_until,
        "next_due_at": leased_until,  # lower than the lease: somebody poked it meanwhile
    }


def finished(now: datetime) -> dict[str, Any]:
    """What a target says that was read up to its goal."""
    return {
        "state": SyncState.SYNCED.value,
        "leased_until": None,
        "synced_at": now,
        "failures": 0,
        "error": None,
    }


def failed(error: str) -> dict[str, Any]:
    """What a target says that could not be read."""
    return {
        "state": SyncState.ERROR.value,
        "leased_until": None,
        "failures": table.c.failures + 1,
        "error": error,
    }


async def rest(transaction: Transaction, later: datetime) -> ColumnElement[datetime]:
    """When a target falls due whose run ended well: never where its follower goes on, at once when it was poked."""
    return case((covers_seam(await orphaned(transaction)), never()), else_=unless_poked(later))


def unless_poked(later: datetime) -> ColumnElement[datetime]:
    """A time, or the earlier one that somebody asked for while the target was leased."""
    at = literal(later, table.c.next_due_at.type)
    return case((table.c.next_due_at < table.c.leased_until, table.c.next_due_at), else_=at)


def _by_epoch(epochs: Mapping[str, int]) -> Iterator[tuple[int, list[str]]]:
    groups: dict[int, list[str]] = defaultdict(list)
    for address, epoch in epochs.items():
        groups[epoch].append(address)
    for epoch, addresses in sorted(groups.items()):
        yield epoch, sorted(addresses)
