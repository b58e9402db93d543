"""Taking back what abandoned blocks said."""

from collections.abc import Iterable

from sqlalchemy import and_, delete, exists, func, or_, select

from indexer.model.facts import BlockRef, GapCode
from indexer.model.stored import TargetKey
from indexer.store.loading import to_write
from indexer.store.rewind import rewind
from indexer.store.staleness import raise_version, watchers_of_chain
from indexer.store.tables import block, chain_state, gap, raw_transaction, transfer
from indexer.store.transaction import Transaction

NEWEST = 256
"""So many of the newest remembered blocks of a chain stay, whether facts lie in them or not."""

SPARSE = 1_000
"""Below them one block without facts stays in every so many: a reorg that deep costs reading that many again."""


async def remembered_blocks(transaction: Transaction, chain: str, limit: int) -> tuple[BlockRef, ...]:
    """The highest blocks whose hash is remembered, highest first."""
    rows = await transaction.rows(
        select(block).where(block.c.chain == chain).order_by(block.c.number.desc()).limit(limit)
    )
    return tuple(BlockRef(row.number, row.hash, row.time) for row in rows)


async def thin(transaction: Transaction, chain: str, anchors: Iterable[int]) -> None:
    """Forget old blocks without facts, so that years of polling do not fill the table.

    Looks only where anchors just came in and at the edge of the newest blocks: what lies further down was thinned
    before.
    """
    below = await transaction.rows(
        select(block.c.number)
        .where(block.c.chain == chain)
        .order_by(block.c.number.desc())
        .offset(NEWEST - 1)
        .limit(2)
    )
    if not below:
        return
    edge = below[0].number
    passed = (number for number in (*anchors, *(row.number for row in below)) if number <= edge)
    in_block = and_(transfer.c.chain == chain, transfer.c.block_number == block.c.number)
    for bucket in sorted({number // SPARSE for number in passed}):
        inside = (
            block.c.chain == chain,
            block.c.number.between(bucket * SPARSE, min((bucket + 1) * SPARSE, edge) - 1),
        )
        lowest = select(func.min(block.c.number)).where(*inside).scalar_subquery()
        await transaction.run(
            delete(block).where(*inside, block.c.number != lowest, ~exists().where(in_block).correlate(block))
        )


async def forget_block(transaction: Transaction, chain: str, number: int) -> bool:
    """Forget the hash of a block; False, and nothing is done, when facts lie in it."""
    inside = exists().where(transfer.c.chain == chain, transfer.c.block_number == number)
    gone = await transaction.run(
        delete(block)
        .where(block.c.chain == chain, block.c.number == number, ~inside)
        .returning(block.c.number)
    )
    return gone.first() is not None


async def final_block(transaction: Transaction, chain: str) -> int:
    """What `set_final_block` last said, -1 before."""
    row = await transaction.row(select(chain_state.c.final_block).where(chain_state.c.chain == chain))
    return -1 if row is None else int(row.final_block)


async def set_final_block(transaction: Transaction, chain: str, number: int) -> None:
    """Raise the chain's final block; it never falls."""
    insert = transaction.insert(chain_state)
    await transaction.run(
        insert.on_conflict_do_update(
            index_elements=[chain_state.c.chain],
            set_={"final_block": number},
            where=chain_state.c.final_block < number,
        ),
        [{"chain": chain, "final_block": number, "members_version": 0}],
    )


async def rollback(
    transaction: Transaction, chain: str, to_block: int, keep: tuple[TargetKey, int] | None = None
) -> int:
    """Remove every fact of the chain above `to_block`, rewind and fence its targets, mark books stale.

    Targets come first: on PostgreSQL a page that is being written holds its target's row, so that we wait for it
    and then remove it too; a page that comes later finds another epoch.

    Raises:
        FencedError: another epoch rules the target that was to be kept.
    """
    await to_write(transaction)
    await rewind(transaction, chain, to_block, keep)
    above = (transfer.c.chain == chain, transfer.c.block_number > to_block)
    lost_blocks = select(block.c.hash).where(block.c.chain == chain, block.c.number > to_block)
    lost_txs = select(transfer.c.tx).where(*above)
    await transaction.run(
        delete(raw_transaction).where(
            raw_transaction.c.chain == chain,
            or_(raw_transaction.c.tx.in_(lost_txs), raw_transaction.c.block_hash.in_(lost_blocks)),
        )
    )
    counted = await transaction.row(select(func.count().label("lost")).select_from(transfer).where(*above))
    await transaction.run(delete(transfer).where(*above))
    await transaction.run(delete(block).where(block.c.chain == chain, block.c.number > to_block))
    torn = and_(gap.c.code == GapCode.SOURCE_CONFLICT.value, gap.c.to_block > to_block)
    await transaction.run(delete(gap).where(gap.c.chain == chain, or_(gap.c.from_block > to_block, torn)))
    await raise_version(transaction, await watchers_of_chain(transaction, chain))
    return 0 if counted is None else int(counted.lost)
