"""A worker that is cancelled or killed anywhere leaves the last committed page and nothing else."""

import asyncio
import contextlib
import gc
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.store.ledger import SqlLedger
from indexer.store.reading import STREAM_ROWS
from tests.store.examples import ALICE, World, page, transfer

ROOT = Path(__file__).resolve().parents[2]
SIZE = 300


async def sound(world: World) -> int:
    """Whole pages only, as many as the cursor says; returns how many."""
    facts = await world.transfers()
    cursor = (await world.target()).cursor
    pages = 0 if cursor is None else cursor["page"]
    assert isinstance(pages, int)
    assert [fact.block.number for fact in facts] == list(range(pages * SIZE))
    return pages


@pytest.mark.parametrize("after", [0.0, 0.002, 0.01, 0.03, 0.06, 0.1])
async def test_a_cancelled_writer_leaves_whole_pages(ledger: SqlLedger, after: float) -> None:
    world = World(ledger)
    await world.watch()
    await world.claim()

    async def write(number: int) -> None:
        while True:
            facts = [transfer(n) for n in range(number * SIZE, (number + 1) * SIZE)]
            await world.collect(page(facts, cursor={"page": number + 1}))
            number += 1

    for _ in range(3):
        task = asyncio.create_task(write(await sound(world)))
        await asyncio.sleep(after)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await sound(world)
    before = await sound(world)
    facts = [transfer(n) for n in range(before * SIZE, (before + 1) * SIZE)]
    await world.collect(page(facts, cursor={"page": before + 1}))
    assert await sound(world) == before + 1


async def test_a_cancelled_reader_leaves_no_connection_and_no_cursor_behind(ledger: SqlLedger) -> None:
    """What is left behind complains when it is collected, and warnings are errors here."""
    world = World(ledger)
    await world.watch()
    await world.claim()
    size = STREAM_ROWS + SIZE
    await world.collect(page([transfer(n) for n in range(size)], cursor={"page": 1}))
    cancelled = 0
    for after in range(16):
        task = asyncio.create_task(world.transfers())
        await asyncio.sleep(after / 300)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
        del task
        gc.collect()
    assert cancelled
    assert len(await world.transfers()) == size


KILLED = """
import asyncio, sys
from indexer.store.open import open_ledger
from tests.store.examples import World, page, transfer
from tests.store.test_cancelling import SIZE

async def main(url):
    world = World(await open_ledger(url))
    await world.claim()
    for number in range(10_000):
        facts = [transfer(n) for n in range(number * SIZE, (number + 1) * SIZE)]
        await world.collect(page(facts, cursor={"page": number + 1}))
        print(number, flush=True)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("pages", [1, 4])
async def test_a_killed_process_leaves_whole_pages(ledger: SqlLedger, database_url: str, pages: int) -> None:
    world = World(ledger)
    await world.watch(ALICE)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, database_url, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(pages):
        assert await process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    while await process.stdout.read(1000):
        pass
    await asyncio.sleep(0.2)  # PostgreSQL may still be ending the dead client's transaction
    assert await sound(world) >= pages
