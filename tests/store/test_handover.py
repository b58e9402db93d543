"""From its seam on the chain's follower reads for an address: claim, hand over, reorg, reseat, leave."""

import asyncio
from datetime import timedelta

import pytest

from indexer.model.errors import FencedError
from indexer.model.facts import Sweep
from indexer.model.stored import EVERYONE, FOLLOW, SyncState, SyncTarget, TargetKey, Work
from tests.store.examples import ALICE, BOB, CAROL, CHAIN, LEASE, NOW, World, block, transfer

FOLLOWER = TargetKey(EVERYONE, CHAIN, FOLLOW)
HOUR = timedelta(hours=1)


async def follow(world: World, covered_to: int, *facts: int) -> int:
    """The follower covers up to a block; returns its epoch."""
    async with world.ledger.write() as work:
        await work.targets.ensure([FOLLOWER], world.now)
        await work.targets.poke(CHAIN, EVERYONE, world.now)
        target = await work.targets.claim(FOLLOWER, world.now, world.now + LEASE)
        assert target is not None
        sweep = Sweep(CHAIN, FOLLOW, covered_to, [transfer(n) for n in facts], target=covered_to)
        await work.facts.apply_sweep(sweep, {EVERYONE: target.epoch}, world.now + LEASE)
        await work.targets.finish(FOLLOWER, target.epoch, world.now, world.now + HOUR)
    return target.epoch


async def join(world: World, *addresses: str) -> dict[str, SyncTarget]:
    for address in addresses:
        await world.watch(address)
    async with world.ledger.write() as work:
        claimed = await work.targets.claim_many(
            CHAIN, "node", world.now, world.now + LEASE, 100, followed=True
        )
    return {target.key.address: target for target in claimed}


async def read_up(world: World, targets: dict[str, SyncTarget], covered_to: int) -> None:
    """A sweep to a block, and the targets are let go."""
    epochs = {address: target.epoch for address, target in targets.items()}
    async with world.ledger.write() as work:
        await work.facts.apply_sweep(Sweep(CHAIN, "node", covered_to, ()), epochs, world.now + LEASE)
        await work.targets.finish_many(CHAIN, "node", epochs, world.now, world.now)


async def due(world: World) -> set[str]:
    async with world.ledger.read() as work:
        works = await work.targets.due_work(world.now)
        listed = {each: await work.targets.due_of(CHAIN, each.source, world.now, 99) for each in works}
    assert all(each.count == len(keys) for each, keys in listed.items())
    return {key.address for keys in listed.values() for key in keys}


async def test_a_target_joins_is_handed_over_and_reads_as_far_as_the_follower(world: World) -> None:
    await follow(world, 50)
    targets = await join(world, ALICE)
    assert targets[ALICE].seam == 51
    async with world.ledger.read() as work:
        assert await work.targets.members(CHAIN) == (1, frozenset({ALICE}))
    await read_up(world, targets, 40)
    assert await due(world) == {ALICE}  # ten blocks below its seam
    await read_up(world, await join(world, ALICE), 50)
    assert await due(world) == set()
    async with world.ledger.write() as work:
        await work.targets.poke(CHAIN, None, NOW)
        await work.targets.poke_many(CHAIN, [ALICE], ["node"], NOW)
        assert await work.targets.claim(TargetKey(ALICE, CHAIN, "node"), NOW + HOUR, NOW + 2 * HOUR) is None
        assert await work.targets.members_version(CHAIN) == 1
    world.now = NOW + 2 * HOUR
    assert await due(world) == {EVERYONE}
    await follow(world, 70)
    async with world.ledger.read() as work:
        assert await work.targets.next_due() == world.now + HOUR
    target = await world.target()
    assert (target.covered_to, target.target_block, target.state) == (70, 70, SyncState.SYNCED)
    assert (target.synced_at, target.next_due_at) == (world.now, world.now + HOUR)


@pytest.mark.parametrize("end", ["killed", "failed", "released"])
async def test_a_run_that_does_not_end_well_hands_nothing_over(world: World, end: str) -> None:
    """Its last blocks were written, and not compared with the chain: somebody has to look once more."""
    await follow(world, 50)
    targets = await join(world, ALICE)
    epochs = {ALICE: targets[ALICE].epoch}
    async with world.ledger.write() as work:
        await work.facts.apply_sweep(Sweep(CHAIN, "node", 50, ()), epochs, world.now + LEASE)
        if end == "failed":
            await work.targets.fail_many(CHAIN, "node", epochs, "down", world.now + LEASE)
        if end == "released":
            await work.targets.release_many(CHAIN, "node", epochs, world.now + LEASE)
    told = await world.target()
    assert (told.state, told.error) == {
        "killed": (SyncState.SYNCING, None),
        "failed": (SyncState.ERROR, "down"),
        "released": (SyncState.PENDING, None),
    }[end]
    world.now += LEASE
    assert await due(world) == {ALICE}
    again = await join(world, ALICE)
    assert (again[ALICE].covered_to, again[ALICE].seam) == (50, 51)
    await read_up(world, again, 50)
    world.now += HOUR
    assert await due(world) == {EVERYONE}


async def test_what_was_handed_over_does_not_flicker_and_shows_the_followers_error(world: World) -> None:
    await follow(world, 50)
    await read_up(world, await join(world, ALICE), 50)
    world.now += 2 * HOUR
    async with world.ledger.write() as work:
        leader = await work.targets.claim(FOLLOWER, world.now, world.now + LEASE)
    assert leader is not None
    assert (await world.target()).state is SyncState.SYNCED
    async with world.ledger.write() as work:
        await work.targets.fail(FOLLOWER, leader.epoch, "no node answers", world.now + HOUR)
    target = await world.target()
    assert (target.state, target.error, target.failures) == (SyncState.ERROR, "no node answers", 1)


async def test_without_a_follower_there_is_no_seam(world: World) -> None:
    assert (await join(world, ALICE))[ALICE].seam is None
    async with world.ledger.write() as work:
        await work.targets.ensure([FOLLOWER], NOW)  # it covers nothing yet
    assert (await join(world, BOB))[BOB].seam is None
    async with world.ledger.read() as work:
        assert await work.targets.members(CHAIN) == (0, frozenset())


async def test_many_are_failed_and_released_and_others_are_passed_by(world: World) -> None:
    targets = await join(world, ALICE, BOB, CAROL)
    assert [target.epoch for target in targets.values()] == [1, 1, 1]
    async with world.ledger.write() as work:
        await work.targets.fail_many(CHAIN, "node", {ALICE: 1, BOB: 9}, "down", NOW + HOUR)
        await work.targets.release_many(CHAIN, "node", {CAROL: 1}, NOW)
        assert await work.targets.due_work(NOW) == (Work(CHAIN, "node", 1, NOW),)
    alice, bob, carol = [await world.target(who) for who in (ALICE, BOB, CAROL)]
    assert (alice.state, alice.error, alice.failures, alice.leased_until) == (
        SyncState.ERROR,
        "down",
        1,
        None,
    )
    assert (bob.state, bob.leased_until) == (SyncState.SYNCING, NOW + LEASE)
    assert (carol.state, carol.leased_until, carol.failures) == (SyncState.PENDING, None, 0)


async def test_a_target_that_was_poked_at_work_is_due_when_it_is_let_go(world: World) -> None:
    targets = await join(world, ALICE, BOB)
    async with world.ledger.write() as work:
        await work.targets.poke_many(CHAIN, [ALICE], ["node", "other"], NOW)
        assert await work.targets.next_due() == NOW + LEASE
        epochs = {who: target.epoch for who, target in targets.items()}
        await work.targets.finish_many(CHAIN, "node", epochs, NOW, NOW + HOUR)
    assert await due(world) == {ALICE}


async def test_the_follower_goes_with_the_last_wallet_of_its_chain(world: World) -> None:
    await follow(world, 50)
    targets = await join(world, ALICE, BOB)
    await read_up(world, targets, 50)
    async with world.ledger.write() as work:
        await work.wallets.remove("default", f"w_{ALICE}")
        assert await work.targets.members(CHAIN) == (2, frozenset({BOB}))
        assert await work.targets.of([EVERYONE])
        await work.wallets.remove("default", f"w_{BOB}")
        assert await work.targets.members(CHAIN) == (3, frozenset())
        assert await work.targets.of([EVERYONE]) == ()


async def test_a_reorg_spares_what_lies_below_it(world: World) -> None:
    await follow(world, 50)
    await read_up(world, await join(world, ALICE), 50)
    await follow(world, 60, 55, 58)
    await read_up(world, await join(world, BOB), 60)
    below = (await world.target(ALICE)).epoch
    async with world.ledger.write() as work:
        assert await work.facts.rollback(CHAIN, 56) == 1
    alice, bob = await world.target(ALICE), await world.target(BOB)
    assert (alice.epoch, alice.seam, alice.covered_to) == (below, 51, 56)
    assert (bob.epoch, bob.seam, bob.covered_to) == (2, 57, 56)
    assert await due(world) == {EVERYONE}
    async with world.ledger.read() as work:
        (leader,) = await work.targets.of([EVERYONE])
    assert (leader.cursor, leader.state, leader.epoch) == ({"next": 57}, SyncState.PENDING, 3)


async def test_a_target_below_its_seam_keeps_it_in_a_reorg_above(world: World) -> None:
    await follow(world, 50)
    targets = await join(world, ALICE, BOB)
    await read_up(world, {ALICE: targets[ALICE]}, 30)
    async with world.ledger.write() as work:
        await work.facts.rollback(CHAIN, 40)
    alice, bob = await world.target(ALICE), await world.target(BOB)
    assert (alice.seam, alice.covered_to, alice.cursor) == (51, 30, {"next": 31, "rewind_to": 40})
    assert (bob.seam, bob.covered_to, bob.epoch) == (51, -1, 2)
    assert await due(world) == {ALICE, BOB, EVERYONE}


async def test_the_follower_replaces_a_branch_in_one_commit(world: World) -> None:
    await follow(world, 60, 55, 58)
    await read_up(world, await join(world, ALICE), 60)
    world.now += 2 * HOUR
    async with world.ledger.write() as work:
        leader = await work.targets.claim(FOLLOWER, world.now, world.now + LEASE)
    assert leader is not None
    with pytest.raises(FencedError):
        async with world.ledger.write() as work:
            await work.facts.rollback(CHAIN, 56, keep=(FOLLOWER, leader.epoch - 1))
    fresh = Sweep(CHAIN, FOLLOW, 61, [transfer(58, fork="b", tx="0xnew")], anchors=[block(61, "b")])
    async with world.ledger.write() as work:
        assert await work.facts.rollback(CHAIN, 56, keep=(FOLLOWER, leader.epoch)) == 1
        await work.facts.apply_sweep(fresh, {EVERYONE: leader.epoch}, world.now + LEASE)
        assert [fact.tx for fact in await world.transfers()] == [transfer(55).tx, transfer(58).tx]
    assert [fact.tx for fact in await world.transfers()] == [transfer(55).tx, "0xnew"]
    async with world.ledger.read() as work:
        (after,) = await work.targets.of([EVERYONE])
    assert (after.epoch, after.leased_until) == (leader.epoch, world.now + LEASE)
    assert (after.covered_to, after.cursor) == (61, {"next": 62})
    assert (await world.target()).covered_to == 61


async def test_a_follower_that_fell_behind_lets_everyone_read_for_themselves(world: World) -> None:
    await follow(world, 50)
    targets = await join(world, ALICE, BOB)
    await read_up(world, {ALICE: targets[ALICE]}, 50)
    await follow(world, 60)
    async with world.ledger.write() as work:
        assert await work.targets.reseat(CHAIN, 9_001, NOW) == 2
        assert await work.targets.reseat(CHAIN, 9_001, NOW) == 0
    alice, bob = await world.target(ALICE), await world.target(BOB)
    assert (alice.seam, alice.covered_to, alice.cursor, alice.next_due_at) == (9_001, 60, {"next": 61}, NOW)
    assert (bob.seam, bob.covered_to, bob.leased_until) == (9_001, -1, NOW + LEASE)
    assert await due(world) == {ALICE}


async def test_who_joins_while_the_follower_writes_is_not_missed(world: World) -> None:
    """Either the follower sees another version of its members, or the seam lies above what it wrote."""
    await follow(world, 50)
    for number in range(12):
        world.now += 2 * HOUR
        new = f"0x{number:040x}"
        await world.watch(new)
        async with world.ledger.write() as work:
            leader = await work.targets.claim(FOLLOWER, world.now, world.now + LEASE)
            before, _ = await work.targets.members(CHAIN)
        assert leader is not None
        given = Sweep(CHAIN, FOLLOW, leader.covered_to + 1, ())

        async def lead(given: Sweep, epoch: int, known: int, wait: float) -> bool:
            async with world.ledger.write() as work:
                await work.facts.apply_sweep(given, {EVERYONE: epoch}, world.now + LEASE)
                await asyncio.sleep(wait)
                return await work.targets.members_version(CHAIN) == known

        async def come(new: str, wait: float) -> int:
            async with world.ledger.write() as work:
                claimed = await work.targets.claim_many(
                    CHAIN, "node", world.now, world.now + LEASE, 99, followed=True
                )
                await asyncio.sleep(wait)
            (seam,) = [target.seam for target in claimed if target.key.address == new]
            assert seam is not None
            return seam

        waits = (0.02, 0.0) if number % 2 else (0.0, 0.02)
        unseen, seam = await asyncio.gather(lead(given, leader.epoch, before, waits[0]), come(new, waits[1]))
        assert seam > leader.covered_to + 1 if unseen else seam == leader.covered_to + 1
