"""Who reads for an address: its own targets below its seam, the chain's head follower from there on.

A target that covers all blocks below its seam is handed over when its run ends well, which is behind the comparison of its
blocks with the chain. It rests until `NEVER`, so that tens of thousands of them cost the search for due work nothing, and
reads as far as the follower. One whose run was killed or failed is due once more. A chain whose follower is gone is
orphaned: what was handed over there falls due again.

On PostgreSQL whoever joins locks the follower's row first and the version of the members last; the follower writes
its row and then reads the version. So either the follower's commit sees the new version and gives up, or the one
who joins waits for it and gets a seam above what it covers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, exists, false, literal, select, update

from indexer.model.stored import EVERYONE, FOLLOW, SyncState, SyncTarget, TargetKey
from indexer.store.tables import chain_state
from indexer.store.tables import sync_target as table
from indexer.store.transaction import Transaction

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""When a target that was handed over falls due."""


def follower_of(chain: ColumnElement[str] | str) -> ColumnElement[bool]:
    """The row of a chain's follower."""
    return and_(table.c.address == EVERYONE, table.c.chain == chain, table.c.source == FOLLOW)


async def orphaned(transaction: Transaction) -> tuple[str, ...]:
    """Chains that had members and have no follower any more: usually none."""
    rows = await transaction.rows(
        select(chain_state.c.chain).where(
            chain_state.c.members_version > 0,
            ~exists().where(follower_of(chain_state.c.chain)).correlate(chain_state),
        )
    )
    return tuple(row.chain for row in rows)


def handed_over(orphans: Sequence[str]) -> ColumnElement[bool]:
    """The target rests, and its chain has a follower."""
    return and_(table.c.next_due_at == never(), covers_seam(orphans))


def covers_seam(orphans: Sequence[str]) -> ColumnElement[bool]:
    """The target covers all blocks below its seam, and its chain has a follower: it rests when its run ends well."""
    return and_(
        table.c.seam.is_not(None),
        table.c.covered_to >= table.c.seam - 1,
        table.c.chain.not_in(orphans) if orphans else ~false(),
    )


def never() -> ColumnElement[datetime]:
    """`NEVER` as SQL."""
    return literal(NEVER, table.c.next_due_at.type)


async def follower(transaction: Transaction, chain: str, *, hold: bool = False) -> Row[Any] | None:
    """The row of the chain's follower; with `hold` nobody else changes it before the transaction ends."""
    query = select(table).where(follower_of(chain))
    return await transaction.row(query.with_for_update() if hold else query)


async def seam_here(transaction: Transaction, chain: str) -> int | None:
    """The seam of whoever joins now: the block behind what the follower covers. None: there is nothing to join."""
    row = await follower(transaction, chain, hold=True)
    return None if row is None or row.covered_to < 0 else int(row.covered_to) + 1


async def raise_members_version(transaction: Transaction, chains: Iterable[str]) -> None:
    """Note that somebody joined or left the members of these chains."""
    rows = [{"chain": chain, "final_block": -1, "members_version": 1} for chain in sorted(set(chains))]
    if rows:
        await transaction.run(
            transaction.insert(chain_state).on_conflict_do_update(
                index_elements=[chain_state.c.chain],
                set_={"members_version": chain_state.c.members_version + 1},
            ),
            rows,
        )


async def members_version(transaction: Transaction, chain: str) -> int:
    """How often somebody joined or left; 0 before the first."""
    row = await transaction.row(select(chain_state.c.members_version).where(chain_state.c.chain == chain))
    return 0 if row is None else int(row.members_version)


async def members(transaction: Transaction, chain: str) -> tuple[int, frozenset[str]]:
    """The version and every address with a seam. The version first: who joins in between raises it afterwards."""
    version = await members_version(transaction, chain)
    rows = await transaction.rows(
        select(table.c.address).distinct().where(table.c.chain == chain, table.c.seam.is_not(None))
    )
    return version, frozenset(row.address for row in rows)


async def reseat(transaction: Transaction, chain: str, seam: int, now: datetime) -> int:
    """Move all lower seams of the chain up; what was handed over is due again where the follower stood."""
    stood = await follower(transaction, chain, hold=True)
    lower = (table.c.chain == chain, table.c.seam < seam)
    moved = 0
    if stood is not None:
        result = await transaction.run(
            update(table)
            .where(*lower, handed_over(()), table.c.covered_to <= stood.covered_to)
            .values(
                seam=seam,
                covered_to=stood.covered_to,
                cursor={"next": stood.covered_to + 1},
                target_block=stood.target_block,
                next_due_at=now,
                state=(SyncState.PENDING if stood.synced_at is None else SyncState.SYNCED).value,
                synced_at=stood.synced_at,
                failures=0,
                error=None,
            )
        )
        moved += int(result.rowcount)
    rested = table.c.next_due_at == never()
    due = case((rested, literal(now, table.c.next_due_at.type)), else_=table.c.next_due_at)
    result = await transaction.run(update(table).where(*lower).values(seam=seam, next_due_at=due))
    return moved + int(result.rowcount)


async def overlaid(transaction: Transaction, targets: Sequence[SyncTarget]) -> tuple[SyncTarget, ...]:
    """Targets as they read: those that were handed over as far, and in such a state, as their follower."""
    chains = {target.key.chain for target in targets if _handed_over(target)}
    if not chains:
        return tuple(targets)
    rows = await transaction.rows(
        select(table).where(table.c.address == EVERYONE, table.c.source == FOLLOW, table.c.chain.in_(chains))
    )
    followers = {row.chain: to_target(row) for row in rows}
    return tuple(
        _as_follower(target, followers[target.key.chain])
        if _handed_over(target) and target.key.chain in followers
        else target
        for target in targets
    )


def _handed_over(target: SyncTarget) -> bool:
    rests = target.next_due_at == NEVER
    return rests and target.seam is not None and target.covered_to >= target.seam - 1


def _as_follower(target: SyncTarget, leader: SyncTarget) -> SyncTarget:
    """A follower at work counts as synced once it was: its wallets would flicker with every block."""
    at_work = leader.state is SyncState.SYNCING and leader.synced_at is not None
    return replace(
        target,
        next_due_at=leader.next_due_at,
        covered_to=leader.covered_to,
        target_block=leader.target_block,
        state=SyncState.SYNCED if at_work else leader.state,
        synced_at=leader.synced_at,
        failures=leader.failures,
        error=leader.error,
    )


def to_target(row: Row[Any]) -> SyncTarget:
    """A target from a row of `sync_target`."""
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
        seam=row.seam,
    )
