"""One real wallet goes all the way: two local chains, both databases, every layer."""

import asyncio
import random
from decimal import Decimal
from pathlib import Path

import pytest

from indexer.demo.world import DemoWorld
from indexer.flows.link import list_links
from indexer.flows.losses import losses, lots
from indexer.flows.wallets import list_wallets
from indexer.jobs.worker import open_queue
from indexer.model.links import LinkState
from indexer.model.stored import SyncState
from tests.flows.world import PORTFOLIO, collect, ledger_of, opened, register_all


async def test_the_story_is_collected_proven_linked_and_valued(
    played_world: DemoWorld, database_url: str
) -> None:
    async with opened(played_world, database_url) as app:
        await register_all(app, played_world)
        await collect(app)

        page = await list_wallets(app.services, PORTFOLIO, None, 10)
        states = [chain for wallet in page.items for chain in wallet.chains]
        assert len(states) == 2 * len(played_world.wallets)
        assert all(state.state is SyncState.SYNCED for state in states), states
        assert all(state.complete for state in states), [state.gaps for state in states]

        links = await list_links(app.services, PORTFOLIO)
        pairs = [(view.link, view.link.source, view.link.destination) for view in links.items]
        crossings = [link for link, out, into in pairs if out and into and out.chain != into.chain]
        assert len(crossings) >= 5, crossings
        assert all(link.state is LinkState.CONFIRMED for link in crossings)

        report = await losses(app.services, PORTFOLIO)
        assert report.total_loss > 0
        assert report.priced_share_of_cost == 1, report.unpriced
        assert [row.loss for row in report.rows] == sorted((row.loss for row in report.rows), reverse=True)
        assert report.total_unrealized == report.total_gain - report.total_loss
        for grouping in ("chain", "wallet"):
            other = await losses(app.services, PORTFOLIO, group_by=grouping)
            assert (other.total_loss, other.total_cost) == (report.total_loss, report.total_cost)

        held = await lots(app.services, PORTFOLIO, limit=1000)
        assert sum((lot.cost or Decimal(0) for lot in held.lots), Decimal(0)) == report.total_cost


async def test_collecting_again_changes_nothing(played_world: DemoWorld, tmp_path: Path) -> None:
    async with opened(played_world, f"sqlite:///{tmp_path}/ledger.db") as app:
        await register_all(app, played_world)
        await collect(app)
        before, report = await ledger_of(app), await losses(app.services, PORTFOLIO)
        async with app.services.ledger.write() as work:
            await work.targets.poke(None, None, app.services.clock.now())
        await collect(app)
        assert await ledger_of(app) == before
        after = await losses(app.services, PORTFOLIO)
        assert (after.fingerprint, after.rows) == (report.fingerprint, report.rows)


@pytest.mark.parametrize("seed", range(4))
async def test_a_worker_killed_anywhere_loses_nothing(
    played_world: DemoWorld, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    url = f"sqlite:///{tmp_path}/ledger.db"
    async with opened(played_world, f"sqlite:///{tmp_path}/whole.db") as app:
        await register_all(app, played_world)
        await collect(app)
        whole = await ledger_of(app)
    async with opened(played_world, url, lease_seconds=0) as app:  # the lease of the dead is over at once
        await register_all(app, played_world)
        for _ in range(6):
            work = asyncio.create_task(open_queue(app).drain())
            await asyncio.sleep(chance.uniform(0, 0.15))
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await collect(app)
        assert await ledger_of(app) == whole


async def test_two_workers_at_once_give_the_same_ledger(played_world: DemoWorld, database_url: str) -> None:
    async with opened(played_world, database_url) as one, opened(played_world, database_url) as two:
        await register_all(one, played_world)
        await asyncio.gather(collect(one), collect(two))
        await collect(one)
        twice = await ledger_of(one)
        assert len({transfer.key for transfer in twice}) == len(twice)
        page = await list_wallets(one.services, PORTFOLIO, None, 10)
        assert all(chain.complete for wallet in page.items for chain in wallet.chains)
