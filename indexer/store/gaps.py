"""Named holes in what is known about an address."""

from collections.abc import Iterable

from sqlalchemy import delete, select

from indexer.model.facts import Gap
from indexer.store.lists import among
from indexer.store.rows import gap_columns, to_gap
from indexer.store.tables import gap
from indexer.store.transaction import Transaction, chunks


async def put_gaps(transaction: Transaction, gaps: Iterable[Gap]) -> None:
    """Write gaps; one of the same address, chain, source, code and subject is replaced."""
    rows = {
        (item.address, item.chain, item.source, item.code, item.subject): gap_columns(item) for item in gaps
    }
    if not rows:
        return
    new = transaction.insert(gap)
    statement = new.on_conflict_do_update(
        index_elements=["address", "chain", "source", "code", "subject"],
        set_={name: new.excluded[name] for name in ("detail", "from_block", "to_block")},
    )
    for part in chunks(rows[key] for key in sorted(rows)):
        await transaction.run(statement, part)


async def remove_gaps(transaction: Transaction, address: str, chain: str, source: str) -> None:
    """Remove what one source reported about an address."""
    await transaction.run(
        delete(gap).where(gap.c.address == address, gap.c.chain == chain, gap.c.source == source)
    )


async def remove_gaps_of_many(
    transaction: Transaction, addresses: Iterable[str], chain: str, source: str
) -> None:
    """Remove what one source reported about many addresses."""
    await transaction.run(
        delete(gap).where(
            gap.c.chain == chain, gap.c.source == source, among(transaction, gap.c.address, addresses)
        )
    )


async def gaps_of(transaction: Transaction, addresses: Iterable[str]) -> tuple[Gap, ...]:
    """All gaps of these addresses in a stable order."""
    found: list[Gap] = []
    for part in chunks(sorted(set(addresses))):
        rows = await transaction.rows(
            select(gap).where(gap.c.address.in_(part)).order_by(*gap.primary_key.columns)
        )
        found.extend(to_gap(row) for row in rows)
    return tuple(found)
