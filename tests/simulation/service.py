"""The service under test, opened over a database and a chain; in this process or in one that is killed."""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from indexer.flows.progress import OnProgress, Progress, ignore_progress
from indexer.flows.wallets import register_wallet
from indexer.jobs.worker import open_queue
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset
from indexer.model.stored import TargetKey
from indexer.settings import Settings
from indexer.wiring import App, open_app
from tests.simulation.world import CHAIN, FINALITY_BLOCKS

PORTFOLIO = "simulation"
LEASE_SECONDS = 30


@dataclass(slots=True)
class TurnedClock:
    """The time stands still until it is turned."""

    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def turn(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a worker needs to know; it travels to other processes."""

    database: str
    endpoints: tuple[str, ...]
    wrapped: str
    follow_from: int = 50
    """From how many wallets on the head is followed for everyone."""

    def spec(self) -> ChainSpec:
        return ChainSpec(
            id=CHAIN,
            name="Simulated chain",
            family=Family.EVM,
            endpoints=self.endpoints,
            native=NativeAsset(symbol="ETH", decimals=18, slip44=60),
            finality=Finality(rule=FinalityRule.DEPTH, depth=FINALITY_BLOCKS),
            wrapped_native=self.wrapped,
            poll_seconds=1,
            log_window=50,
            follow_from=self.follow_from,
        )


@asynccontextmanager
async def opened(deployment: Deployment, clock: TurnedClock) -> AsyncIterator[App]:
    """The app as it runs in production, with the simulation's clock and chain."""
    settings = Settings.model_construct(
        database_url=SecretStr(deployment.database),
        price_order=("uniswap_v2",),
        lease_seconds=LEASE_SECONDS,
        concurrency=4,
    )
    async with open_app(settings, specs={CHAIN: deployment.spec()}, clock=clock) as app:
        yield app


async def drain(app: App, on_progress: OnProgress = ignore_progress) -> None:
    """Do what is due."""
    await open_queue(app, on_progress).drain()


async def watch(app: App, address: str, sources: tuple[str, ...] = ()) -> None:
    """Register a wallet; `sources` are collected besides those that the service chooses."""
    await register_wallet(app.services, PORTFOLIO, address, (CHAIN,))
    async with app.services.ledger.write() as work:
        keys = [TargetKey(address, CHAIN, source) for source in sources]
        await work.targets.ensure(keys, app.services.clock.now())


def run_until_killed(deployment: Deployment, at: datetime, pages: int, seed: int) -> None:
    """Collect in a process of its own that dies without warning, at most `pages` committed pages from now.

    It dies between the commit of a page and whatever comes next, or a random moment later, which may lie inside
    the next page's transaction.
    """
    dice = random.Random(seed)

    async def body() -> None:
        loop = asyncio.get_running_loop()
        left = pages

        def count(_: Progress) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                if dice.random() < 0.3:
                    os.kill(os.getpid(), 9)
                loop.call_later(dice.random() * 0.05, os.kill, os.getpid(), 9)

        async with opened(deployment, TurnedClock(at)) as app:
            await drain(app, count)
        os.kill(os.getpid(), 9)

    asyncio.run(body())


def run_until_cancelled(deployment: Deployment, at: datetime, seconds: float) -> None:
    """Collect in a process of its own that is asked to stop at some moment, and closes what it opened."""

    async def body() -> None:
        async with opened(deployment, TurnedClock(at)) as app:
            working = asyncio.create_task(drain(app))
            await asyncio.wait([working], timeout=seconds)
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    asyncio.run(body())
