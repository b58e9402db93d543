"""The head follower on a chain of its own: what a block costs with so many watched wallets. A process of its own."""

import asyncio
import gc
import logging
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from collecting.chain import HOLDERS, holder, token_call
from collecting.measure import Measure, peak_mb
from collecting.node import BenchNode
from collecting.ours import CHAIN, PORTFOLIO, spec
from indexer.flows.follow import Follower
from indexer.flows.sweep import Sweeper
from indexer.jobs.worker import GARBAGE_EVERY
from indexer.model.ports import Clock
from indexer.model.stored import EVERYONE, FOLLOW, LOGS, TargetKey, Wallet
from indexer.settings import Settings
from indexer.store.open import migrate
from indexer.wiring import App, open_app

LEASE = timedelta(minutes=5)
TRANSFERS = 20
AT_ONCE = 500
MOVING = 10


class TurnedClock:
    """Goes on only when it is turned, so that everything is due exactly when it is measured."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        """The time it was turned to."""
        return self.time

    def turn(self) -> None:
        """One day on."""
        self.time += timedelta(days=1)


async def follow(asked: dict[str, Any]) -> Measure:
    """Follow blocks of the same content, each with many wallets and with few in turn.

    In one process and block by block: a machine that is slower for a minute is so for both.
    """
    gc.set_threshold(*GARBAGE_EVERY)  # as the worker does
    chain = replace(spec(asked["url"]), follow_from=1)
    specs = {CHAIN: chain}
    clock = TurnedClock()
    async with AsyncExitStack() as stack:
        sides = []
        for wallets, database in asked["databases"]:
            settings = Settings.model_construct(
                database_url=SecretStr(database), price_order=("uniswap_v2",), concurrency=8
            )
            app = await stack.enter_async_context(open_app(settings, specs=specs, clock=clock))
            sides.append(await _Side.ready(app, wallets, clock))
        for number in range(asked["blocks"]):
            await asyncio.to_thread(_mine, asked["url"], asked["token"], number)
            clock.turn()
            for side in sides if number % 2 else reversed(sides):
                await side.next_block()
        for side in sides:
            followed = await _covered(side.app) - side.before
            if followed != asked["blocks"]:
                raise SystemExit(f"followed {followed} blocks of {asked['blocks']}")
    many, few = sides
    return Measure(
        many.seconds,
        asked["blocks"],
        peak_mb(),
        processor_seconds=many.processor_seconds,
        beside_seconds=few.seconds,
        beside_processor_seconds=few.processor_seconds,
    )


@dataclass(slots=True)
class _Side:
    """A service that follows, and what that took."""

    app: App
    follower: Follower
    before: int
    seconds: float = 0.0
    processor_seconds: float = 0.0

    @classmethod
    async def ready(cls, app: App, wallets: int, clock: Clock) -> "_Side":
        """At the head, with so many wallets."""
        # the first ten move in every run; all others only stand by
        standing_by = [holder(HOLDERS + number) for number in range(wallets - MOVING)]
        await _watch(app, [*map(holder, range(MOVING)), *standing_by], clock)
        follower, sweeper = Follower(app.services, LEASE), Sweeper(app.services, LEASE)
        await follower.follow(CHAIN)
        while await sweeper.sweep(CHAIN, LOGS):
            pass
        return cls(app, follower, await _covered(app))

    async def next_block(self) -> None:
        started, before = time.perf_counter(), time.process_time()
        await self.follower.follow(CHAIN)
        self.seconds += time.perf_counter() - started
        self.processor_seconds += time.process_time() - before


async def _covered(app: App) -> int:
    async with app.services.ledger.read() as work:
        (target,) = await work.targets.of([EVERYONE])
    return target.covered_to


def _mine(url: str, token: str, number: int) -> None:
    """A block of twenty transfers among the chain's holders, the same ones in every run."""
    node = BenchNode(url, Path("/dev/null"), 0)
    maker = node.ask("eth_accounts")[0]
    data = token_call("shuffle(uint256,uint256,uint256)", 10**9 + number, TRANSFERS, HOLDERS)
    node.ask("eth_sendTransaction", {"from": maker, "to": token, "data": data, "gas": hex(9_000_000)})
    node.ask("evm_mine")


async def _watch(app: App, addresses: list[str], clock: Clock) -> None:
    services, now = app.services, clock.now()
    for first in range(0, len(addresses), AT_ONCE):
        async with services.ledger.write() as work:
            await work.tenants.ensure_portfolio(PORTFOLIO, now)
            for number, address in enumerate(addresses[first : first + AT_ONCE], first):
                await work.wallets.save(Wallet(f"w_{number}", PORTFOLIO, address, (CHAIN,), "", address, now))
            await work.targets.ensure([TargetKey(EVERYONE, CHAIN, FOLLOW)], now)
            await work.targets.ensure(
                [TargetKey(each, CHAIN, LOGS) for each in addresses[first : first + AT_ONCE]], now
            )


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    told = orjson.loads(sys.argv[1])
    for _, url in told["databases"]:
        migrate(url)
    print(asyncio.run(follow(told)).to_json())
