"""Collect one target: pages of facts, each committed with its cursor under the claimed epoch.

A worker that is killed anywhere leaves the last committed page behind and nothing else; a second worker that
claims the same target raises the epoch, so that whatever the first one still writes is refused.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from indexer.flows.failing import backoff
from indexer.flows.progress import OnProgress, Progress, ignore_progress
from indexer.flows.reorg import agree_on_final, follow_reorg, mend_block
from indexer.flows.services import Services
from indexer.flows.verify import prove_balances
from indexer.model.errors import (
    FencedError,
    GleanerError,
    LyingSourceError,
    RefusedError,
    StorageError,
    TornChainError,
)
from indexer.model.facts import BlockRef, FactPage, Gap, GapCode
from indexer.model.ports import ChainReader
from indexer.model.stored import PROVE, SyncTarget, TargetKey

log = logging.getLogger(__name__)

AUDIT = timedelta(days=1)
"""Balances are compared after every change, and this often without one."""


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
            await self._mend(target, torn)
        except GleanerError as error:
            if isinstance(error, StorageError):
                raise
            await _record_failure(services, target, error)
        return True

    async def _mend(self, target: SyncTarget, torn: TornChainError) -> None:
        """Find out whether the page or the ledger is wrong about a block; the target is tried again either way."""
        outcome: GleanerError = torn
        try:
            await mend_block(self.services, self.services.readers[target.key.chain], torn.block)
        except StorageError:
            raise
        except GleanerError as error:
            outcome = error
        await _record_failure(self.services, target, outcome)

    async def _run(self, target: SyncTarget) -> bool:
        services, key = self.services, target.key
        reader = services.readers[key.chain]
        if key.source == PROVE:
            proven = await prove_balances(services, reader, key.address)
            await _finish(services, target, AUDIT if proven else _poll(reader))
            return True
        final = await reader.finalized()
        head = await reader.head()
        if await follow_reorg(services, reader):
            return False  # the rollback took this claim back too; the target is due again
        found = 0
        async for page in reader.pages(key.address, key.source, target.cursor, head):
            check_page(page, key, head)
            async with services.ledger.write() as work:
                new = await work.facts.apply(page, target.epoch)
                await work.targets.renew(key, target.epoch, services.clock.now() + self.lease)
            found += new
            self.on_progress(Progress(key, page.covered_to, page.target or head.number, new))
        await agree_on_final(services, reader, final)
        await _finish(services, target, _poll(reader), prove=bool(found) or target.synced_at is None)
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


def _poll(reader: ChainReader) -> timedelta:
    return timedelta(seconds=reader.spec.poll_seconds)


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
    """A source that will not answer ends its target with a named gap: waiting would not help."""
    key = target.key
    gap = Gap(
        chain=key.chain,
        address=key.address,
        code=GapCode.SOURCE_UNAVAILABLE,
        source=f"collect:{key.source}",
        subject=key.source,
        detail=str(refusal),
        from_block=target.covered_to + 1,
    )
    try:
        await _finish(services, target, _poll(services.readers[key.chain]), [gap], prove=True)
    except FencedError:
        return False
    return True


async def _record_failure(services: Services, target: SyncTarget, error: GleanerError) -> None:
    """Keep the error for the user and try again later, sooner when the other side said when."""
    key = target.key
    wait = backoff(error, target.failures)
    log.warning("%s on %s (%s): %s; next try in %s", key.address, key.chain, key.source, error, wait)
    try:
        async with services.ledger.write() as work:
            await work.targets.fail(key, target.epoch, str(error), services.clock.now() + wait)
    except FencedError:
        log.info("%s on %s (%s) was taken over by another worker", key.address, key.chain, key.source)
