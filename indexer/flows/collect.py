"""Collect one target: pages of facts, each committed with its cursor under the claimed epoch.

A worker that is killed anywhere leaves the last committed page behind and nothing else; a second worker that
claims the same target raises the epoch, so that whatever the first one still writes is refused.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from indexer.flows.failing import record_failure, refused_gap
from indexer.flows.progress import OnProgress, Progress, ignore_progress
from indexer.flows.reorg import agree_on_final, follow_reorg, mend_overtaken, mend_torn
from indexer.flows.services import Services
from indexer.model.errors import (
    FencedError,
    GleanerError,
    LyingSourceError,
    RefusedError,
    StorageError,
    TornChainError,
)
from indexer.model.facts import BlockRef, FactPage, Gap
from indexer.model.stored import PROVE, SyncTarget, TargetKey

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects targets for one worker. `lease` is how long a page may take before others may take over."""

    services: Services
    lease: timedelta
    on_progress: OnProgress = ignore_progress

    async def collect(self, key: TargetKey) -> bool:
        """Bring one target up to the chain's head. False when another worker has it or took it over.

        Errors of the other side never escape: they are recorded on the target, which falls due again with
        back-off.

        Raises:
            StorageError: the database cannot be used; nothing was half written.
        """
        services = self.services
        now = services.clock.now()
        async with services.ledger.write() as work:
            target = await work.targets.claim(key, now, now + self.lease)
        if target is None:
            return False
        try:
            return await self._run(target)
        except FencedError:
            log.info("%s on %s (%s) was taken over by another worker", key.address, key.chain, key.source)
            return False
        except RefusedError as refusal:
            return await _settle_refusal(services, target, refusal)
        except TornChainError as torn:
            reader = services.readers[key.chain]
            await record_failure(services, target, await mend_torn(services, reader, torn))
        except GleanerError as error:
            if isinstance(error, StorageError):
                raise
            await record_failure(services, target, error)
        return True

    async def _run(self, target: SyncTarget) -> bool:
        services, key = self.services, target.key
        reader = services.readers[key.chain]
        final = await reader.finalized()
        head = await reader.head()
        if await follow_reorg(services, reader, [target.covered_to]):
            return False  # the rollback took this claim back too; the target is due again
        found = 0
        async for page in reader.pages(key.address, key.source, target.cursor, head):
            check_page(page, key, head)
            async with services.ledger.write() as work:
                new = await work.facts.apply(page, target.epoch)
                await work.targets.renew(key, target.epoch, services.clock.now() + self.lease)
            found += new
            self.on_progress(Progress(key, page.covered_to, page.target or head.number, new))
        await mend_overtaken(services, reader, head.number)
        await agree_on_final(services, reader, final)
        await _finish(services, target, reader.spec.poll, prove=bool(found) or target.synced_at is None)
        return True


def check_page(page: FactPage, key: TargetKey, head: BlockRef) -> None:
    """Refuse a page that cannot be true, before anything of it reaches the ledger.

    Raises:
        LyingSourceError: naming the transaction at fault.
    """
    if (page.chain, page.address, page.source) != (key.chain, key.address, key.source):
        raise LyingSourceError(f"{key.source} answered for {page.chain} {page.address}")
    if page.covered_to > head.number:
        raise LyingSourceError(
            f"{key.source} claims to cover block {page.covered_to} above the head {head.number}"
        )
    for transfer in page.transfers:
        if transfer.chain != key.chain or key.address not in (transfer.sender, transfer.recipient):
            raise LyingSourceError(f"{key.source} listed {transfer.tx}, which does not touch {key.address}")
        if transfer.amount < 0 or transfer.block.number > head.number:
            raise LyingSourceError(
                f"{key.source} listed {transfer.tx} with amount {transfer.amount} in block {transfer.block.number}"
            )


async def _finish(
    services: Services,
    target: SyncTarget,
    rest: timedelta,
    gaps: Sequence[Gap] = (),
    *,
    prove: bool = False,
) -> None:
    """Release the target until `rest` has passed; with `prove` the wallet's balances are compared next."""
    now = services.clock.now()
    key = target.key
    async with services.ledger.write() as work:
        await work.facts.replace_gaps(key.address, key.chain, f"collect:{key.source}", gaps)
        await work.targets.finish(key, target.epoch, now, now + rest)
        if prove:
            await work.targets.poke(key.chain, key.address, now, PROVE)


async def _settle_refusal(services: Services, target: SyncTarget, refusal: RefusedError) -> bool:
    """A source that will not answer ends its target with a named gap."""
    rest = services.readers[target.key.chain].spec.poll
    try:
        await _finish(services, target, rest, [refused_gap(target, refusal)], prove=True)
    except FencedError:
        return False
    return True
