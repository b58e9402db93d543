"""Raw payloads of transactions: the richest stays. And which transactions have none yet."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import ReturningInsert

from indexer.model.facts import BlockRef, RawTransaction
from indexer.model.stored import RECEIPTS, Undetailed
from indexer.store.bulk import of_transactions
from indexer.store.rows import HAS_RECEIPT, inspect_payload
from indexer.store.stage import NULL, STAGED, as_line, as_texts, fill_stage, stage_of
from indexer.store.tables import raw_transaction, transfer
from indexer.store.transaction import Transaction, Values

HASH_LENGTH = 66
LEVEL = 3
"""Of compression: level 6 takes half as long again and saves a fifteenth."""


async def put_raws(transaction: Transaction, raws: Sequence[RawTransaction]) -> set[str]:
    """Keep raw payloads, compressed; the richest of one transaction stays. Returns the transactions written."""
    written: set[str] = set()
    for part in _distinct(_rows(raws)):
        staged = len(part) >= STAGED and not transaction.is_sqlite
        put = _put_staged if staged else _put_few
        written |= await put(transaction, part)
    return written


def _rows(raws: Sequence[RawTransaction]) -> list[Values]:
    """Rows in the order of their keys."""
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
                "payload": zlib.compress(raw.payload, LEVEL),
            }
        )
    return rows


async def _put_few(transaction: Transaction, rows: Sequence[Values]) -> set[str]:
    statement = _richest_stays(transaction.insert(raw_transaction))
    return {row.tx for row in await transaction.run(statement, rows)}


async def _put_staged(transaction: Transaction, rows: Sequence[Values]) -> set[str]:
    lines = (
        as_line(row["chain"], row["tx"], row["block_hash"], _number(row["tx_index"]), row["source"])
        + f"\t{row['richness']}\t\\\\x{row['payload'].hex()}"  # bytes in hex behind an escaped backslash
        for row in rows
    )
    await fill_stage(transaction, raw_transaction, as_texts(lines))
    staged = stage_of(raw_transaction)
    told = select(*staged.c).order_by(staged.c.chain, staged.c.tx)
    statement = _richest_stays(transaction.insert(raw_transaction).from_select(staged.c.keys(), told))
    return {row.tx for row in await transaction.run(statement)}


def _number(value: int | None) -> str:
    return NULL if value is None else str(value)


def _richest_stays(new: postgresql.Insert) -> ReturningInsert[tuple[Any]]:
    return new.on_conflict_do_update(
        index_elements=["chain", "tx"],
        set_={name: new.excluded[name] for name in ("block_hash", "source", "richness", "payload")}
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


async def parties_of(transaction: Transaction, chain: str, txs: Iterable[str]) -> set[str]:
    """Every party of the transfers of these transactions."""
    named = set(txs)
    parties = (transfer.c.sender, transfer.c.recipient)
    rows = await of_transactions(transaction, chain, named, parties) if named else ()
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
    low, tx = above
    rows: Sequence[Any] = await transaction.rows(
        select(transfer.c.block_number, transfer.c.tx)
        .distinct()
        .where(
            transfer.c.chain == chain,
            transfer.c.block_number.between(low, up_to_block),
            or_(transfer.c.block_number > low, transfer.c.tx > tx),
            transfer.c.tx.startswith("0x"),
            func.length(transfer.c.tx) == HASH_LENGTH,
            ~rich.correlate(transfer),
        )
        .order_by(transfer.c.block_number, transfer.c.tx)
        .limit(limit)
    )
    wanted: dict[tuple[int, str], set[str]] = {(number, tx): set() for number, tx in rows}
    blocks: dict[int, BlockRef] = {}  # transactions of one block share it
    placed: dict[tuple[int, str], BlockRef] = {}
    named = {tx for _, tx in wanted}
    for row in await of_transactions(transaction, chain, named) if named else ():
        number, key = row.block_number, (row.block_number, row.tx)
        if key in wanted:
            wanted[key].update((row.sender, row.recipient))
            ref = blocks.get(number)
            if ref is None:
                ref = blocks[number] = BlockRef(number, row.block_hash, row.time)
            placed[key] = ref
    return tuple([Undetailed(key[1], placed[key], frozenset(parties)) for key, parties in wanted.items()])


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
