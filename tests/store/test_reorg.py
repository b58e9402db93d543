"""After a reorg the ledger equals that of a fresh index of the surviving chain."""

import json
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.model.errors import FencedError
from indexer.model.facts import Gap, GapCode, RawTransaction
from indexer.model.stored import DISCOVER, SyncState, TargetKey
from indexer.store import reorg
from tests.store.examples import ALICE, BOB, CHAIN, ETHER, LEASE, NOW, World, block, page, transfer

chains = count(1000)


async def test_facts_above_the_fork_are_gone_and_targets_rewound(world: World) -> None:
    await world.watch(ALICE)
    await world.watch(BOB)
    raws = tuple(RawTransaction(CHAIN, transfer(n).tx, block(n).hash, "node", b"{}") for n in range(1, 7))
    gaps = tuple(Gap(CHAIN, ALICE, GapCode.L1_FEE_UNKNOWN, "node", f"0x{n}", "", n, n) for n in (4, 5))
    facts = [transfer(n) for n in range(1, 7)]
    await world.collect(
        page(facts, covered_to=6, cursor={"next": 7}, raws=raws, gaps=gaps, anchors=(block(9),))
    )
    await world.claim(BOB)
    async with world.ledger.write() as work:
        before = await work.books.version("default")
        assert await work.facts.rollback(CHAIN, 4) == 2
    async with world.ledger.read() as work:
        assert await work.books.version("default") > before
        assert [ref.number for ref in await work.facts.remembered_blocks(CHAIN, 2)] == [4, 3]
        assert set(await work.facts.raws([(CHAIN, fact.tx) for fact in facts])) == {
            (CHAIN, f.tx) for f in facts[:4]
        }
        assert [gap.subject for gap in await work.facts.gaps([ALICE])] == ["0x4"]
        assert await work.facts.sums(ALICE, CHAIN) == {ETHER: 4 * 10**18}
        assert {key.address for key in await work.targets.due_of(CHAIN, "node", NOW, 9)} == {ALICE, BOB}
    alice, bob = await world.target(ALICE), await world.target(BOB)
    assert (alice.cursor, alice.covered_to, alice.state) == (
        {"next": 7, "rewind_to": 4},
        4,
        SyncState.PENDING,
    )
    assert (alice.epoch, alice.leased_until) == (2, None)
    assert (bob.cursor, bob.covered_to, bob.epoch) == (None, -1, 2)


async def test_a_running_collector_is_fenced(world: World) -> None:
    await world.watch()
    target = await world.claim()
    async with world.ledger.write() as work:
        await work.facts.rollback(CHAIN, 4)
    with pytest.raises(FencedError):
        await world.collect(page([transfer(9)]))
    with pytest.raises(FencedError):
        async with world.ledger.write() as work:
            await work.targets.finish(target.key, target.epoch, NOW, NOW + LEASE)


async def test_the_lowest_rewind_stays_until_the_source_has_read_again(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(9)], covered_to=9))
    for to_block in (5, 3, 7):
        async with world.ledger.write() as work:
            await work.facts.rollback(CHAIN, to_block)
    target = await world.target()
    assert (target.cursor, target.covered_to) == ({"next": 10, "rewind_to": 3}, 3)


async def test_other_chains_and_discovery_are_left_alone(world: World) -> None:
    await world.watch(ALICE, CHAIN, "eip155:10")
    await world.collect(page([transfer(9)]))
    await world.collect(page([transfer(9, chain="eip155:10")], chain="eip155:10"))
    await world.claim(source=DISCOVER)
    before = [await world.target(chain="eip155:10"), await world.target(source=DISCOVER)]
    async with world.ledger.write() as work:
        assert await work.facts.rollback(CHAIN, 0) == 1
        assert await work.facts.rollback("eip155:56", 0) == 0
    assert [await world.target(chain="eip155:10"), await world.target(source=DISCOVER)] == before
    assert [fact.chain for fact in await world.transfers()] == ["eip155:10"]


async def test_a_rollback_that_fails_takes_nothing(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(9)]))
    before = await world.target()

    async def fail() -> None:
        async with world.ledger.write() as work:
            await work.facts.rollback(CHAIN, 0)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await world.target() == before
    assert await world.transfers() == [transfer(9)]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_reorganised_ledger_equals_a_fresh_one(world: World, data: st.DataObject) -> None:
    chain = f"eip155:{next(chains)}"
    await world.watch(ALICE, chain)
    fork = data.draw(st.integers(0, 8), label="fork")
    old = [transfer(n, chain=chain, amount=n, fork="a" if n > fork else "") for n in range(1, 9)]
    new = [transfer(n, chain=chain, amount=n * 7, fork="b" if n > fork else "") for n in range(1, fork + 1)]
    new += [
        transfer(n, chain=chain, amount=n * 9, fork="b", tx=old[n - 1].tx if n % 2 and n <= 8 else None)
        for n in range(fork + 1, 12)
    ]
    new[:fork] = old[:fork]
    for part in (old[:5], old[5:]):
        await world.collect(page(part, chain=chain))
    async with world.ledger.write() as work:
        await work.facts.rollback(chain, fork)
    world.claims.clear()
    await world.collect(page(new, chain=chain))
    assert [fact for fact in await world.transfers() if fact.chain == chain] == new
    async with world.ledger.read() as work:
        assert await work.facts.gaps([ALICE]) == ()
        remembered = await work.facts.remembered_blocks(chain, 99)
    assert {ref.hash for ref in remembered} == {fact.block.hash for fact in new}


async def test_old_anchors_are_thinned_and_blocks_with_facts_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reorg, "NEWEST", 5)
    monkeypatch.setattr(reorg, "SPARSE", 10)
    await world.watch()
    await world.collect(page([transfer(3), transfer(17)]))
    for number in range(40):
        await world.collect(page(anchors=(block(number),)))
    async with world.ledger.read() as work:
        numbers = [ref.number for ref in await work.facts.remembered_blocks(CHAIN, 99)]
    assert numbers == [39, 38, 37, 36, 35, 30, 20, 17, 10, 3, 0]


async def test_a_conflict_across_the_fork_goes_with_it(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(3)]))
    await world.collect(page([transfer(7, tx=transfer(3).tx)], source="explorer"))
    async with world.ledger.write() as work:
        assert len(await work.facts.gaps([ALICE])) == 1
        await work.facts.rollback(CHAIN, 5)
        assert await work.facts.gaps([ALICE]) == ()


async def test_raws_of_lost_blocks_go_even_without_transfers(world: World) -> None:
    await world.watch()
    raw = RawTransaction(CHAIN, "0xspam", block(9).hash, "node", json.dumps({}).encode())
    await world.collect(page(raws=(raw,), anchors=(block(9),)))
    async with world.ledger.write() as work:
        await work.facts.rollback(CHAIN, 8)
        assert await work.facts.raws([(CHAIN, "0xspam")]) == {}
        await work.targets.ensure([TargetKey(ALICE, CHAIN, "node")], NOW)
