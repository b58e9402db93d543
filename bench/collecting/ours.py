"""Ours: the collector as it runs in production, from an empty ledger to one that answers. A process of its own."""

import asyncio
import logging
import sys
import time
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import ClientSession
from pydantic import SecretStr

from collecting.measure import Measure, peak_mb
from indexer.flows.progress import Progress
from indexer.flows.wallets import register_wallet
from indexer.jobs.worker import open_queue
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset
from indexer.model.ports import Clock
from indexer.model.stored import UNCOVERING, TargetKey, Wallet
from indexer.settings import Settings
from indexer.store.open import migrate
from indexer.wiring import App, open_app

CHAIN = "eip155:31337"
PORTFOLIO = "bench"
SAMPLE_SECONDS = 0.01
"""How long after one commit another one is told, at least."""
LOOK_SECONDS = 0.5
"""How long after one look at the targets the next one follows."""


def spec(url: str) -> ChainSpec:
    """The benchmark's chain as `chains.yaml` would describe it."""
    return ChainSpec(
        id=CHAIN,
        name="Benchmark",
        family=Family.EVM,
        endpoints=(url,),
        native=NativeAsset(symbol="ETH", decimals=18, slip44=60),
        finality=Finality(rule=FinalityRule.TAG, depth=2),
        poll_seconds=3_600,
    )


class FirstRequest:
    """Notes when the first request of this process leaves: from then on everybody is timed.

    `peers.FirstCall` reads it off the node's log, some hundredths of a second late: that is too much of half a second.
    """

    def __init__(self, clock: Clock) -> None:
        self.at, self.seconds = clock.now(), time.perf_counter()
        post = ClientSession.post

        def noted(session: ClientSession, *told: Any, **more: Any) -> Any:
            if ClientSession.post is noted:
                ClientSession.post = post  # type: ignore[method-assign]
                self.at, self.seconds = clock.now(), time.perf_counter()
            return post(session, *told, **more)

        ClientSession.post = noted  # type: ignore[method-assign,assignment]


async def collect(asked: dict[str, Any]) -> Measure:
    """Collect the addresses: their whole history, or with `source` what that source alone tells; `whole`: and book it."""
    settings = Settings.model_construct(
        database_url=SecretStr(asked["database"]), price_order=("uniswap_v2",), concurrency=8
    )
    rows, last, held = 0, 0.0, 0.0

    def count(progress: Progress) -> None:
        nonlocal rows, last, held
        now = time.perf_counter()
        if now - last > SAMPLE_SECONDS:  # a commit is told once for every address
            held = peak_mb()
        rows, last = rows + progress.new, now

    async with open_app(settings, specs={CHAIN: spec(asked["url"])}) as app:
        await _register(app, asked["addresses"], asked["source"])
        first = FirstRequest(app.services.clock)
        collecting = asyncio.create_task(open_queue(app, count).drain())
        if not asked["whole"]:
            await _until_synced(app, asked["addresses"][0], collecting)
        with suppress(asyncio.CancelledError):
            await collecting
        done = time.perf_counter()
        async with app.services.ledger.read() as work:
            targets = await work.targets.of(asked["addresses"])
            gaps = await work.facts.gaps(asked["addresses"])
    behind = [t.error for t in targets if t.synced_at is None]
    # the last facts are written, and so are the indexes of their lists, which a source's end waits for
    ends = [t.synced_at - first.at for t in targets if t.synced_at and t.key.source not in UNCOVERING]
    started = first.seconds
    seconds = max(last - started, *(end.total_seconds() for end in ends))
    words = f"{len(behind)} targets are not synced, first: {behind[0]}" if behind else ""
    if gaps:
        words = f"{words} {len(gaps)} gaps, first: {gaps[0].detail}".strip()
    words = f"{words} last row after {last - started:.2f} s".strip()
    if not asked["whole"]:
        return Measure(seconds, rows, held, note=words)
    return Measure(seconds, rows, held, finished_seconds=done - started, finished_mb=peak_mb(), note=words)


async def _until_synced(app: App, address: str, collecting: asyncio.Task[int]) -> None:
    """Stop collecting when a source is done, whose addresses all end together: before balances are proven and booked."""
    while not collecting.done():
        async with app.services.ledger.read() as work:
            if any(target.synced_at for target in await work.targets.of([address])):
                collecting.cancel()
                return
        await asyncio.sleep(LOOK_SECONDS)


async def _register(app: App, addresses: list[str], source: str | None) -> None:
    services = app.services
    if source is None:
        for address in addresses:
            await register_wallet(services, PORTFOLIO, address, (CHAIN,))
        return
    now = services.clock.now()
    async with services.ledger.write() as work:
        await work.tenants.ensure_portfolio(PORTFOLIO, now)
        for number, address in enumerate(addresses):
            await work.wallets.save(Wallet(f"w_{number}", PORTFOLIO, address, (CHAIN,), "", address, now))
        await work.targets.ensure([TargetKey(each, CHAIN, source) for each in addresses], now)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    told = orjson.loads(sys.argv[1])
    migrate(told["database"])
    print(asyncio.run(collect(told)).to_json())
