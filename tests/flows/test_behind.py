"""What is written beside reading: one write at a time, in order, and no error is lost."""

import asyncio
from dataclasses import replace

import pytest

from indexer.flows.behind import A_FACT, WriteBehind
from indexer.model.facts import RawTransaction, Sweep
from tests.store.examples import CHAIN, transfer


def sweep(number: int, facts: int = 1) -> Sweep:
    return Sweep(CHAIN, "logs", number, [transfer(1_000 * number + n) for n in range(facts)], target=9)


class Journal:
    """Writes that take their time: the highest block of each, when it began and when it was done."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.begun: list[int | None] = []
        self.done: list[int | None] = []
        self.written: list[Sweep] = []
        self.free = asyncio.Event()
        self._seconds = seconds

    async def write(self, given: Sweep) -> None:
        self.begun.append(given.covered_to)
        await asyncio.sleep(self._seconds)
        await self.free.wait()
        self.done.append(given.covered_to)
        self.written.append(given)


async def refuse(_sweep: Sweep) -> None:
    raise ValueError("the disk is full")


async def test_what_comes_while_one_is_written_is_written_as_one() -> None:
    journal = Journal()
    async with WriteBehind(journal.write) as behind:
        for number in range(1, 5):
            await behind.put(sweep(number))
            await asyncio.sleep(0)
        assert journal.begun == [1]
        journal.free.set()
    assert journal.done == [1, 4]
    assert [fact for each in journal.written for fact in each.transfers] == [
        fact for number in range(1, 5) for fact in sweep(number).transfers
    ]


async def test_what_comes_while_nothing_is_written_is_written_at_once() -> None:
    journal = Journal(seconds=0)
    journal.free.set()
    async with WriteBehind(journal.write) as behind:
        for number in range(1, 4):
            await behind.put(sweep(number))
            await asyncio.sleep(0.01)
    assert journal.begun == [1, 2, 3]


RAWS = [RawTransaction(CHAIN, "0x1", "0x2", "logs", bytes(8 * A_FACT))]


@pytest.mark.parametrize("much", [sweep(2, facts=9), replace(sweep(2), raws=RAWS)])
async def test_reading_waits_where_too_much_would_wait(monkeypatch: pytest.MonkeyPatch, much: Sweep) -> None:
    monkeypatch.setattr("indexer.flows.behind.MOST", 10)
    journal = Journal()
    async with WriteBehind(journal.write) as behind:
        await behind.put(sweep(1))
        await behind.put(much)
        waiting = asyncio.create_task(behind.put(sweep(3)))
        await asyncio.sleep(0.03)
        assert not waiting.done()
        journal.free.set()
        await waiting
        assert journal.done == [1]
    assert journal.done == [1, 3]


async def test_everything_is_written_before_it_counts_as_settled() -> None:
    journal = Journal()
    journal.free.set()
    async with WriteBehind(journal.write) as behind:
        await behind.put(sweep(1))
        await behind.put(sweep(2))
        await behind.settled()
        assert journal.done == [1, 2]


async def test_nothing_is_written_behind_an_error() -> None:
    written: list[Sweep] = []

    async def write(given: Sweep) -> None:
        await asyncio.sleep(0)
        if not written and given.covered_to == 1:
            raise ValueError("the disk is full")
        written.append(given)

    async with WriteBehind(write) as behind:
        await behind.put(sweep(1))
        await behind.put(sweep(2))
        with pytest.raises(ValueError, match="disk"):
            await behind.settled()
        await behind.settled()  # told once
        with pytest.raises(RuntimeError):
            await behind.put(sweep(3))

    async def two() -> None:
        async with WriteBehind(write) as behind:
            await behind.put(sweep(1))
            await behind.put(sweep(2))

    with pytest.raises(ValueError, match="disk"):
        await two()
    assert written == []


async def test_an_error_of_the_last_write_comes_out_at_the_end() -> None:
    with pytest.raises(ValueError, match="disk"):
        async with WriteBehind(refuse) as behind:
            await behind.put(sweep(1))


async def test_what_was_read_before_reading_failed_is_written() -> None:
    journal = Journal()
    journal.free.set()

    async def work() -> None:
        async with WriteBehind(journal.write) as behind:
            await behind.put(sweep(1))
            await behind.put(sweep(2))
            raise KeyError

    with pytest.raises(KeyError):
        await work()
    assert journal.done == [1, 2]


async def test_whoever_is_cancelled_takes_the_write_along() -> None:
    journal = Journal(seconds=60)

    async def work() -> None:
        async with WriteBehind(journal.write) as behind:
            await behind.put(sweep(1))
            await behind.put(sweep(2))
            await asyncio.sleep(60)

    for delay in (0.0, 0.01):
        task = asyncio.create_task(work())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert journal.done == []
    assert len(asyncio.all_tasks()) == 1
