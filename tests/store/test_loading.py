"""An empty ledger is filled without its indexes; it is the same ledger as one that was filled with them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, Index, inspect, select

from indexer.model.errors import StorageError
from indexer.model.facts import GapCode, TransferKind
from indexer.model.stored import Applied
from indexer.store.assets import put_assets
from indexer.store.ledger import SqlLedger
from indexer.store.loading import leave_out, put_back
from indexer.store.open import open_ledger
from indexer.store.tables import transfer as table
from indexer.store.transaction import Transaction
from tests.store.examples import ALICE, BOB, World, page, transfer
from tests.store.test_sweeps import claim, sweep, write

LISTS = {"transfer_sent", "transfer_received"}
ALL = LISTS | {"transfer_block", "transfer_key"}


@pytest.fixture
def postgresql_url(new_database: Callable[[str], str]) -> str:
    return new_database("postgresql")


async def indexes(ledger: SqlLedger) -> set[str | None]:
    def names(connection: Connection) -> set[str | None]:
        return {index["name"] for index in inspect(connection).get_indexes("transfer")}

    async with ledger.reading() as transaction:
        return await transaction.connection.run_sync(names)


async def test_an_empty_ledger_is_filled_without_and_has_them_behind(ledger: SqlLedger) -> None:
    world = World(ledger)
    epochs = await claim(world, ALICE, BOB)
    facts = [transfer(n, sender=ALICE, recipient=BOB) for n in range(200)]
    async with ledger.loading():
        assert await indexes(ledger) == {"transfer_block"}
        applied = await write(world, sweep(facts), epochs)
        assert applied.new == len(facts)
    assert await indexes(ledger) == ALL
    assert len(await world.transfers()) == len(facts)


async def test_they_come_back_when_the_load_fails(ledger: SqlLedger) -> None:
    with suppress(ZeroDivisionError):
        async with ledger.loading():
            raise ZeroDivisionError
    assert await indexes(ledger) == ALL


async def test_several_that_load_at_once_do_not_meet(ledger: SqlLedger) -> None:
    async def load() -> None:
        async with ledger.loading():
            await asyncio.sleep(0)

    await asyncio.gather(*(load() for _ in range(8)))
    assert await indexes(ledger) == ALL


def _replace_all(patched: pytest.MonkeyPatch, functions: dict[str, object]) -> None:
    for name, function in functions.items():
        patched.setattr(f"indexer.store.ledger.{name}", function)


async def test_a_load_that_could_not_build_them_is_made_good_by_the_next(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_transaction: object) -> None:
        raise StorageError("the table is locked")

    async def idle(_transaction: object, _index: object) -> None:
        return

    with monkeypatch.context() as patched, pytest.raises(StorageError):
        async with ledger.loading():
            _replace_all(patched, {"put_back": busy, "build": idle})
    assert await indexes(ledger) == {"transfer_block"}
    world = World(ledger)
    await world.watch()
    await world.claim()
    await world.collect(page([transfer(1)]))
    async with ledger.loading():
        pass
    assert await indexes(ledger) == ALL


async def test_what_could_not_be_built_beside_the_others_is_built_behind_them(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost connection ends the other builds, too; none of them goes on behind."""
    building = 0

    async def lost(transaction: Transaction, index: Index) -> None:
        nonlocal building
        building += 1
        try:
            await asyncio.sleep(0 if index.unique else 60)
        finally:
            building -= 1
        raise StorageError("the connection was lost")

    ledger = await open_ledger(postgresql_url)
    monkeypatch.setattr("indexer.store.ledger.build", lost)
    try:
        async with ledger.loading():
            assert await indexes(ledger) == {"transfer_block"}
        assert building == 0
        assert await indexes(ledger) == ALL
    finally:
        await ledger.close()


async def test_a_ledger_that_holds_something_keeps_them(ledger: SqlLedger) -> None:
    world = World(ledger)
    await world.watch()
    await world.claim()
    await world.collect(page([transfer(1)]))
    async with ledger.loading():
        assert await indexes(ledger) == ALL


async def test_whoever_opens_the_ledger_puts_back_what_a_killed_process_left_out(database_url: str) -> None:
    killed = await open_ledger(database_url)
    async with killed.writing() as transaction:
        assert await leave_out(transaction)
    assert await indexes(killed) == {"transfer_block"}
    await killed.close()
    opened = await open_ledger(database_url)
    assert await indexes(opened) == ALL
    await opened.close()


async def test_a_reader_is_not_waited_for(postgresql_url: str) -> None:
    ledger = await open_ledger(postgresql_url)
    try:
        async with ledger.reading() as transaction:
            await transaction.rows(select(table.c.tx))
            async with ledger.loading():
                assert await indexes(ledger) == ALL
    finally:
        await ledger.close()


@pytest.mark.parametrize("again", [0, 1, 150])
async def test_a_sweep_that_was_told_before_is_known(ledger: SqlLedger, again: int) -> None:
    world = World(ledger)
    epochs = await claim(world, ALICE, BOB)
    facts = [transfer(n, sender=ALICE, recipient=BOB) for n in range(300)]
    if again:
        await write(world, sweep(facts[:again]), epochs)
    applied = await write(world, sweep(facts), epochs)
    assert applied.new == len(facts) - again
    assert len(await world.transfers()) == len(facts)


async def test_what_a_load_tells_twice_is_there_once(ledger: SqlLedger) -> None:
    """As without a load: the first telling stays, and one that contradicts it is a gap."""
    world = World(ledger)
    epochs = await claim(world, ALICE, BOB)
    facts = [transfer(n, sender=ALICE, recipient=BOB) for n in range(1, 6)]
    other = transfer(9, tx=facts[0].tx, sender=ALICE, recipient=BOB)
    unsure = transfer(7, position="gas", sender=ALICE, kind=TransferKind.GAS, execution_fee=5, amount=5)
    sure = unsure._replace(amount=8, l1_fee=3)
    async with ledger.loading():
        await write(world, sweep([*facts, unsure]), epochs)
        await write(world, sweep([facts[1], other, sure]), epochs)
        assert "transfer_key" not in await indexes(ledger)
    assert await indexes(ledger) == ALL
    assert await world.transfers() == [*facts, sure]
    async with ledger.read() as work:
        gaps = await work.facts.gaps([ALICE, BOB])
    assert [(gap.address, gap.code, gap.subject) for gap in gaps] == [
        (address, GapCode.SOURCE_CONFLICT, other.tx) for address in (ALICE, BOB)
    ]


async def test_another_task_builds_the_key_before_it_writes(ledger: SqlLedger) -> None:
    world = World(ledger)
    epochs = await claim(world, ALICE, BOB)
    facts = [transfer(n, sender=ALICE, recipient=BOB) for n in range(200)]
    async with ledger.loading():
        await write(world, sweep(facts[:150]), epochs)
        other = write(world, sweep(facts[100:]), epochs)
        applied = await asyncio.create_task(other, context=Context())  # nothing that the load has started
        assert applied.new == 50
        assert await indexes(ledger) == {"transfer_block", "transfer_key"}
        assert (await write(world, sweep(facts), epochs)).new == 0
    assert await world.transfers() == facts


async def test_a_task_that_the_load_starts_is_part_of_it(ledger: SqlLedger) -> None:
    world = World(ledger)
    epochs = await claim(world, ALICE, BOB)
    facts = [transfer(n, sender=ALICE, recipient=BOB) for n in range(200)]
    async with ledger.loading():
        await asyncio.create_task(write(world, sweep(facts[:100]), epochs))
        await write(world, sweep(facts[100:]), epochs)
        assert await indexes(ledger) == {"transfer_block"}
    late = asyncio.create_task(write(world, sweep(facts), epochs))
    assert (await late).new == 0
    assert await world.transfers() == facts
    assert await indexes(ledger) == ALL


async def test_so_does_another_process(ledger: SqlLedger, database_url: str) -> None:
    world = World(ledger)
    epochs = await claim(world, ALICE, BOB)
    facts = [transfer(n, sender=ALICE, recipient=BOB) for n in range(20)]
    async with ledger.loading():
        await write(world, sweep(facts), epochs)
        other = await open_ledger(database_url)
        try:
            async with other.loading():
                assert (await write(World(other), sweep(facts), epochs)).new == 0
        finally:
            await other.close()
    assert await world.transfers() == facts


async def test_a_load_that_another_one_joins_ends_as_one(postgresql_url: str) -> None:
    """The key may come between the look for it and the copy."""
    ledger = await open_ledger(postgresql_url)
    world = World(ledger)
    epochs = await claim(world, ALICE, BOB)
    facts = [transfer(n, sender=ALICE, recipient=BOB) for n in range(20)]
    try:
        async with ledger.loading():
            await write(world, sweep(facts), epochs)

            async def too_late(transaction: Transaction, *, unheard: bool) -> bool:
                async with ledger.writing() as between:
                    await put_back(between)
                return unheard and transaction.loads

            with patch("indexer.store.apply.may_append", too_late):
                assert (await write(world, sweep(facts), epochs)).new == 0
        assert await world.transfers() == facts
    finally:
        await ledger.close()


async def test_a_load_and_who_builds_the_key_do_not_wait_for_each_other(
    postgresql_url: str,
) -> None:
    """Both write the same block: one of them had its row and wanted the table, the other one the reverse."""
    ledger = await open_ledger(postgresql_url)
    world = World(ledger)
    epochs = await claim(world, ALICE, BOB)
    facts = [transfer(n, sender=ALICE, recipient=BOB) for n in range(20)]
    has_rows = asyncio.Event()

    async def slowly(transaction: Transaction, *told: Any) -> bool:
        has_rows.set()
        if transaction.loads:
            await asyncio.sleep(0.2)  # the other one gets as far as it can
        return await put_assets(transaction, *told)

    async def other() -> Applied:
        await has_rows.wait()
        return await write(world, sweep(facts), epochs)

    try:
        async with ledger.loading():
            with patch("indexer.store.apply.put_assets", slowly):
                joins = asyncio.create_task(other(), context=Context())
                first = await write(world, sweep(facts[:10]), {ALICE: epochs[ALICE]})
                assert (first.new, (await joins).new) == (10, 10)
        assert await world.transfers() == facts
    finally:
        await ledger.close()
