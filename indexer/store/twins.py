"""Transfers that a load took in twice: the first telling stays, as if there had been a key all the time."""

from typing import Any

from sqlalchemy import and_, delete, func, literal_column, select, text

from indexer.store.conflicts import contradict, put_conflicts
from indexer.store.rows import FACT, to_transfer
from indexer.store.tables import transfer
from indexer.store.transaction import Transaction

NAME = "load"
"""In the place of a source: a load is all one source's, and which one it was is not written down."""


async def part_twins(transaction: Transaction) -> None:
    """Remove all but the first of the transfers that have one identity, with a gap where they contradict each other.

    One that knows the L1 fee stays rather than one that does not.
    """
    place: Any = literal_column("transfer.rowid" if transaction.is_sqlite else "transfer.ctid")
    key = (transfer.c.tx, transfer.c.position, transfer.c.chain)
    double = select(*key).group_by(*key).having(func.count() > 1).subquery()
    same = and_(*(column == double.c[column.name] for column in key))
    rows = await transaction.rows(
        FACT.add_columns(place.label("place"))
        .join(double, same)
        .order_by(*key, transfer.c.l1_fee.is_(None), place)
    )
    first: dict[tuple[str, str, str], Any] = {}
    later = [row for row in rows if first.setdefault((row.chain, row.tx, row.position), row) is not row]
    gone = "rowid = :gone" if transaction.is_sqlite else "ctid = CAST(:gone AS tid)"
    await transaction.run(delete(transfer).where(text(gone)), [{"gone": row.place} for row in later])
    pairs = [(to_transfer(first[row.chain, row.tx, row.position]), to_transfer(row)) for row in later]
    await put_conflicts(transaction, NAME, [pair for pair in pairs if contradict(*pair)])
