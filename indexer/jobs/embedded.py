"""The queue of one process: an asyncio TaskGroup runs whatever the tables say is due."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import NamedTuple

from indexer.jobs.queue import Handlers
from indexer.model.errors import StorageError
from indexer.model.ledger import Ledger, UnitOfWork
from indexer.model.ports import Clock
from indexer.model.stored import EVERYONE, FOLLOW, TargetKey

log = logging.getLogger(__name__)

LONGEST_NAP = timedelta(seconds=5)
"""Another process may register a wallet in the same database: look at least this often."""

REFRESH_EVERY = timedelta(seconds=10)
"""While wallets are still being collected, a book is derived no more often than this."""

REST_AFTER_BUG = timedelta(seconds=30)
"""A job that fails in a way nobody foresaw would fail again at once."""


SIDE_BY_SIDE = 2
"""Sweeps of one chain and source at a time: a wallet that comes while one is under way does not wait for its end."""


class Cohort(NamedTuple):
    """A sweep that is running or to be run: the `place`-th of its chain and source."""

    chain: str
    source: str
    place: int


Job = TargetKey | Cohort | str
"""A target, a sweep, or the portfolio whose book is derived."""


class EmbeddedQueue:
    """Level-triggered work in one event loop, at most `concurrency` targets at a time.

    A slow chain holds up nobody: targets start as soon as they are due and a place is free.
    """

    def __init__(self, ledger: Ledger, clock: Clock, handlers: Handlers, concurrency: int) -> None:
        self._ledger = ledger
        self._clock = clock
        self._handlers = handlers
        self._concurrency = concurrency
        self._awake = asyncio.Event()
        self._running: set[Job] = set()
        self._refreshed: dict[str, datetime] = {}
        self._resting: dict[Job, datetime] = {}
        self._failure: StorageError | None = None

    def wake(self) -> None:
        """Look again now."""
        self._awake.set()

    async def drain(self) -> int:
        """Run until nothing is due; returns how many jobs ran.

        Raises:
            StorageError: the database cannot be used.
        """
        jobs = 0
        async with asyncio.TaskGroup() as group:
            while True:
                self._awake.clear()
                started = await self._start_due(group)
                jobs += started
                if self._failure is not None:
                    break
                if self._running:
                    await self._awake.wait()
                elif not started:
                    break
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return jobs

    async def run(self) -> None:
        """Run for ever. A database that cannot be used is reported and tried again; waiting loses nothing."""
        async with asyncio.TaskGroup() as group:
            for listen in self._handlers.listeners:
                group.create_task(self._listen(listen))
            while True:
                self._awake.clear()
                nap = LONGEST_NAP
                try:
                    if not await self._start_due(group):
                        nap = await self._until_due()
                except StorageError as error:
                    self._failure = error
                if self._failure is not None:
                    log.error("%s Trying again in %s.", self._failure, LONGEST_NAP)
                    self._failure, nap = None, LONGEST_NAP
                try:
                    await asyncio.wait_for(self._awake.wait(), nap.total_seconds())
                except TimeoutError:
                    continue

    async def _listen(self, listen: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        """Keep a listener up; without it the work comes when it is due."""
        while True:
            try:
                return await listen(self.wake)
            except StorageError as error:
                log.warning("%s A listener goes on in %s.", error, REST_AFTER_BUG)
            except Exception:
                log.exception("a listener failed unexpectedly; it goes on in %s", REST_AFTER_BUG)
            await asyncio.sleep(REST_AFTER_BUG.total_seconds())

    async def _start_due(self, group: asyncio.TaskGroup) -> int:
        """Start what is due as far as there is room; derived books wait until their facts have settled."""
        now = self._clock.now()
        async with self._ledger.read() as work:
            jobs = await self._due(work, now)
            stale = await work.books.stale()
        collecting = any(not isinstance(job, str) for job in self._running)
        started = 0
        for job in jobs:
            if len(self._running) < self._concurrency and self._may_start(job, now):
                self._start(group, job, self._handled(job))
                started += 1
        for portfolio in stale:
            settled = not collecting and not started
            waited = now - self._refreshed.get(portfolio, now - REFRESH_EVERY) >= REFRESH_EVERY
            if self._may_start(portfolio, now) and (settled or (waited and portfolio in self._refreshed)):
                self._refreshed[portfolio] = now
                self._start(group, portfolio, self._handled(portfolio))
                started += 1
        return started

    async def _due(self, work: UnitOfWork, now: datetime) -> list[Job]:
        """What is due as jobs: heads to follow, sweeps for many targets, and single targets, each kind in turn."""
        together: list[Job] = []
        single: list[tuple[TargetKey, ...]] = []
        for due in await work.targets.due_work(now):
            if due.source == FOLLOW:
                together.insert(0, TargetKey(EVERYONE, due.chain, FOLLOW))
            elif due.source in self._handlers.swept(due.chain):
                places = (Cohort(due.chain, due.source, place) for place in range(SIDE_BY_SIDE))
                together += [job for job in places if job not in self._running][:1]
            else:
                single.append(await work.targets.due_of(due.chain, due.source, now, self._concurrency))
        in_turn = (key for row in zip_longest(*single) for key in row if key is not None)
        return [*together, *in_turn]

    def _may_start(self, job: Job, now: datetime) -> bool:
        return job not in self._running and self._resting.get(job, now) <= now

    def _handled(self, job: Job) -> Awaitable[object]:
        if isinstance(job, Cohort):
            return self._handlers.sweep(job.chain, job.source)
        if isinstance(job, TargetKey):
            return self._handlers.follow(job.chain) if job.source == FOLLOW else self._handlers.collect(job)
        return self._handlers.refresh(job)

    def _start(self, group: asyncio.TaskGroup, job: Job, work: Awaitable[object]) -> None:
        self._running.add(job)
        group.create_task(self._run(job, work))

    async def _run(self, job: Job, work: Awaitable[object]) -> None:
        try:
            await work
        except StorageError as error:
            self._failure = error
        except Exception:  # one job's bug must not stop the others
            log.exception("job %s failed unexpectedly; it is tried again in %s", job, REST_AFTER_BUG)
            self._resting[job] = self._clock.now() + REST_AFTER_BUG
        finally:
            self._running.discard(job)
            self._awake.set()

    async def _until_due(self) -> timedelta:
        async with self._ledger.read() as work:
            due = await work.targets.next_due()
        if due is None:
            return LONGEST_NAP
        return max(timedelta(milliseconds=50), min(LONGEST_NAP, due - self._clock.now()))
