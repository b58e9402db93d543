"""Read a stretch of blocks once for every address that has not read it yet: backfill, and polling of a few wallets.

A worker that is killed anywhere leaves the last committed sweep behind and nothing else; whoever claims one of the
targets again raises its epoch, so that what the first one still writes is refused.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from indexer.flows.behind import WriteBehind
from indexer.flows.cohort import MOST, Cohort, by_address, check_sweep, positions
from indexer.flows.progress import OnProgress, ignore_progress
from indexer.flows.reorg import agree_on_final, follow_reorg, mend_overtaken, mend_torn
from indexer.flows.services import Services
from indexer.flows.verify import prove_balances
from indexer.model.errors import FencedError, GleanerError, RefusedError, StorageError, TornChainError
from indexer.model.facts import BlockRef, Sweep
from indexer.model.ports import ChainReader
from indexer.model.stored import (
    DISCOVER,
    EVERYONE,
    FOLLOW,
    LOGS,
    PROVE,
    RECEIPTS,
    SyncTarget,
    TargetKey,
    Undetailed,
)

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Transactions read whole and committed together."""
NEWCOMERS = 500
"""Wallets whose sources are found out at once: making targets holds a lock for each, and PostgreSQL has room for some
thousands."""
LONGEST_LOAD = timedelta(seconds=20)
"""Of a load that takes longer the network is the slow part: lists shall not be, too."""
REDISCOVERY = timedelta(days=1)
SOON = timedelta(seconds=5)
PATIENCE = timedelta(hours=6)
"""How long nobody is asked again for a receipt that nobody served."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps for one worker. `lease` is how long a commit may take before others may take over."""

    services: Services
    lease: timedelta
    on_progress: OnProgress = ignore_progress
    asked_again: dict[str, datetime] = field(default_factory=dict)
    """When receipts that nobody served were last asked for, by chain."""

    async def sweep(self, chain: str, source: str) -> bool:
        """Bring all free targets of a chain and source up to the head. False when there were none.

        Errors of the other side never escape: they are recorded on the targets, which fall due again with back-off.

        Raises:
            StorageError: the database cannot be used; nothing was half written.
        """
        services = self.services
        if source == PROVE:
            return await prove_balances(services, chain, self.lease)
        reader = services.readers[chain]
        followed = await followed_sources(reader)
        now = services.clock.now()
        async with services.ledger.write() as work:
            claimed = await work.targets.claim_many(
                chain,
                source,
                now,
                now + self.lease,
                NEWCOMERS if source == DISCOVER else MOST,
                followed=source in followed,
            )
        if not claimed:
            return False
        cohort = Cohort(services, chain, source, by_address(claimed), self.lease, self.on_progress)
        error: GleanerError
        try:
            return await self._run(reader, cohort, followed)
        except StorageError:
            raise
        except FencedError as fenced:
            log.info("%s (%s): %s; the others go on", chain, source, fenced)
            await cohort.release(timedelta(0))
            return False
        except RefusedError as refusal:
            await cohort.finish(reader.spec.poll, refusal)
            return True
        except TornChainError as torn:
            error = await mend_torn(services, reader, torn)
        except GleanerError as failed:
            error = failed
        await cohort.fail(error)
        return True

    async def _run(self, reader: ChainReader, cohort: Cohort, followed: frozenset[str]) -> bool:
        services = self.services
        if cohort.source == DISCOVER:
            await self._discover(reader, cohort, followed)
            return True
        final = await reader.finalized()
        head = await reader.head()
        covered = {target.covered_to for target in cohort.targets.values()}
        if await follow_reorg(services, reader, covered):
            return False  # the rollback took these claims back too; they are due again
        if cohort.source == RECEIPTS:
            await self._detail(reader, cohort)
        else:
            async with AsyncExitStack() as loading:
                await loading.enter_async_context(services.ledger.loading())
                last = await self._read(reader, cohort, head, loading)
            await mend_overtaken(services, reader, last)
        await agree_on_final(services, reader, final)
        await cohort.finish(reader.spec.poll)
        return True

    async def _discover(self, reader: ChainReader, cohort: Cohort, followed: frozenset[str]) -> None:
        """Ask what the chain's endpoints can do today and make a target of every source; follow a busy chain."""
        services, chain = self.services, cohort.chain
        sources = await reader.sources()
        now = services.clock.now()
        async with services.ledger.write() as work:
            watched = await work.wallets.watched(chain)
            there = cohort.targets.keys() & watched  # one that was removed meanwhile must not come back
            keys = [TargetKey(address, chain, source) for address in there for source in (*sources, PROVE)]
            if followed and len(watched) >= reader.spec.follow_from:
                keys.append(TargetKey(EVERYONE, chain, FOLLOW))
            await work.targets.ensure(keys, now)
            await work.targets.finish_many(chain, DISCOVER, cohort.epochs, now, now + REDISCOVERY)

    async def _read(
        self, reader: ChainReader, cohort: Cohort, head: BlockRef, loading: AsyncExitStack
    ) -> int:
        """Read for the addresses that are furthest behind, until they meet the next ones, and on together.

        Returns the last block that was read.
        """
        slow: datetime | None = self.services.clock.now() + LONGEST_LOAD
        at = positions(cohort.targets, reader.spec.start_block)
        goals = {address: _goal(target, head) for address, target in cohort.targets.items()}
        while lagging := {address: place for address, place in at.items() if place <= goals[address]}:
            low = min(lagging.values())
            group = frozenset(address for address, place in lagging.items() if place == low)
            last = min(goals[address] for address in group)
            last = min([last, *(place - 1 for place in lagging.values() if place > low)])
            async with WriteBehind(partial(cohort.apply, addresses=group)) as behind:
                async for sweep in reader.sweep(cohort.source, group, low, last, head):
                    check_sweep(sweep, group, last)
                    if slow is not None and self.services.clock.now() > slow:
                        slow = None
                        await behind.settled()
                        await loading.aclose()
                    await behind.put(sweep)
            at.update(dict.fromkeys(group, last + 1))
        return max(at.values()) - 1

    async def _detail(self, reader: ChainReader, cohort: Cohort) -> None:
        """Read whole the transactions of which only a log is known.

        What is to do stands in the ledger, not in a cursor. An address is done as far as its logs were read before
        the last look; one whose logs are still on their way is let go and comes again.
        """
        services, chain = self.services, cohort.chain
        async with services.ledger.read() as work:
            watched = await work.wallets.watched(chain)
            logs = {
                target.key.address: target
                for target in await work.targets.of(cohort.targets)
                if target.key.chain == chain and target.key.source == LOGS
            }
        goal = max((target.covered_to for target in logs.values()), default=-1)
        now = services.clock.now()
        again = now - self.asked_again.get(chain, now - PATIENCE) >= PATIENCE
        # below that nothing is left to do, but to ask once more for what nobody served
        start = 0 if again else min(target.covered_to for target in cohort.targets.values()) + 1
        async with aclosing(self._whole(reader, watched, start, goal, again=again)) as told:
            async for todo, sweep in told:
                check_sweep(sweep, watched, goal)
                await cohort.apply(sweep, cohort.targets)
                cohort.changed.update(
                    party for each in todo for party in each.parties & cohort.targets.keys()
                )
        if again:
            self.asked_again[chain] = now
        await cohort.release(SOON, [address for address in cohort.targets if not _synced(logs.get(address))])
        for covered, group in _groups(cohort.targets, logs).items():
            await cohort.apply(Sweep(chain, RECEIPTS, covered, (), target=covered), group)

    async def _whole(
        self, reader: ChainReader, watched: frozenset[str], start: int, goal: int, *, again: bool
    ) -> AsyncGenerator[tuple[Sequence[Undetailed], Sweep], None]:
        """Transactions read whole, in the order of their blocks; the next ones are fetched meanwhile."""
        above = (start, "")
        todo: Sequence[Undetailed] = ()
        reading: asyncio.Task[Sweep] | None = None
        try:
            while True:
                following = await self._undetailed(reader.spec.id, above, goal, again=again)
                before, earlier = todo, reading
                todo = following
                if todo:
                    above = (todo[-1].block.number, todo[-1].tx)
                    reading = asyncio.create_task(reader.details(todo, watched, goal))
                if earlier is not None:
                    yield before, await earlier
                if not todo:
                    return
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _undetailed(
        self, chain: str, above: tuple[int, str], goal: int, *, again: bool
    ) -> tuple[Undetailed, ...]:
        async with self.services.ledger.read() as work:
            return await work.facts.undetailed(chain, above, goal, AT_ONCE, poor=again)


async def followed_sources(reader: ChainReader) -> frozenset[str]:
    """What the follower makes needless; nothing while the chain cannot be asked: polling goes on."""
    try:
        return await reader.followed()
    except GleanerError:
        return frozenset()


def _goal(target: SyncTarget, head: BlockRef) -> int:
    """The last block an address is read to: below its seam, where the follower takes over."""
    return head.number if target.seam is None else min(head.number, target.seam - 1)


def _synced(target: SyncTarget | None) -> bool:
    return target is not None and target.synced_at is not None


def _groups(targets: Iterable[str], logs: Mapping[str, SyncTarget]) -> dict[int, list[str]]:
    """Addresses by the block that their logs cover."""
    groups: dict[int, list[str]] = {}
    for address in targets:
        groups.setdefault(logs[address].covered_to, []).append(address)
    return groups
