"""Fill an empty ledger without indexes: over all rows at once they cost a fraction of row by row.

Only ever where `transfer` is empty, so that nobody's lists become slow: there is nothing to list yet. Without its key
the table takes any row, so that one task alone, which tells nothing twice, appends to it; whoever else writes
transfers meanwhile builds the key first. Whoever left the indexes out puts them back; so does whoever opens the
ledger, in case that process was killed.
"""

from contextlib import suppress

from sqlalchemy import Index, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateIndex, DropIndex

from indexer.store.tables import transfer
from indexer.store.transaction import Transaction
from indexer.store.twins import part_twins

_BY_NAME = {str(index.name): index for index in transfer.indexes}
KEY = _BY_NAME.pop("transfer_key")
LISTS = tuple(_BY_NAME[name] for name in sorted(_BY_NAME) if name != "transfer_block")
"""The indexes of the lists by address. The one by block is asked at every commit."""

_ON_SQLITE = text("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'transfer'")
_ON_POSTGRESQL = text(
    "SELECT name FROM unnest(CAST(:names AS text[])) AS known(name) WHERE to_regclass(name) IS NOT NULL"
).bindparams(names=[index.name for index in (KEY, *LISTS)])
_HAS_KEY = text("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = 'transfer_key'")
# reading the table too, so that nobody drops the index before this transaction ends
_HAS_KEY_NOW = text(
    "SELECT 1 WHERE to_regclass('transfer_key') IS NOT NULL OR EXISTS(SELECT FROM transfer WHERE FALSE)"
)

# three that sort have no use for helpers each
_ALONE = text("SET LOCAL max_parallel_maintenance_workers = 0")
_TAKE_TABLE = text("LOCK TABLE transfer IN ROW EXCLUSIVE MODE")  # as any insert does


async def leave_out(transaction: Transaction) -> bool:
    """Drop the indexes if the ledger holds no transfer and nobody is at it; tells whether that was done here."""
    if await is_filled(transaction) or not await has_key(transaction):
        return False
    try:
        async with transaction.connection.begin_nested():
            if not transaction.is_sqlite:  # whoever reads or writes now is not waited for
                await transaction.run(text("LOCK TABLE transfer IN ACCESS EXCLUSIVE MODE NOWAIT"))
                if await is_filled(transaction) or not await has_key(transaction):
                    return False
            for index in (KEY, *LISTS):
                await transaction.run(DropIndex(index, if_exists=True))
            # of tables without statistics PostgreSQL's planner reads whole chains at every commit
            if not transaction.is_sqlite:
                await transaction.run(text("ANALYZE wallet_chain, sync_target"))
    except DBAPIError:
        return False  # locked, or the tables belong to another role: rows go in as always
    return True


async def build(transaction: Transaction, index: Index) -> None:
    """Build one index of PostgreSQL's if nobody is at it and nothing forbids it; others may be built at the same time."""
    with suppress(DBAPIError):  # what is still missing then is for `put_back`
        async with transaction.connection.begin_nested():
            await transaction.run(_ALONE)
            await transaction.run(CreateIndex(index, if_not_exists=True))


async def put_back(transaction: Transaction, indexes: tuple[Index, ...] = (KEY, *LISTS)) -> None:
    """Build those of the indexes that are missing; who writes transfers waits, who reads does not."""
    if not transaction.is_sqlite:  # two that build one index would meet in the catalogue
        await transaction.run(text("LOCK TABLE transfer IN SHARE ROW EXCLUSIVE MODE"))
    for index in await missing(transaction):
        if index not in indexes:
            continue
        try:
            async with transaction.connection.begin_nested():
                await transaction.run(CreateIndex(index, if_not_exists=True))
        except IntegrityError:  # the key alone can be violated
            await part_twins(transaction)
            await transaction.run(CreateIndex(index, if_not_exists=True))


async def to_write(transaction: Transaction) -> None:
    """The first thing of every transaction that writes transfers: there is a key, and the table comes before any row.

    Who builds the key keeps all other writers out until its commit. Had one of them a row by then, it would wait for
    the table, and the builder for the row.
    """
    if not await has_key(transaction):
        await put_back(transaction, (KEY,))
    await _take_table(transaction)


async def may_append(transaction: Transaction, *, unheard: bool) -> bool:
    """`to_write`, but the task that loads needs no key: True if it may add transfers that are `unheard` without a look."""
    if unheard and transaction.loads and not await has_key(transaction):
        await _take_table(transaction)
        if not await has_key(transaction):  # nobody built it while we waited for the table
            return True
    await to_write(transaction)
    return False


async def _take_table(transaction: Transaction) -> None:
    if not transaction.is_sqlite:  # which has one writer
        await transaction.run(_TAKE_TABLE)


async def has_key(transaction: Transaction) -> bool:
    """Whether the index is there that lets no transfer in twice."""
    return await transaction.row(_HAS_KEY if transaction.is_sqlite else _HAS_KEY_NOW) is not None


async def missing(transaction: Transaction) -> list[Index]:
    """The indexes that were left out."""
    rows = await transaction.rows(_ON_SQLITE if transaction.is_sqlite else _ON_POSTGRESQL)
    there = {row.name for row in rows}
    return [index for index in (KEY, *LISTS) if index.name not in there]


async def is_filled(transaction: Transaction) -> bool:
    """Whether the ledger holds a transfer."""
    return await transaction.row(select(transfer.c.tx).limit(1)) is not None
