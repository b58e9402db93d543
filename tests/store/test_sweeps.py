"""Sweeps: many addresses in one commit, the same ledger as their pages make one by one."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.model.errors import FencedError, TornChainError
from indexer.model.facts import Gap, GapCode, RawTransaction, Sweep, Transfer, TransferKind
from indexer.model.stored import Applied, SyncTarget
from indexer.store import intake
from tests.store.examples import (
    ALICE,
    BOB,
    CAROL,
    CHAIN,
    ETHER,
    LEASE,
    NOW,
    STRANGER,
    World,
    block,
    page,
    transfer,
)

PEOPLE = (ALICE, BOB, CAROL)
chains = count(5000)


def sweep(transfers: Iterable[Transfer] = (), *, covered_to: int | None = 100, **more: Any) -> Sweep:
    more = {"chain": CHAIN, "source": "node", **more}
    return Sweep(covered_to=covered_to, transfers=tuple(transfers), **more)


async def claim(world: World, *addresses: str, chain: str = CHAIN) -> dict[str, int]:
    for address in addresses:
        await world.watch(address, chain)
    async with world.ledger.write() as work:
        claimed = await work.targets.claim_many(chain, "node", world.now, world.now + LEASE, 100)
    return {target.key.address: target.epoch for target in claimed}


async def write(world: World, given: Sweep, epochs: dict[str, int]) -> Applied:
    async with world.ledger.write() as work:
        return await work.facts.apply_sweep(given, epochs, world.now + 2 * LEASE)


async def told(world: World, chain: str = CHAIN) -> tuple[Any, ...]:
    """All that a sweep may change."""
    async with world.ledger.read() as work:
        return (
            [fact async for fact in work.facts.stream("default") if fact.chain == chain],
            await work.facts.remembered_blocks(chain, 999),
            [gap for gap in await work.facts.gaps(PEOPLE) if gap.chain == chain],
            [target.covered_to for target in await work.targets.of(PEOPLE) if target.key.chain == chain],
        )


async def test_a_sweep_writes_facts_cursors_and_leases_of_all(world: World) -> None:
    epochs = await claim(world, ALICE, BOB)
    applied = await write(world, sweep([transfer(1), transfer(2, recipient=BOB)], target=500), epochs)
    assert applied == Applied(2, frozenset({ALICE, BOB, STRANGER}))
    for address in (ALICE, BOB):
        target: SyncTarget = await world.target(address)
        assert (target.cursor, target.covered_to, target.target_block) == ({"next": 101}, 100, 500)
        assert target.leased_until == NOW + 2 * LEASE


async def test_a_sweep_that_covers_nothing_leaves_the_cursors(world: World) -> None:
    epochs = await claim(world, ALICE)
    await write(world, sweep([transfer(1)], covered_to=None), epochs)
    assert ((await world.target()).cursor, (await world.target()).covered_to) == (None, -1)
    assert await world.transfers() == [transfer(1)]


async def test_one_epoch_among_many_fences_all(world: World) -> None:
    epochs = await claim(world, *PEOPLE)
    with pytest.raises(FencedError):
        await write(world, sweep([transfer(1)]), epochs | {BOB: 7})
    assert await world.transfers() == []
    assert (await world.target(ALICE)).covered_to == -1


@pytest.mark.parametrize("staged", [1, 1_000_000])
async def test_a_second_telling_changes_no_byte(
    world: World, monkeypatch: pytest.MonkeyPatch, staged: int
) -> None:
    monkeypatch.setattr(intake, "STAGED", staged)
    epochs = await claim(world, *PEOPLE)
    dice = random.Random(7)
    facts = [
        transfer(n // 3, position=f"log:{n}", sender=dice.choice(PEOPLE), amount=dice.getrandbits(256))
        for n in range(200)
    ]
    given = sweep(facts, anchors=(block(99),))
    assert (await write(world, given, epochs)).new == 200
    before = await told(world)
    assert {fact.key: fact for fact in before[0]} == {fact.key: fact for fact in facts}
    assert await write(world, given, epochs) == Applied(0, frozenset())
    assert await told(world) == before
    more = [*facts, transfer(50, position="gas", execution_fee=3)]
    assert await write(world, sweep(more), epochs) == Applied(1, frozenset({ALICE, STRANGER}))


@pytest.mark.parametrize("staged", [1, 1_000_000])
async def test_what_is_written_plainly_is_what_columns_mean(
    world: World, monkeypatch: pytest.MonkeyPatch, staged: int
) -> None:
    monkeypatch.setattr(intake, "STAGED", staged)
    epochs = await claim(world, ALICE)
    odd = [
        transfer(1, amount=0),
        transfer(2, amount=2**256 - 1, execution_fee=2**200, l1_fee=1, position="gas"),
        transfer(3, asset=f"{CHAIN}/erc721:0x\\N\ttab\nline/7", kind=TransferKind.ERC721, position="log:3:2"),
        # each alone: all four mean something to COPY
        *(transfer(4 + n, asset=f"{CHAIN}/erc20:0x{mark}N") for n, mark in enumerate("\\\t\n\r")),
        transfer(9)._replace(block=replace(block(9), time=NOW + timedelta(microseconds=1))),
    ]
    await write(world, sweep(odd), epochs)
    assert await world.transfers() == odd


@pytest.mark.parametrize("staged", [1, 1_000_000])
async def test_a_fee_that_becomes_known_completes_and_a_contradiction_is_a_gap_for_who_is_watched(
    world: World, monkeypatch: pytest.MonkeyPatch, staged: int
) -> None:
    monkeypatch.setattr(intake, "STAGED", staged)
    epochs = await claim(world, ALICE, BOB)
    fee = transfer(1, position="gas", sender=ALICE, recipient=CAROL, amount=5, execution_fee=5)
    moved = transfer(2, sender=ALICE, recipient=BOB)
    await write(world, sweep([fee, moved]), epochs)
    known = fee._replace(amount=8, l1_fee=3)
    applied = await write(world, sweep([known, moved._replace(amount=1)]), epochs)
    assert applied == Applied(0, frozenset({ALICE, CAROL}))
    facts, _, gaps, _ = await told(world)
    assert facts == [known, moved]
    assert [(gap.address, gap.code, gap.source, gap.subject) for gap in gaps] == [
        (address, GapCode.SOURCE_CONFLICT, "conflict:node", moved.tx) for address in (ALICE, BOB)
    ]
    await write(world, sweep([moved]), epochs)
    assert (await told(world))[2] == []


async def test_a_torn_sweep_is_refused_as_a_whole(world: World) -> None:
    epochs = await claim(world, ALICE)
    await write(world, sweep([transfer(5)]), epochs)
    before = await told(world)
    for torn in (
        sweep([transfer(6), transfer(5, fork="b", position="gas")]),
        sweep([transfer(7)], anchors=(block(7, "b"),)),
    ):
        with pytest.raises(TornChainError):
            await write(world, torn, epochs)
        assert await told(world) == before


async def test_gaps_are_replaced_for_the_addresses_of_the_commit(world: World) -> None:
    epochs = await claim(world, ALICE, BOB)
    gaps = [Gap(CHAIN, who, GapCode.DECODE_FAILED, "node", "x", "") for who in (ALICE, BOB)]
    await write(world, sweep(gaps=gaps), epochs)
    await write(world, sweep(gaps=[], replaces_gaps=True), {ALICE: epochs[ALICE]})
    assert [gap.address for gap in (await told(world))[2]] == [BOB]


async def test_a_lie_is_taken_back_once_its_transaction_was_read_whole(world: World) -> None:
    epochs = await claim(world, ALICE, BOB)
    tx = transfer(3).tx
    true = transfer(3, position="log:1", kind=TransferKind.ERC20)
    lie = transfer(3, position="log:2", kind=TransferKind.ERC20)
    other = transfer(3, position="log:3", kind=TransferKind.ERC20, recipient=CAROL)
    void = Gap(CHAIN, ALICE, GapCode.RECEIPT_UNAVAILABLE, "node", tx, "")
    await write(world, sweep([true, lie, other, transfer(3)], gaps=[void]), epochs)
    applied = await write(world, sweep([true], covered_to=None, retold=[tx]), epochs)
    assert applied == Applied(0, frozenset({ALICE, STRANGER}))
    async with world.ledger.read() as work:
        assert await work.facts.sums(CAROL, CHAIN) == {ETHER: 10**18}  # nobody settled it for her
    facts, _, gaps, _ = await told(world)
    assert set(facts) == {true, transfer(3)}
    assert [(gap.address, gap.code, gap.subject) for gap in gaps] == [
        (ALICE, GapCode.SOURCE_CONFLICT, f"{tx}:log:2")
    ]


async def test_only_transactions_without_a_payload_are_undetailed(world: World) -> None:
    epochs = await claim(world, ALICE)
    facts = [transfer(n) for n in (1, 2, 3, 4)] + [transfer(5, tx="withdrawal:5")]
    poor = RawTransaction(CHAIN, facts[2].tx, "0x", "receipts", b'{"tx": {}, "receipt": null}')
    rich = RawTransaction(CHAIN, facts[1].tx, "0x", "receipts", b'{"tx": {}, "receipt": {}}')
    before = await version(world)
    await write(world, sweep(facts), epochs)
    seen = await version(world)
    assert seen > before
    await write(world, sweep(covered_to=None, raws=(poor, rich)), epochs)
    assert await version(world) > seen  # a book may read its payload
    async with world.ledger.read() as work:
        first = await work.facts.undetailed(CHAIN, (-1, ""), 4, 1)
        assert first == ((facts[0].tx, facts[0].block, frozenset({ALICE, STRANGER})),)
        rest = await work.facts.undetailed(CHAIN, (1, facts[0].tx), 9, 9, poor=True)
        assert [item.tx for item in rest] == [facts[2].tx, facts[3].tx]
        assert [item.tx for item in await work.facts.undetailed(CHAIN, (-1, ""), 3, 9)] == [facts[0].tx]


async def version(world: World) -> int:
    async with world.ledger.read() as work:
        return await work.books.version("default")


tellings = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(["native", "gas", "log:1", "log:2"]),
        st.sampled_from(PEOPLE),
        st.sampled_from((*PEOPLE, STRANGER)),
        st.integers(1, 2),
    ),
    max_size=20,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=tellings, order=st.permutations(PEOPLE), staged=st.sampled_from([1, 1000]))
async def test_a_sweep_equals_the_pages_of_its_addresses(
    world: World, history: list[tuple[int, str, str, str, int]], order: list[str], staged: int
) -> None:
    facts = list(
        {
            (number, place): (number, place, sender, recipient, amount)
            for number, place, sender, recipient, amount in history
        }.values()
    )
    found = []
    with patch.object(intake, "STAGED", staged):
        for together in (True, False):
            chain = f"eip155:{next(chains)}"
            epochs = await claim(world, *PEOPLE, chain=chain)
            made = [
                transfer(n, position=place, sender=who, recipient=to, amount=amount, chain=chain)
                for n, place, who, to, amount in facts
            ]
            if together:
                await write(world, sweep(made, chain=chain, covered_to=20), epochs)
            for who in () if together else order:
                mine = [fact for fact in made if who in {fact.sender, fact.recipient}]
                async with world.ledger.write() as work:
                    await work.facts.apply(page(mine, address=who, chain=chain, covered_to=20), epochs[who])
            kept, blocks, gaps, covered = await told(world, chain)
            found.append(([fact._replace(chain="") for fact in kept], blocks, len(gaps), covered))
    assert found[0] == found[1]


async def test_overlapping_sweeps_of_two_workers_meet_in_one_ledger(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "STAGED", 1)
    epochs = await claim(world, *PEOPLE)
    facts = [transfer(n // 4, position=f"log:{n}", sender=PEOPLE[n % 3]) for n in range(300)]
    applied = await asyncio.gather(
        *(
            write(world, sweep(facts[start : start + 200]), {who: epochs[who]})
            for start, who in zip((0, 50, 100), PEOPLE, strict=True)
        )
    )
    assert sum(each.new for each in applied) == 300
    assert len(await world.transfers()) == 300
