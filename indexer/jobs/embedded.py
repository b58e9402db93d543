"""The queue of one process: an asyncio TaskGroup runs whatever the tables say is due."""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime, timedelta

from indexer.jobs.queue import Handlers
from indexer.model.errors import StorageError
from indexer.model.ledger import Ledger
from indexer.model.ports import Clock
from indexer.model.stored import TargetKey

log = logging.getLogger(__name__)

LONGEST_NAP = timedelta(seconds=5)
"""Another process may register a wallet in the same database: look at least this often."""

REFRESH_EVERY = timedelta(seconds=10)
"""While wallets are still being collected, a book is derived no more often than this."""

REST_AFTER_BUG = timedelta(seconds=30)
"""A job that fails in a way nobody foresaw would fail again at once."""


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
        self._running: set[TargetKey | str] = set()
        self._refreshed: dict[str, datetime] = {}
        self._resting: dict[TargetKey | str, datetime] = {}
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

    async def _start_due(self, group: asyncio.TaskGroup) -> int:
        """Start what is due as far as there is room; derived books wait until their facts have settled."""
        started = 0
        now = self._clock.now()
        async with self._ledger.read() as work:
            due = await work.targets.due(now, self._concurrency)
            stale = await work.books.stale()
        collecting = any(isinstance(job, TargetKey) for job in self._running)
        for key in due:
            if (
                self._resting.get(key, now) <= now
                and key not in self._running
                and len(self._running) < self._concurrency
            ):
                self._start(group, key, self._handlers.collect(key))
                started += 1
        for portfolio in stale:
            settled = not collecting and not started
            waited = now - self._refreshed.get(portfolio, now - REFRESH_EVERY) >= REFRESH_EVERY
            if portfolio in self._running or self._resting.get(portfolio, now) > now:
                continue
            if settled or (waited and portfolio in self._refreshed):
                self._refreshed[portfolio] = now
                self._start(group, portfolio, self._handlers.refresh(portfolio))
                started += 1
        return started

    def _start(self, group: asyncio.TaskGroup, job: TargetKey | str, work: Awaitable[object]) -> None:
        self._running.add(job)
        group.create_task(self._run(job, work))

    async def _run(self, job: TargetKey | str, work: Awaitable[object]) -> None:
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
