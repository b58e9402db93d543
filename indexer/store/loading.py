"""Fill an empty ledger without its secondary indexes: over all rows at once they cost a fraction of row by row.

Only ever where `transfer` is empty, so that nobody's lists become slow: there is nothing to list yet. Whoever left the
indexes out puts them back; so does whoever opens the ledger, in case that process was killed.
"""

from sqlalchemy import Connection, Index, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, DropIndex

from indexer.store.tables import transfer
from indexer.store.transaction import Transaction

LISTS = tuple(
    index
    for index in sorted(transfer.indexes, key=lambda index: str(index.name))
    if index.name != "transfer_block"
)
"""The indexes of the lists by address. The one by block is asked at every commit."""


async def leave_out(transaction: Transaction) -> bool:
    """Drop the secondary indexes if the ledger holds no transfer and nobody is at it; tells whether they are gone."""
    if await is_filled(transaction):
        return False
    try:
        async with transaction.connection.begin_nested():
            if not transaction.is_sqlite:  # whoever reads or writes now is not waited for
                await transaction.run(text("LOCK TABLE transfer IN ACCESS EXCLUSIVE MODE NOWAIT"))
                if await is_filled(transaction):
                    return False
            for index in LISTS:
                await transaction.run(DropIndex(index, if_exists=True))
    except DBAPIError:
        return False  # locked, or the tables belong to another role: rows go in as always
    return True


async def put_back(transaction: Transaction) -> None:
    """Build those secondary indexes that are missing; who writes transfers waits, who reads does not."""
    if not transaction.is_sqlite:  # two that build one index would meet in the catalogue
        await transaction.run(text("LOCK TABLE transfer IN SHARE ROW EXCLUSIVE MODE"))
    for index in await missing(transaction):
        await transaction.run(CreateIndex(index, if_not_exists=True))


async def missing(transaction: Transaction) -> list[Index]:
    """The secondary indexes that were left out."""
    there = await transaction.connection.run_sync(_names)
    return [index for index in LISTS if index.name not in there]


async def is_filled(transaction: Transaction) -> bool:
    """Whether the ledger holds a transfer."""
    return await transaction.row(select(transfer.c.tx).limit(1)) is not None


def _names(connection: Connection) -> set[str | None]:
    return {index["name"] for index in inspect(connection).get_indexes(transfer.name)}
