"""Notice that a chain has reorganised and take back what the abandoned blocks said."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from indexer.flows.services import Services
from indexer.model.errors import GleanerError, LyingSourceError, StorageError, TornChainError
from indexer.model.facts import BlockRef
from indexer.model.ledger import UnitOfWork
from indexer.model.ports import ChainReader
from indexer.model.stored import EVERYONE, FOLLOW, PROVE, TargetKey

log = logging.getLogger(__name__)

REMEMBERED = 512
"""Block hashes looked at: more than any chain's blocks between head and finality that hold facts of ours."""

ALL = 1 << 31


async def find_fork(services: Services, reader: ChainReader, covered: int) -> int | None:
    """Compare remembered block hashes with the chain: the highest block both have, None where nothing forked.

    Besides the highest one of all, the highest one is compared that whoever asks has `covered`: others may have read further
    since, on another branch. -1 where ledger and chain may have no block in common.
    """
    remembered, final = await _remembered(services, reader)
    fork = await _fork(reader, remembered, final)
    place = _highest(remembered, covered)
    return fork if fork is not None or not place else await _fork(reader, remembered[place:], final)


async def follow_reorg(services: Services, reader: ChainReader, covered: Iterable[int]) -> bool:
    """Roll the ledger back to the fork where the chain reorganised. True when it did, or will be.

    A chain that is followed leaves that to its follower, which puts the new branch in place in the same commit. What
    whoever asks has `covered` below what others have read is compared, too.

    Raises:
        LyingSourceError: the fork lies below finality: either the node is on another chain, or the chain broke
            its promise. Nothing is removed; the chain stops until a person has looked.
    """
    remembered, final = await _remembered(services, reader)
    fork = await _fork(reader, remembered, final)
    if fork is None:
        return await _mend_below(services, reader, remembered, covered)
    chain, now = reader.spec.id, services.clock.now()
    async with services.ledger.write() as work:
        if not await work.targets.poke(chain, EVERYONE, now, FOLLOW):
            await roll_back(work, reader, fork, now)
    return True


async def roll_back(
    work: UnitOfWork,
    reader: ChainReader,
    fork: int,
    now: datetime,
    *,
    keep: tuple[TargetKey, int] | None = None,
) -> None:
    """Take back every fact above the fork. `keep` is the (target, epoch) that goes on in the same transaction.

    Raises:
        LyingSourceError: a block that was final is gone; nothing is removed.
    """
    chain = reader.spec.id
    final = await work.facts.final_block(chain)
    remembered = await work.facts.remembered_blocks(chain, ALL) if fork < final else ()
    broken = [block for block in remembered if fork < block.number <= final]
    if broken:
        raise LyingSourceError(
            f"{reader.spec.name} no longer has block {broken[-1].number} as {broken[-1].hash}, which was final. "
            f"Check that the endpoints of {chain} in chains.yaml serve the right chain; nothing was removed from "
            "the ledger."
        )
    removed = await work.facts.rollback(chain, fork, keep=keep)
    await work.targets.poke(chain, None, now, PROVE)
    log.warning("%s reorganised above block %d: %d transfers taken back", reader.spec.name, fork, removed)


async def agree_on_final(services: Services, reader: ChainReader, number: int) -> None:
    """Note what the chain called final before the ledger was found to agree with it.

    A reorg is judged by what was final when we looked, not by what is now: a service that was off over night finds
    last evening's head long buried, and an ordinary reorg there is no broken promise.
    """
    async with services.ledger.read() as work:
        known = await work.facts.final_block(reader.spec.id)
    if number > known:
        async with services.ledger.write() as work:
            await work.facts.set_final_block(reader.spec.id, number)


async def mend_torn(services: Services, reader: ChainReader, torn: TornChainError) -> GleanerError:
    """Find out whether a page or the ledger is wrong about a block; whoever met it tries again with this error."""
    try:
        await mend_block(services, reader, torn.block)
    except StorageError:
        raise
    except GleanerError as worse:
        return worse
    return torn


async def mend_overtaken(services: Services, reader: ChainReader, covered: int) -> None:
    """Compare what a run has read up to a block with the chain if somebody has read further meanwhile.

    The highest remembered block alone is compared otherwise: what was read of a branch that the chain had left by the time
    it was written would stay below one of the other branch. Behind it targets are handed over, and read no more.
    """
    remembered, _ = await _remembered(services, reader)
    await _mend_below(services, reader, remembered, [covered])


async def _remembered(services: Services, reader: ChainReader) -> tuple[Sequence[BlockRef], int]:
    """The highest remembered blocks, and what was final."""
    async with services.ledger.read() as work:
        remembered = await work.facts.remembered_blocks(reader.spec.id, REMEMBERED)
        return remembered, await work.facts.final_block(reader.spec.id)


async def _mend_below(
    services: Services, reader: ChainReader, remembered: Sequence[BlockRef], covered: Iterable[int]
) -> bool:
    """Compare the highest block of each who has covered less than others; True when something was taken back."""
    places = {place for number in covered if (place := _highest(remembered, number))}
    for place in sorted(places, reverse=True):
        block = remembered[place]
        fits = await reader.block_hash(block.number) in (None, block.hash)
        # which reads all that is remembered: for a misfit alone
        if not fits and await mend_block(services, reader, block.number):
            return True
    return False


def _highest(remembered: Sequence[BlockRef], covered: int) -> int | None:
    """The place of the highest block that is not above another; None where all are."""
    return next((place for place, block in enumerate(remembered) if block.number <= covered), None)


async def mend_block(services: Services, reader: ChainReader, number: int) -> bool:
    """A page contradicts the hash that is remembered for a block: ask the chain which one is wrong.

    A remembered hash that is not the chain's came from a lie, or from an abandoned branch below a newer block that is
    right again. The second cannot be where the chain was final; there a block without facts is forgotten. Anywhere else
    what was covered since the block below that is right may be the branch's, and is read again: then True.
    """
    chain = reader.spec.id
    async with services.ledger.read() as work:
        known = await work.facts.remembered_blocks(chain, ALL)
        final = await work.facts.final_block(chain)
    remembered = tuple(ref for ref in known if ref.number <= number)
    if not remembered or remembered[0].number != number:
        return False
    found = await reader.block_hash(number)
    if found is None or found == remembered[0].hash or found != await reader.block_hash(number):
        return False
    if number <= final:
        async with services.ledger.write() as work:
            forgotten = await work.facts.forget_block(chain, number)
        if forgotten:
            log.warning(
                "%s: block %d was remembered by a wrong hash and is forgotten", reader.spec.name, number
            )
            return False
    fork = await _fork(reader, remembered, final)
    if fork is None:
        return False
    async with services.ledger.write() as work:
        await roll_back(work, reader, fork, services.clock.now())
    return True


async def _fork(reader: ChainReader, remembered: Sequence[BlockRef], final: int) -> int | None:
    """The highest remembered block that is still on the chain; None when the highest of all is.

    Where none is, nobody knows how far below the lowest the abandoned branch began, and what was covered there without
    a fact is not remembered: all of it goes back to what was final, which the ledger agreed with. A block that the node does not have counts as gone only when a block at its height or above is known to it:
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
    if not remembered or missing_above:
        return None
    below = remembered[-1].number - 1
    return below if len(remembered) == REMEMBERED else min(below, final)
