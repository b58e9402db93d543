"""Remember the hash of every block that something lies in: one number has one hash, whoever says it."""

from collections.abc import Iterable, Sequence

import orjson
from sqlalchemy import text

from indexer.model.errors import TornChainError
from indexer.model.facts import BlockRef
from indexer.store.reorg import thin
from indexer.store.stage import STAGED, as_texts, copy_unless_known, escaped
from indexer.store.tables import block
from indexer.store.transaction import Transaction
from indexer.store.types import instant, microseconds
from indexer.store.wide import insert_wide

_TOLD = "json_to_recordset(CAST(:told AS json)) AS said(number bigint, hash text, time timestamptz)"
_PUT = text(
    f"INSERT INTO block (chain, number, hash, time) SELECT :chain, number, hash, time FROM {_TOLD} "  # noqa: S608 - our own words
    "ORDER BY number ON CONFLICT DO NOTHING"
)
_DIFFERENT = text(
    f"SELECT block.number, block.hash FROM block JOIN {_TOLD} ON block.number = said.number "  # noqa: S608 - our own words
    "WHERE block.chain = :chain AND block.hash <> said.hash"
)


async def remember(
    transaction: Transaction, chain: str, source: str, blocks: Iterable[BlockRef], anchors: Iterable[BlockRef]
) -> None:
    """Keep the hashes of blocks with facts, and of anchors.

    Raises:
        TornChainError: a block is known by another hash; the reorg has to be followed first.
    """
    lone = [ref.number for ref in anchors]
    seen: dict[int, BlockRef] = {}
    for ref in (*blocks, *anchors):
        if not ref.hash:
            continue  # a source that does not say hashes cannot vouch for a block
        known = seen.setdefault(ref.number, ref)
        if known.hash != ref.hash:
            raise _torn(chain, source, ref.number, known.hash, ref.hash)
    for number, known_hash in await _put(transaction, chain, [seen[number] for number in sorted(seen)]):
        if known_hash != seen[number].hash:
            raise _torn(chain, source, number, known_hash, seen[number].hash)
    if lone:
        await thin(transaction, chain, lone)


async def _put(transaction: Transaction, chain: str, refs: Sequence[BlockRef]) -> Sequence[tuple[int, str]]:
    """Insert unknown blocks; returns number and hash of those that were there, or only of those that differ."""
    if not refs:
        return ()
    if transaction.is_sqlite:
        rows: list[object] = []
        for ref in refs:
            rows += (chain, ref.number, ref.hash, microseconds(ref.time))
        if await insert_wide(transaction, block, rows, unless_known=True) == len(refs):
            return ()
        numbers = orjson.dumps([ref.number for ref in refs]).decode()
        stored = await transaction.connection.exec_driver_sql(
            "SELECT number, hash FROM block WHERE chain = ? AND number IN (SELECT value FROM json_each(?))",
            (chain, numbers),
        )
        return [(row.number, row.hash) for row in stored]
    if len(refs) >= STAGED and await _copy(transaction, chain, refs):
        return ()
    told = [{"number": ref.number, "hash": ref.hash, "time": instant(ref.time)} for ref in refs]
    values = {"chain": chain, "told": orjson.dumps(told).decode()}
    if (await transaction.run(_PUT, values)).rowcount == len(refs):
        return ()
    return [(row.number, row.hash) for row in await transaction.run(_DIFFERENT, values)]


async def _copy(transaction: Transaction, chain: str, refs: Sequence[BlockRef]) -> bool:
    """Copy blocks right into their table on PostgreSQL. False, and nothing is written, where one is known."""
    start = escaped(chain)
    lines = (f"{start}\t{ref.number}\t{escaped(ref.hash)}\t{instant(ref.time).isoformat()}" for ref in refs)
    return await copy_unless_known(transaction, block, as_texts(lines))


def _torn(chain: str, source: str, number: int, known: str, said: str) -> TornChainError:
    return TornChainError(
        f"{source} says that block {number} of {chain} is {said}, the ledger knows it as {known}: the chain "
        "is reorganising, or one source is on another fork. Nothing of this page was kept; it is read again.",
        number,
    )
