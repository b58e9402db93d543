"""A chain's head is followed once for everyone: no gap and no double at the seam, and reorgs replaced in one commit."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from indexer.chains.evm.decode import TRANSFER
from indexer.flows import follow
from indexer.flows.wallets import list_wallets, register_wallet
from indexer.jobs.worker import open_queue
from indexer.model.facts import GapCode
from indexer.model.stored import EVERYONE, FOLLOW, SyncState, TargetKey, TransferFilter
from indexer.wiring import App
from tests.chains.node import EMITTER, LocalNode, spec_of, word
from tests.chains.proxy import proxy
from tests.fixtures.anvil import StartAnvil
from tests.flows.world import PORTFOLIO, collect, opened_chain

CHAIN = "eip155:31337"
FOLLOWER = TargetKey(EVERYONE, CHAIN, FOLLOW)


class TurnedClock:
    """Goes on only when it is turned."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def turn(self, seconds: int = 120) -> None:
        self.time += timedelta(seconds=seconds)


class Story:
    """A token's transfers on one node, and what a ledger says of them."""

    def __init__(self, node: LocalNode) -> None:
        self.node = node
        self.token = ""
        self.sent = 0

    async def begin(self) -> None:
        self.token = await self.node.deploy(EMITTER)

    async def pay(self, *people: str) -> None:
        """A token and a coin for each, every one in a block of its own."""
        for person in people:
            self.sent += 1
            await self.node.emit(self.token, [TRANSFER, self.node.accounts[9], person], word(self.sent))
            await self.node.send(self.node.accounts[9], person, self.sent)


async def watch(app: App, *people: str) -> None:
    for person in people:
        await register_wallet(app.services, PORTFOLIO, person, (CHAIN,))


async def facts(app: App) -> dict[Any, Any]:
    async with app.services.ledger.read() as work:
        page = await work.facts.transfers(PORTFOLIO, TransferFilter(), None, 1000)
    return {row.transfer.key: (row.transfer.amount, row.transfer.block.hash) for row in page.items}


async def fresh(story: Story, folder: Path, people: Sequence[str]) -> dict[Any, Any]:
    """What a new ledger finds, without a follower."""
    spec = spec_of(story.node.url)
    async with opened_chain(spec, f"sqlite:///{folder}/fresh{story.sent}.db", TurnedClock()) as app:
        await watch(app, *people)
        await collect(app)
        return await facts(app)


@pytest.fixture
async def story(anvil: StartAnvil) -> Story:
    told = Story(await LocalNode(await anvil()).ready())
    await told.begin()
    return told


async def states(app: App) -> list[tuple[SyncState, set[str]]]:
    """State and gaps of every wallet."""
    page = await list_wallets(app.services, PORTFOLIO, None, 100)
    return [
        (chain.state, {gap.code for gap in chain.gaps}) for wallet in page.items for chain in wallet.chains
    ]


def proven(count: int) -> list[tuple[SyncState, set[str]]]:
    """All is known but what the test's token, which only emits logs, does not answer."""
    return [(SyncState.SYNCED, {GapCode.DECIMALS_UNKNOWN, GapCode.BALANCE_UNVERIFIED})] * count


async def test_a_wallet_that_comes_later_joins_without_gap_or_double(
    story: Story, tmp_path: Path, database_url: str
) -> None:
    first, second, third = story.node.accounts[1:4]
    clock = TurnedClock()
    await story.pay(first, second)
    async with opened_chain(spec_of(story.node.url, follow_from=1), database_url, clock) as app:
        await watch(app, first)
        await collect(app)
        await story.pay(first, second)
        clock.turn()
        await collect(app)
        await watch(app, second)  # its history lies before and behind the follower's start
        await story.pay(first, second, third)
        await collect(app)
        clock.turn()
        await collect(app)
        await watch(app, third)
        await story.pay(second, third)
        clock.turn()
        await collect(app)
        assert await facts(app) == await fresh(story, tmp_path, (first, second, third))
        assert await states(app) == proven(3)
        head = int(await story.node.ask("eth_blockNumber"), 16)
        async with app.services.ledger.read() as work:
            targets = await work.targets.of([first, second, third])
            _, members = await work.targets.members(CHAIN)
        assert members == {first, second, third}
        assert {target.covered_to for target in targets if target.seam is not None} == {head}


async def test_the_work_for_a_block_does_not_grow_with_the_wallets(story: Story, tmp_path: Path) -> None:
    asked = []
    for count in (1, 60):
        people = [f"0x{number:040x}" for number in range(1_000, 1_000 + count)]
        clock = TurnedClock()
        async with proxy(story.node.url) as middle:
            spec = spec_of(middle.url, follow_from=1)
            async with opened_chain(spec, f"sqlite:///{tmp_path}/{count}.db", clock) as app:
                await watch(app, *people)
                await collect(app)
                clock.turn()
                await collect(app)  # everyone is handed over
                middle.asked.clear()
                for _ in range(3):
                    await story.node.send(story.node.accounts[9], story.node.accounts[8], 1)
                clock.turn()
                await collect(app)
                asked.append(sum(middle.asked.values()))
    assert asked[0] == asked[1]


async def test_a_reorg_is_replaced_in_one_commit(story: Story, tmp_path: Path, database_url: str) -> None:
    first, second = story.node.accounts[1:3]
    clock = TurnedClock()
    await story.pay(first, second)
    async with opened_chain(spec_of(story.node.url, follow_from=1), database_url, clock) as app:
        await watch(app, first, second)
        await collect(app)
        await story.pay(first, second)
        clock.turn()
        await collect(app)
        before = await facts(app)
        await story.node.ask("anvil_reorg", 3, [])
        await story.pay(second, first)
        clock.turn()

        seen: list[int] = []
        over = asyncio.Event()

        async def look() -> None:
            while not over.is_set():
                seen.append(len(await facts(app)))
                await asyncio.sleep(0)

        watcher = asyncio.create_task(look())
        await collect(app)
        over.set()
        await watcher
        after = await facts(app)
        assert after == await fresh(story, tmp_path, (first, second))
        assert after.keys() - before.keys()
        assert before.keys() - after.keys(), "the reorg took something"
        assert set(seen) <= {len(before), len(after)}, "nobody saw the hole"


async def test_a_follower_that_is_far_behind_lets_the_wallets_read(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "FAR_BLOCKS", 4)
    first, second = story.node.accounts[1:3]
    clock = TurnedClock()
    async with opened_chain(
        spec_of(story.node.url, follow_from=1), f"sqlite:///{tmp_path}/far.db", clock
    ) as app:
        await watch(app, first, second)
        await collect(app)
        clock.turn()
        await collect(app)
        await story.pay(first, second, first, second)
        clock.turn()
        await collect(app)
        assert await facts(app) == await fresh(story, tmp_path, (first, second))
        await story.pay(first)
        clock.turn()
        await collect(app)
        assert await facts(app) == await fresh(story, tmp_path, (first, second))
        assert await states(app) == proven(2)


async def test_a_quiet_chain_is_polled(story: Story, tmp_path: Path) -> None:
    async with opened_chain(
        spec_of(story.node.url, follow_from=3), f"sqlite:///{tmp_path}/few.db", TurnedClock()
    ) as app:
        await watch(app, *story.node.accounts[1:3])
        await collect(app)
        async with app.services.ledger.read() as work:
            assert await work.targets.of([EVERYONE]) == ()


async def test_a_head_that_is_announced_is_followed_at_once(story: Story, tmp_path: Path) -> None:
    """The clock stands still: nothing falls due by itself."""
    me, clock = story.node.accounts[1], TurnedClock()
    stream = story.node.url.replace("http", "ws", 1)
    spec = spec_of(story.node.url, follow_from=1, streams=(stream,))
    async with opened_chain(spec, f"sqlite:///{tmp_path}/stream.db", clock) as app:
        await watch(app, me)
        await collect(app)
        clock.turn()
        await collect(app)
        told = asyncio.Event()
        running = asyncio.create_task(open_queue(app, lambda _: told.set()).run())
        try:
            for _ in range(2):
                await asyncio.sleep(0.3)
                await story.pay(me)
                expected = await fresh(story, tmp_path, (me,))
                async with asyncio.timeout(60):
                    while await facts(app) != expected:
                        await told.wait()
                        told.clear()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
