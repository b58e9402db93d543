"""Many writers at once: nothing is lost, nothing is doubled, in one process and in several."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.model.errors import FencedError
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.stored import Wallet
from indexer.store.ledger import SqlLedger
from tests.store.examples import ALICE, CHAIN, ETHER, LEASE, NOW, World, page, transfer

ROOT = Path(__file__).resolve().parents[2]


async def test_hundreds_of_read_modify_writes_at_once_lose_nothing(world: World) -> None:
    """With the driver's own deferred transactions SQLite loses most of them without a word."""
    wallet = await world.watch()
    async with world.ledger.write() as work:
        await work.wallets.save(replace(wallet, label="0"))

    async def raise_by_one() -> None:
        async with world.ledger.write() as work:
            found = await work.wallets.by_address("default", ALICE)
            assert found is not None
            await work.wallets.save(replace(found, label=str(int(found.label) + 1)))

    times = 400 if world.ledger._place.file else 100
    await asyncio.gather(*(raise_by_one() for _ in range(times)))
    async with world.ledger.read() as work:
        found = await work.wallets.get("default", wallet.id)
    assert found is not None
    assert found.label == str(times)


async def test_two_registrations_of_one_address_make_one_wallet(world: World) -> None:
    await world.watch("0xother")
    made = count()

    async def register(chain: str) -> str:
        async with world.ledger.write() as work:
            known = await work.wallets.by_address("default", ALICE)
            wallet = known or Wallet(f"w{next(made)}", "default", ALICE, (), "", ALICE, NOW)
            await work.wallets.save(replace(wallet, chains=(*wallet.chains, chain)))
            return wallet.id

    ids = await asyncio.gather(*(register(f"eip155:{n}") for n in range(10)))
    assert len(set(ids)) == 1
    async with world.ledger.read() as work:
        found = await work.wallets.by_address("default", ALICE)
    assert found is not None
    assert set(found.chains) == {f"eip155:{n}" for n in range(10)}


async def test_judgments_made_at_once_are_all_kept(world: World) -> None:
    await world.watch()

    async def decide(number: int) -> None:
        async with world.ledger.write() as work:
            made = Judgment(f"j{number}", "default", JudgmentKind.SPAM, "x", {}, "me", NOW)
            await work.judgments.add(made)

    await asyncio.gather(*(decide(number) for number in range(30)))
    async with world.ledger.read() as work:
        assert {made.id for made in await work.judgments.all("default")} == {f"j{n}" for n in range(30)}


async def test_a_snapshot_does_not_move_while_others_write(world: World) -> None:
    await world.watch()
    await world.collect(page([transfer(1)]))
    async with world.ledger.read() as work:
        assert await work.facts.sums(ALICE, CHAIN) == {ETHER: 10**18}
        await world.collect(page([transfer(2)]))
        assert await work.facts.sums(ALICE, CHAIN) == {ETHER: 10**18}
        assert len([fact async for fact in work.facts.stream("default")]) == 1
    assert len(await world.transfers()) == 2


async def test_a_reading_transaction_cannot_write(world: World) -> None:
    with pytest.raises(Exception, match="read-only"):
        async with world.ledger.read() as work:
            await work.tenants.ensure_portfolio("p", NOW)


async def test_writing_inside_writing_is_a_clear_mistake_not_a_deadlock(world: World) -> None:
    async with world.ledger.write() as work:
        await work.tenants.ensure_portfolio("p", NOW)
        if world.ledger._place.file:
            with pytest.raises(RuntimeError, match="already writes"):
                async with world.ledger.write():
                    pass


chains = count(1)
histories = st.lists(
    st.tuples(
        st.integers(0, 30), st.sampled_from(["native", "gas", "log:1", "internal:ab:0"]), st.integers(0, 3)
    ),
    max_size=25,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories, order=st.randoms(use_true_random=False), workers=st.integers(1, 4))
async def test_any_order_any_repetition_any_workers_give_the_same_ledger(
    world: World, history: list[tuple[int, str, int]], order: object, workers: int
) -> None:
    """Pages overlap, come twice, and workers take targets over from each other in the middle."""
    chain = f"eip155:{next(chains)}"
    await world.watch(ALICE, chain)
    facts = {
        (number, place): transfer(number, chain=chain, position=place, amount=number + 1)
        for number, place, _ in history
    }
    parts = [[facts[number, place] for number, place, part in history if part == n] for n in range(4)]
    pages = [page(part, chain=chain, cursor={"part": n}) for n, part in enumerate(parts)]
    work_list = [given for given in pages for _ in range(2)]
    order.shuffle(work_list)  # type: ignore[attr-defined]
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(len(work_list)):
        queue.put_nowait(number)
    clock = count(1)

    async def worker() -> None:
        while not queue.empty():
            number = queue.get_nowait()
            now = NOW + next(clock) * 2 * LEASE
            async with world.ledger.write() as work:
                (target,) = [t for t in await work.targets.of([ALICE]) if t.key.chain == chain]
                claimed = await work.targets.claim(target.key, now, now + LEASE)
            if claimed is None or not await applied(number, claimed.epoch):
                queue.put_nowait(number)  # another worker, whose clock is ahead, has the target

    async def applied(number: int, epoch: int) -> bool:
        try:
            async with world.ledger.write() as work:
                await work.facts.apply(work_list[number], epoch)
        except FencedError:
            return False
        return True

    await asyncio.gather(*(worker() for _ in range(workers)))
    found = [fact for fact in await world.transfers() if fact.chain == chain]
    assert {fact.key: fact for fact in found} == {fact.key: fact for fact in facts.values()}
    assert len(found) == len(facts)
    async with world.ledger.read() as work:
        total = sum(fact.amount for fact in facts.values())
        assert await work.facts.sums(ALICE, chain) == ({ETHER: total} if facts else {})
        assert await work.facts.gaps([ALICE]) == ()


ANOTHER_PROCESS = """
import asyncio, sys
from dataclasses import replace
from indexer.store.open import open_ledger

async def main(url):
    ledger = await open_ledger(url)
    for _ in range(25):
        async with ledger.write() as work:
            (found,) = await work.wallets.all("default")
            await work.tenants.ensure_portfolio("default", found.created_at)
            found = await work.wallets.by_address("default", found.address)
            await work.wallets.save(replace(found, label=str(int(found.label) + 1)))
    await ledger.close()

asyncio.run(main(sys.argv[1]))
"""


async def test_processes_share_a_database(ledger: SqlLedger, database_url: str) -> None:
    world = World(ledger)
    wallet = await world.watch()
    async with ledger.write() as work:
        await work.wallets.save(replace(wallet, label="0"))
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", ANOTHER_PROCESS, database_url, cwd=ROOT, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in running:
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
    async with ledger.read() as work:
        found = await work.wallets.get("default", wallet.id)
    assert found is not None
    assert found.label == "50"
