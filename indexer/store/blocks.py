"""Remember the hash of every block that something lies in: one number has one hash, whoever says it."""

from collections.abc import Iterable

from sqlalchemy import select

from indexer.model.errors import TornChainError
from indexer.model.facts import BlockRef
from indexer.store.reorg import thin
from indexer.store.tables import block
from indexer.store.transaction import Transaction, Values, chunks


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
    for part in chunks(sorted(seen)):
        rows: list[Values] = [
            {"chain": chain, "number": number, "hash": seen[number].hash, "time": seen[number].time}
            for number in part
        ]
        await transaction.run(transaction.insert(block).on_conflict_do_nothing(), rows)
        stored = await transaction.rows(
            select(block.c.number, block.c.hash).where(block.c.chain == chain, block.c.number.in_(part))
        )
        for row in stored:
            if row.hash != seen[row.number].hash:
                raise _torn(chain, source, row.number, row.hash, seen[row.number].hash)
    if lone:
        await thin(transaction, chain, lone)


def _torn(chain: str, source: str, number: int, known: str, said: str) -> TornChainError:
    return TornChainError(
        f"{source} says that block {number} of {chain} is {said}, the ledger knows it as {known}: the chain "
        "is reorganising, or one source is on another fork. Nothing of this page was kept; it is read again.",
        number,
    )
