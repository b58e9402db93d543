"""A follower that begins on a chain which was reorganised meanwhile leaves nothing of the old branch behind."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from indexer.flows.cohort import Cohort
from indexer.flows.follow import Follower
from indexer.flows.reorg import mend_overtaken
from indexer.model.errors import RetryableError
from indexer.model.facts import Sweep
from indexer.model.stored import SyncState
from indexer.wiring import App
from tests.chains.node import LocalNode, spec_of
from tests.fixtures.anvil import StartAnvil
from tests.flows.test_follow import CHAIN, Story, TurnedClock, facts, fresh, proven, states, watch
from tests.flows.world import collect, opened_chain


async def test_a_fork_below_the_stand_of_a_new_follower_is_dealt_with(
    anvil: StartAnvil, tmp_path: Path, database_url: str
) -> None:
    story = Story(await LocalNode(await anvil()).ready())
    await story.begin()
    first, second = story.node.accounts[1:3]
    clock = TurnedClock()
    await story.pay(first, second, first)
    async with opened_chain(spec_of(story.node.url, follow_from=2), database_url, clock) as app:
        await watch(app, first)
        await collect(app)
        assert await facts(app) == await fresh(story, tmp_path, [first])
        await story.node.ask("anvil_reorg", 3, [])
        await story.pay(second, second, second)
        await watch(app, second)  # from now on the chain is followed, and its first look is at the new head
        for _ in range(4):
            clock.turn()
            await collect(app)
        assert await facts(app) == await fresh(story, tmp_path, [first, second])
        assert len(await states(app)) == 2


async def test_what_was_covered_of_an_abandoned_branch_is_read_again(
    anvil: StartAnvil, tmp_path: Path, database_url: str
) -> None:
    """Blocks without facts are not remembered one by one: when no remembered one is left, all may be others."""
    story = Story(await LocalNode(await anvil()).ready())
    await story.begin()
    await story.node.ask("anvil_mine", 10)
    mine, newcomer, clock = "0x" + "0b" * 20, story.node.accounts[1], TurnedClock()
    async with opened_chain(spec_of(story.node.url, follow_from=1), database_url, clock) as app:

        async def goes_on() -> None:
            for _ in range(4):
                clock.turn()
                await collect(app)

        await watch(app, mine)
        await goes_on()
        await story.node.ask("anvil_mine", 5)
        await story.node.ask("anvil_reorg", 7, [])
        await goes_on()
        async with app.services.ledger.read() as work:
            assert len(await work.facts.remembered_blocks(CHAIN, 9)) == 1
        await story.node.ask("anvil_rollback", 5)
        await story.pay(mine, mine)
        await story.node.ask("anvil_mine", 3)
        await goes_on()
        assert await facts(app) == await fresh(story, tmp_path, [mine])
        await watch(app, newcomer)
        await goes_on()
        assert await facts(app) == await fresh(story, tmp_path, [mine, newcomer])
        assert len(await states(app)) == 2


async def moved_on(app: App, story: Story, clock: TurnedClock) -> None:
    """The chain forks two blocks below its head, and somebody reads further on the new branch."""
    await story.node.ask("anvil_reorg", 2, [])
    await story.node.ask("anvil_mine", 6)
    further = await app.services.readers[CHAIN].head()
    other = Sweep(CHAIN, "other", None, (), anchors=(further,))
    async with app.services.ledger.write() as work:
        await work.facts.apply_sweep(other, {}, clock.now())


async def nothing_is_left_of_the_old_branch(app: App, story: Story) -> None:
    async with app.services.ledger.read() as work:
        remembered = await work.facts.remembered_blocks(CHAIN, 99)
    for block in remembered:
        found = await story.node.ask("eth_getBlockByNumber", hex(block.number), False)
        assert found["hash"] == block.hash, f"block {block.number} is of the abandoned branch"


class Forked:
    """A wallet whose chain forks, once, when a test says so."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.wallet = "0x" + "0b" * 20
        self.clock = TurnedClock()
        self.happened = False

    async def happen(self, app: App) -> bool:
        """Fork, unless it happened; tells whether it did so now."""
        if self.happened:
            return False
        self.happened = True
        await moved_on(app, self.story, self.clock)
        return True

    async def leaves_nothing_behind(self, app: App, tmp_path: Path) -> None:
        """Read the wallet, and compare with an index made afterwards, and with the chain."""
        await watch(app, self.wallet)
        for _ in range(4):
            await collect(app)
            self.clock.turn()
        assert self.happened
        assert await facts(app) == await fresh(self.story, tmp_path, [self.wallet])
        await nothing_is_left_of_the_old_branch(app, self.story)


@pytest.fixture
async def forked(anvil: StartAnvil) -> Forked:
    """Payments to the wallet, ten blocks above the beginning."""
    forked = Forked(Story(await LocalNode(await anvil()).ready()))
    await forked.story.begin()
    await forked.story.node.ask("anvil_mine", 10)
    await forked.story.pay(forked.wallet, forked.wallet)
    return forked


@pytest.mark.parametrize("fails", [False, True])
async def test_what_is_written_when_the_chain_has_left_it_does_not_hide_below_the_new_branch(
    forked: Forked, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """One source reads, the chain forks, another one reads further, the first one writes, and may end there."""
    write = Cohort.apply
    async with opened_chain(spec_of(forked.story.node.url), database_url, forked.clock) as app:

        async def late(self: Cohort, sweep: Sweep, addresses: Collection[str]) -> None:
            now = bool(sweep.transfers) and await forked.happen(app)
            await write(self, sweep, addresses)
            if now and fails:
                raise RetryableError("the endpoint went away")

        monkeypatch.setattr(Cohort, "apply", late)
        await forked.leaves_nothing_behind(app, tmp_path)


async def test_the_block_a_follower_stands_on_does_not_hide_below_the_new_branch(
    forked: Forked, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = Follower._stand
    spec = spec_of(forked.story.node.url, follow_from=1)
    async with opened_chain(spec, database_url, forked.clock) as app:

        async def late(self: Follower, *told: Any) -> None:
            await stand(self, *told)
            await forked.happen(app)

        monkeypatch.setattr(Follower, "_stand", late)
        await forked.leaves_nothing_behind(app, tmp_path)


async def test_a_wallet_is_not_handed_over_before_its_blocks_were_compared(
    forked: Forked, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, clock = forked.story, forked.clock
    newcomer = story.node.accounts[2]
    compared, goes = 0, False

    async def compare(*told: Any) -> None:
        nonlocal compared
        if not goes:
            raise RetryableError("no endpoint answers")
        compared += 1
        await mend_overtaken(*told)

    async with opened_chain(spec_of(story.node.url, follow_from=1), database_url, clock) as app:
        await watch(app, forked.wallet)
        await collect(app)  # the follower stands: from now on there is somebody to hand over to
        monkeypatch.setattr("indexer.flows.sweep.mend_overtaken", compare)
        await story.pay(newcomer)
        await watch(app, newcomer)
        await collect(app)
        assert SyncState.ERROR in [state for state, _ in await states(app)]
        goes = True
        for _ in range(4):
            clock.turn()
            await collect(app)
        assert compared
        assert await states(app) == proven(2)
