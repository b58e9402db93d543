"""Notice that a chain has reorganised and take back what the abandoned blocks said."""

import logging

from indexer.flows.services import Services
from indexer.model.errors import LyingSourceError
from indexer.model.facts import BlockRef
from indexer.model.ledger import PROVE
from indexer.model.ports import ChainReader

log = logging.getLogger(__name__)

REMEMBERED = 512
"""Block hashes looked at: more than any chain's blocks between head and finality that hold facts of ours."""


async def follow_reorg(services: Services, reader: ChainReader) -> bool:
    """Compare remembered block hashes with the chain; roll the ledger back to the fork. True when it did.

    Raises:
        LyingSourceError: the fork lies below finality: either the node is on another chain, or the chain broke
            its promise. Nothing is removed; the chain stops until a person has looked.
    """
    chain = reader.spec.id
    async with services.ledger.read() as work:
        remembered = await work.facts.remembered_blocks(chain, REMEMBERED)
    fork = await _fork(reader, remembered)
    if fork is None:
        return False
    finalized = await reader.finalized()
    lost = [block for block in remembered if block.number > fork]
    if any(block.number <= finalized for block in lost):
        raise LyingSourceError(
            f"{reader.spec.name} no longer has block {lost[-1].number} as {lost[-1].hash}, which was final. Check that "
            f"the endpoints of {chain} in chains.yaml serve the right chain; nothing was removed from the ledger."
        )
    async with services.ledger.write() as work:
        removed = await work.facts.rollback(chain, fork)
        await work.targets.poke(chain, None, services.clock.now(), PROVE)
    log.warning("%s reorganised above block %d: %d transfers taken back", reader.spec.name, fork, removed)
    return True


async def _fork(reader: ChainReader, remembered: tuple[BlockRef, ...]) -> int | None:
    """The highest remembered block that is still on the chain; None when the highest of all is.

    A block that the node does not have counts as gone only when a block at its height or above is known to it:
    otherwise the node lags, and a lagging node proves nothing.
    """
    missing_above = False
    for place, block in enumerate(remembered):
        found = await reader.block_hash(block.number)
        if found is None:
            missing_above = True
            continue
        if found == block.hash:
            return None if place == 0 or missing_above else block.number
        missing_above = False
    return (remembered[-1].number - 1) if remembered and not missing_above else None
