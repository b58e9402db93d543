"""The embedded queue runs what is due: nobody waits for a slow chain, and one job's bug is its own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from indexer.jobs.embedded import EmbeddedQueue
from indexer.jobs.queue import Handlers
from indexer.model.errors import StorageError
from indexer.model.stored import EVERYONE, FOLLOW, TargetKey, Wallet
from indexer.store.ledger import SqlLedger
from indexer.store.open import open_ledger, upgrade
from indexer.wiring import SystemClock

LEASE = timedelta(minutes=5)
KEYS = [TargetKey(f"0x{number:040x}", "eip155:1", "explorer") for number in range(6)]
SWEPT = [TargetKey(f"0x{number:040x}", "eip155:1", "logs") for number in range(6)]


@pytest.fixture
async def book(tmp_path: Path) -> SqlLedger:
    url = f"sqlite:///{tmp_path}/ledger.db"
    await upgrade(url)
    ledger = await open_ledger(url)
    now = datetime.now(UTC)
    async with ledger.write() as work:
        await work.tenants.ensure_portfolio("default", now)
        for number, key in enumerate(KEYS):
            wallet = Wallet(f"w{number}", "default", key.address, (key.chain,), "", key.address, now)
            await work.wallets.save(wallet)
        await work.targets.ensure(KEYS, now)
    return ledger


class Worker:
    """Claims and finishes as the real flow does; `during` is what happens meanwhile."""

    def __init__(self, ledger: SqlLedger, during: Callable[[TargetKey], Awaitable[None]]) -> None:
        self.ledger = ledger
        self.during = during
        self.done: list[TargetKey] = []
        self.at_once = self.most = 0
        self.refreshed: list[int] = []
        self.swept: list[list[TargetKey]] = []

    async def collect(self, key: TargetKey) -> bool:
        now = datetime.now(UTC)
        async with self.ledger.write() as work:
            target = await work.targets.claim(key, now, now + LEASE)
        assert target is not None, "a target was started twice"
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.during(key)
        finally:
            self.at_once -= 1
        async with self.ledger.write() as work:
            await work.targets.finish(key, target.epoch, now, now + timedelta(days=1))
            await work.books.mark_stale([key.address])
        self.done.append(key)
        return True

    async def sweep(self, chain: str, source: str) -> bool:
        now = datetime.now(UTC)
        async with self.ledger.write() as work:
            claimed = await work.targets.claim_many(chain, source, now, now + LEASE, 4)
        self.swept.append([target.key for target in claimed])
        await asyncio.sleep(0.01)
        async with self.ledger.write() as work:
            epochs = {target.key.address: target.epoch for target in claimed}
            await work.targets.finish_many(chain, source, epochs, now, now + timedelta(days=1))
        return bool(claimed)

    async def follow(self, chain: str) -> bool:
        key = TargetKey(EVERYONE, chain, FOLLOW)
        return await self.collect(key)

    async def refresh(self, _portfolio: str) -> None:
        self.refreshed.append(len(self.done))
        raise StopRefreshingError


class StopRefreshingError(Exception):
    """The book is not under test here; a refresh that fails must neither stop the queue nor keep it busy."""


def queue_of(worker: Worker, concurrency: int = 3) -> EmbeddedQueue:
    handlers = Handlers(
        worker.collect, worker.sweep, worker.follow, worker.refresh, lambda _chain: frozenset({"logs"})
    )
    return EmbeddedQueue(worker.ledger, SystemClock(), handlers, concurrency)


async def finished(queue: EmbeddedQueue, worker: Worker) -> None:
    """Run until nothing is due."""
    await queue.drain()
    await worker.ledger.close()


async def test_everything_due_runs_once_and_never_too_much_at_a_time(book: SqlLedger) -> None:
    async def during(_key: TargetKey) -> None:
        await asyncio.sleep(0.01)

    worker = Worker(book, during)
    await finished(queue_of(worker), worker)
    assert sorted(worker.done, key=lambda key: key.address) == KEYS
    assert worker.most <= 3
    assert worker.refreshed == [len(KEYS)], "the book waits for its facts, and rests after a failure"


async def test_a_slow_target_holds_up_nobody(book: SqlLedger) -> None:
    others_done = asyncio.Event()

    async def during(key: TargetKey) -> None:
        if key == KEYS[0]:
            await others_done.wait()
        elif len(worker.done) == len(KEYS) - 2:
            others_done.set()

    worker = Worker(book, during)
    await finished(queue_of(worker, concurrency=2), worker)
    assert worker.done[-1] == KEYS[0]


async def test_a_bug_in_one_job_does_not_stop_the_others(
    book: SqlLedger, caplog: pytest.LogCaptureFixture
) -> None:
    failed = asyncio.Event()

    async def during(key: TargetKey) -> None:
        if key == KEYS[2] and not failed.is_set():
            failed.set()
            raise ZeroDivisionError

    worker = Worker(book, during)
    await finished(queue_of(worker), worker)
    assert set(worker.done) == set(KEYS) - {KEYS[2]}
    assert "ZeroDivisionError" in caplog.text


async def test_a_database_that_cannot_be_used_ends_a_drain_with_its_own_error(book: SqlLedger) -> None:
    async def during(_key: TargetKey) -> None:
        raise StorageError("the disk is full")

    with pytest.raises(StorageError, match="full"):
        await queue_of(Worker(book, during)).drain()
    await book.close()


async def test_targets_of_a_swept_source_are_taken_together(book: SqlLedger) -> None:
    async def during(_key: TargetKey) -> None:
        await asyncio.sleep(0)

    now = datetime.now(UTC)
    follower = TargetKey(EVERYONE, "eip155:1", FOLLOW)
    async with book.write() as work:
        await work.targets.ensure([*SWEPT, follower], now)
    worker = Worker(book, during)
    await finished(queue_of(worker), worker)
    assert set(worker.done) == {*KEYS, follower}
    taken = [key for keys in worker.swept for key in keys]
    assert sorted(taken, key=lambda key: key.address) == SWEPT, "each once"
    assert len(worker.swept[0]) == 4, "as many as one may take, in one job"
