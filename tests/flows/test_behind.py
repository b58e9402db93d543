"""What is written beside reading: one at a time, in order, and no error is lost."""

import asyncio

import pytest

from indexer.flows.behind import WriteBehind


class Journal:
    """Writes that take their time."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.done: list[int] = []

    async def write(self, number: int, seconds: float = 0.01) -> None:
        self.begun.append(number)
        await asyncio.sleep(seconds)
        self.done.append(number)

    async def refuse(self) -> None:
        raise ValueError("the disk is full")


async def test_one_write_runs_beside_its_starter_and_the_next_waits() -> None:
    journal = Journal()
    async with WriteBehind() as behind:
        for number in range(3):
            await behind.settled()
            assert journal.done == list(range(number))
            behind.start(journal.write(number))
            await asyncio.sleep(0)
            assert journal.begun == list(range(number + 1))
    assert journal.done == [0, 1, 2]


async def test_an_error_comes_out_before_the_next_write() -> None:
    async with WriteBehind() as behind:
        behind.start(Journal().refuse())
        with pytest.raises(ValueError, match="disk"):
            await behind.settled()
        await behind.settled()  # told once


async def test_an_error_of_the_last_write_comes_out_at_the_end() -> None:
    with pytest.raises(ValueError, match="disk"):
        async with WriteBehind() as behind:
            behind.start(Journal().refuse())


async def test_what_was_read_before_reading_failed_is_written() -> None:
    journal = Journal()

    async def work() -> None:
        async with WriteBehind() as behind:
            behind.start(journal.write(1))
            raise KeyError

    with pytest.raises(KeyError):
        await work()
    assert journal.done == [1]


async def test_whoever_is_cancelled_takes_the_write_along() -> None:
    journal = Journal()

    async def work() -> None:
        async with WriteBehind() as behind:
            behind.start(journal.write(1, seconds=60))
            await asyncio.sleep(60)

    for delay in (0.0, 0.01):
        task = asyncio.create_task(work())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert journal.done == []
    assert len(asyncio.all_tasks()) == 1
