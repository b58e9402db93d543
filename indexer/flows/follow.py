"""Follow a chain's head for everyone: whole blocks, matched against the set of all watched addresses.

What a block costs does not depend on how many wallets are watched. Wallets that came later read their history by
themselves up to their seam, behind which they are members here.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

from indexer.flows.cohort import check_sweep
from indexer.flows.failing import record_failure
from indexer.flows.progress import OnProgress, Progress, ignore_progress
from indexer.flows.reorg import agree_on_final, find_fork, roll_back
from indexer.flows.services import Services
from indexer.model.errors import FencedError, GleanerError, StorageError
from indexer.model.facts import BlockRef, Sweep
from indexer.model.ledger import UnitOfWork
from indexer.model.ports import ChainReader
from indexer.model.stored import EVERYONE, FOLLOW, PROVE, SyncTarget, TargetKey

log = logging.getLogger(__name__)

FAR_BLOCKS = 5_000
"""A follower that is further behind lets the wallets read the blocks between by themselves, which is less work."""
MENDED_AT_ONCE = 1_000
"""So many blocks of a new branch take the old one's place in one commit; of a longer one the rest follows."""


class _JoinedError(Exception):
    """Someone joined since the members were read: the blocks have to be matched again."""


@dataclass(frozen=True, slots=True)
class _Members:
    """The addresses that are followed, as of a version."""

    version: int = -1
    addresses: frozenset[str] = frozenset()


async def _unchanged(work: UnitOfWork, chain: str, members: _Members) -> None:
    if await work.targets.members_version(chain) != members.version:
        raise _JoinedError


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows chains for one worker. `lease` is how long a commit may take before others may take over."""

    services: Services
    lease: timedelta
    on_progress: OnProgress = ignore_progress
    known: dict[str, _Members] = field(default_factory=dict)

    async def follow(self, chain: str) -> bool:
        """Bring the chain's follower up to the head. False when another worker has it or took it over.

        Errors of the other side never escape: they are recorded on the target, which falls due again with back-off.

        Raises:
            StorageError: the database cannot be used; nothing was half written.
        """
        services, key = self.services, TargetKey(EVERYONE, chain, FOLLOW)
        now = services.clock.now()
        async with services.ledger.write() as work:
            target = await work.targets.claim(key, now, now + self.lease)
        if target is None:
            return False
        reader = services.readers[chain]
        try:
            await self._run(reader, target)
        except FencedError:
            log.info("the follower of %s was taken over by another worker", chain)
            return False
        except StorageError:
            raise
        except GleanerError as error:
            await record_failure(services, target, error)
        return True

    async def listen(self, chain: str, ring: Callable[[], None]) -> None:
        """Make the follower due whenever a new head is announced; ends where none ever is."""
        services = self.services
        async with aclosing(services.readers[chain].heads()) as heads:
            async for _ in heads:
                async with services.ledger.write() as work:
                    followed = await work.targets.poke(chain, EVERYONE, services.clock.now(), FOLLOW)
                if followed:
                    ring()

    async def _run(self, reader: ChainReader, target: SyncTarget) -> None:
        services = self.services
        final = await reader.finalized()
        head = await reader.head()
        fork = await find_fork(services, reader, target.covered_to)
        covered = target.covered_to if fork is None else min(fork, target.covered_to)
        if covered < reader.spec.start_block or head.number - covered > FAR_BLOCKS:
            await self._stand(reader, target, head, fork)
        else:
            await self._catch_up(reader, target, covered, head, fork)
        await agree_on_final(services, reader, final)
        now = services.clock.now()
        async with services.ledger.write() as work:
            await work.targets.finish(target.key, target.epoch, now, now + reader.spec.poll)

    async def _catch_up(
        self, reader: ChainReader, target: SyncTarget, covered: int, head: BlockRef, fork: int | None
    ) -> None:
        """Read behind `covered`; blocks that an abandoned branch held are replaced in the commit that drops them."""
        while covered < head.number or fork is not None:
            last = head.number if fork is None else min(head.number, covered + MENDED_AT_ONCE)
            members = await self._members(target.key.chain)
            async with aclosing(reader.follow(members.addresses, covered + 1, last, head)) as sweeps:
                if fork is not None:
                    fresh = [sweep async for sweep in sweeps]
                    if await self._commit(reader, target, fresh, members, fork):
                        covered, fork = last, None
                    continue
                async for sweep in sweeps:
                    if not await self._commit(reader, target, [sweep], members):
                        break
                    covered = last if sweep.covered_to is None else sweep.covered_to

    async def _commit(
        self,
        reader: ChainReader,
        target: SyncTarget,
        sweeps: Sequence[Sweep],
        members: _Members,
        fork: int | None = None,
    ) -> bool:
        """Write sweeps in one transaction, behind taking back what lay above a fork.

        False, and nothing is written, when somebody joined since the members were read: the blocks have to be
        matched again.
        """
        services, key = self.services, target.key
        for sweep in sweeps:
            check_sweep(sweep, members.addresses, sweep.target)
        now = services.clock.now()
        new = 0
        try:
            async with services.ledger.write() as work:
                if fork is not None:
                    await roll_back(work, reader, fork, now, keep=(key, target.epoch))
                for sweep in sweeps:
                    applied = await work.facts.apply_sweep(sweep, {EVERYONE: target.epoch}, now + self.lease)
                    touched = applied.parties & members.addresses
                    await work.targets.poke_many(key.chain, touched, {PROVE}, now)
                    new += applied.new
                # behind the write, which holds the follower's row: who joins now waits, and finds these blocks covered
                await _unchanged(work, key.chain, members)
        except _JoinedError:
            return False
        for sweep in sweeps[-1:]:
            self.on_progress(Progress(key, sweep.target, sweep.target, new))
        return True

    async def _members(self, chain: str) -> _Members:
        """The members as they are now; read anew only when one joined or left."""
        async with self.services.ledger.read() as work:
            version = await work.targets.members_version(chain)
            known = self.known.get(chain)
            if known is None or known.version != version:
                known = _Members(*await work.targets.members(chain))
                self.known[chain] = known
        return known

    async def _stand(self, reader: ChainReader, target: SyncTarget, head: BlockRef, fork: int | None) -> None:
        """Go on at the head without having read up to it: the wallets read what lies below, all in one sweep.

        Whoever is claimed from now on gets a seam behind it; all lower seams move there. The head is remembered as
        the newest block, and by the newest one a fork is noticed: one that lies below would be so no more, so it is
        dealt with in the same commit.
        """
        chain = target.key.chain
        now = self.services.clock.now()
        sweep = Sweep(chain, FOLLOW, head.number, (), anchors=(head,), target=head.number)
        async with self.services.ledger.write() as work:
            if fork is not None:
                await roll_back(work, reader, fork, now, keep=(target.key, target.epoch))
            moved = await work.targets.reseat(chain, head.number + 1, now)
            await work.facts.apply_sweep(sweep, {EVERYONE: target.epoch}, now + self.lease)
        if moved:
            log.warning(
                "the follower of %s was %d blocks behind: %d targets read them by themselves",
                chain, head.number - target.covered_to, moved,
            )  # fmt: skip
