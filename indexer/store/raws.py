"""Raw payloads of transactions: the richest stays. And which transactions have none yet."""

import zlib
from collections.abc import Iterable, Sequence

from sqlalchemy import and_, case, exists, func, or_, select

from indexer.model.facts import BlockRef, RawTransaction
from indexer.model.stored import RECEIPTS, Undetailed
from indexer.store.bulk import of_transactions
from indexer.store.rows import HAS_RECEIPT, inspect_payload
from indexer.store.tables import raw_transaction, transfer
from indexer.store.transaction import Transaction, Values

HASH_LENGTH = 66


async def put_raws(transaction: Transaction, raws: Sequence[RawTransaction]) -> set[str]:
    """Keep raw payloads, compressed; the richest of one transaction stays. Returns the transactions written."""
    rows: list[Values] = []
    for raw in sorted(raws, key=lambda raw: (raw.chain, raw.tx)):
        richness, tx_index = inspect_payload(raw.payload, raw.source)
        rows.append(
            {
                "chain": raw.chain,
                "tx": raw.tx,
                "block_hash": raw.block_hash,
                "tx_index": tx_index,
                "source": raw.source,
                "richness": richness,
                "payload": zlib.compress(raw.payload, 6),
            }
        )
    new = transaction.insert(raw_transaction)
    new_columns = ("block_hash", "source", "richness", "payload")
    statement = new.on_conflict_do_update(
        index_elements=["chain", "tx"],
        set_={name: new.excluded[name] for name in new_columns}
        | {
            "tx_index": case(
                (new.excluded.tx_index.is_(None), raw_transaction.c.tx_index), else_=new.excluded.tx_index
            )
        },
        where=or_(
            new.excluded.richness > raw_transaction.c.richness,
            new.excluded.block_hash != raw_transaction.c.block_hash,
        ),
    ).returning(raw_transaction.c.tx)
    written: set[str] = set()
    for part in _distinct(rows):
        written.update(row.tx for row in await transaction.run(statement, part))
    return written


async def parties_of(transaction: Transaction, chain: str, txs: Iterable[str]) -> set[str]:
    """Every party of the transfers of these transactions."""
    named = set(txs)
    rows = await of_transactions(transaction, chain, named) if named else ()
    return {party for row in rows for party in (row.sender, row.recipient)}


async def undetailed(
    transaction: Transaction, chain: str, above: tuple[int, str], up_to_block: int, limit: int, *, poor: bool
) -> tuple[Undetailed, ...]:
    """Transactions without a raw payload by (block, tx); with `poor` those too that nobody served the receipt of."""
    of_transfer = and_(raw_transaction.c.chain == transfer.c.chain, raw_transaction.c.tx == transfer.c.tx)
    rich = exists().where(of_transfer)
    if poor:
        rich = rich.where(
            or_(raw_transaction.c.source != RECEIPTS, raw_transaction.c.richness >= HAS_RECEIPT)
        )
    block, tx = above
    rows = await transaction.rows(
        select(transfer.c.block_number, transfer.c.tx)
        .distinct()
        .where(
            transfer.c.chain == chain,
            transfer.c.block_number.between(block, up_to_block),
            or_(transfer.c.block_number > block, transfer.c.tx > tx),
            transfer.c.tx.startswith("0x"),
            func.length(transfer.c.tx) == HASH_LENGTH,
            ~rich.correlate(transfer),
        )
        .order_by(transfer.c.block_number, transfer.c.tx)
        .limit(limit)
    )
    wanted = {(row.block_number, row.tx): set[str]() for row in rows}
    blocks: dict[tuple[int, str], BlockRef] = {}
    for row in await of_transactions(transaction, chain, {tx for _, tx in wanted}) if wanted else ():
        key = (row.block_number, row.tx)
        if key in wanted:
            wanted[key] |= {row.sender, row.recipient}
            blocks[key] = BlockRef(row.block_number, row.block_hash, row.time)
    return tuple(Undetailed(key[1], blocks[key], frozenset(parties)) for key, parties in wanted.items())


def _distinct(rows: Sequence[Values]) -> Iterable[list[Values]]:
    """Batches in which no transaction appears twice: one statement may not touch a row twice."""
    rest = list(rows)
    while rest:
        batch: dict[tuple[str, str], Values] = {}
        again: list[Values] = []
        for row in rest:
            key = (row["chain"], row["tx"])
            if key in batch:
                again.append(row)
            else:
                batch[key] = row
        yield list(batch.values())
        rest = again
