"""The work table: who claims a target rules, and nobody else writes for it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from indexer.model.errors import FencedError
from indexer.model.ledger import UnitOfWork
from indexer.model.stored import SyncState, SyncTarget, TargetKey
from indexer.store.ledger import SqlLedger
from tests.store.examples import ALICE, BOB, CHAIN, LEASE, NOW, World, page, transfer

KEY = TargetKey(ALICE, CHAIN, "node")
SECOND = timedelta(seconds=1)


async def test_a_new_target_is_due_and_pending(world: World) -> None:
    await world.watch()
    async with world.ledger.read() as work:
        assert await work.targets.due_of(CHAIN, "node", NOW, 10) == (KEY,)
        assert await work.targets.due_of(CHAIN, "node", NOW - SECOND, 10) == ()
        assert await work.targets.next_due() == NOW
    target = await world.target()
    assert (target.state, target.epoch, target.covered_to, target.cursor) == (SyncState.PENDING, 0, -1, None)


async def test_ensuring_again_changes_nothing(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(3)]))
    before = await world.target()
    async with world.ledger.write() as work:
        await work.targets.ensure([KEY, KEY], NOW + LEASE)
    assert await world.target() == before


async def test_a_claim_raises_the_epoch_and_excludes_others(world: World) -> None:
    await world.watch()
    target = await world.claim()
    assert (target.epoch, target.state, target.leased_until) == (1, SyncState.SYNCING, NOW + LEASE)
    async with world.ledger.write() as work:
        assert await work.targets.claim(KEY, NOW + SECOND, NOW + LEASE) is None
        assert await work.targets.due_of(CHAIN, "node", NOW + SECOND, 10) == ()
        assert await work.targets.next_due() == NOW + LEASE
        again = await work.targets.claim(KEY, NOW + LEASE, NOW + 2 * LEASE)
    assert again is not None
    assert again.epoch == 2


async def test_a_target_that_is_not_due_or_gone_is_not_claimed(world: World) -> None:
    await world.watch()
    async with world.ledger.write() as work:
        assert await work.targets.claim(KEY, NOW - SECOND, NOW) is None
        assert await work.targets.claim(TargetKey(BOB, CHAIN, "node"), NOW, NOW + LEASE) is None


async def test_everything_an_old_epoch_writes_is_refused(world: World) -> None:
    await world.watch()
    old = await world.claim()
    world.now = NOW + 2 * LEASE
    new = await world.claim()
    attempts: tuple[Callable[[UnitOfWork], Awaitable[object]], ...] = (
        lambda work: work.facts.apply(page([transfer(1)]), old.epoch),
        lambda work: work.targets.renew(KEY, old.epoch, NOW + LEASE),
        lambda work: work.targets.finish(KEY, old.epoch, NOW, NOW + LEASE),
        lambda work: work.targets.fail(KEY, old.epoch, "too late", NOW),
    )
    for attempt in attempts:
        with pytest.raises(FencedError):
            async with world.ledger.write() as work:
                await attempt(work)
    assert await world.target() == new
    assert await world.transfers() == []


async def test_a_finished_target_sleeps_until_it_is_due(world: World) -> None:
    await world.watch()
    target = await world.claim()
    async with world.ledger.write() as work:
        await work.targets.fail(KEY, target.epoch, "the node is down\0", NOW + SECOND)
    failed = await world.target()
    assert (failed.state, failed.failures, failed.error) == (SyncState.ERROR, 1, "the node is down\ufffd")
    world.now = NOW + SECOND
    target = await world.claim()
    async with world.ledger.write() as work:
        await work.targets.renew(KEY, target.epoch, NOW + 5 * LEASE)
        await work.targets.finish(KEY, target.epoch, NOW, NOW + LEASE)
    done = await world.target()
    assert (done.state, done.failures, done.error, done.leased_until) == (SyncState.SYNCED, 0, None, None)
    assert (done.synced_at, done.next_due_at) == (NOW, NOW + LEASE)
    async with world.ledger.read() as work:
        assert await work.targets.due_of(CHAIN, "node", NOW + LEASE - SECOND, 10) == ()
        assert await work.targets.due_of(CHAIN, "node", NOW + LEASE, 10) == (KEY,)


async def test_poking_makes_matching_targets_due(world: World) -> None:
    await world.watch(ALICE, CHAIN, "eip155:10")
    await world.watch(BOB)
    for address, chain in ((ALICE, CHAIN), (ALICE, "eip155:10"), (BOB, CHAIN)):
        target = await world.claim(address, chain)
        async with world.ledger.write() as work:
            await work.targets.finish(target.key, target.epoch, NOW, NOW + LEASE)
    async with world.ledger.write() as work:
        assert await work.targets.poke("eip155:56", None, NOW) == 0
        assert await work.targets.poke(CHAIN, ALICE, NOW) == 1
        assert await work.targets.due_of(CHAIN, "node", NOW, 10) == (KEY,)
        assert await work.targets.poke(CHAIN, None, NOW) == 2
        assert await work.targets.poke(None, None, NOW) == 3
        assert {each.chain: each.count for each in await work.targets.due_work(NOW)} == {
            CHAIN: 2,
            "eip155:10": 1,
        }
        assert len(await work.targets.due_of(CHAIN, "node", NOW, 1)) == 1


async def test_the_longest_due_comes_first(world: World) -> None:
    keys = [TargetKey(f"0x{number}", CHAIN, "node") for number in range(5)]
    async with world.ledger.write() as work:
        for number, key in enumerate(reversed(keys)):
            await work.targets.ensure([key], NOW + number * SECOND)
        assert await work.targets.due_of(CHAIN, "node", NOW + LEASE, 10) == tuple(reversed(keys))


async def test_of_many_workers_one_gets_the_target(world: World) -> None:
    await world.watch()

    async def worker() -> SyncTarget | None:
        async with world.ledger.write() as work:
            return await work.targets.claim(KEY, NOW, NOW + LEASE)

    claims = await asyncio.gather(*(worker() for _ in range(20)))
    assert [claim.epoch for claim in claims if claim is not None] == [1]


async def test_no_targets_are_due_in_an_empty_ledger(ledger: SqlLedger) -> None:
    async with ledger.read() as work:
        assert await work.targets.next_due() is None
        assert await work.targets.due_of(CHAIN, "node", NOW, 5) == ()
        assert await work.targets.of([]) == ()
