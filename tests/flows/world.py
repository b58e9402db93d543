"""Open the whole service over local chains, without a server in between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from indexer.demo.run import BRIDGE, StoryClock
from indexer.demo.world import DemoWorld
from indexer.flows.wallets import register_wallet
from indexer.jobs.worker import open_queue
from indexer.model.chain import ChainSpec
from indexer.model.facts import Transfer
from indexer.model.ports import Clock
from indexer.settings import Settings
from indexer.store.open import upgrade
from indexer.wiring import App, open_app

PORTFOLIO = "default"


def settings_for(url: str, **changes: Any) -> Settings:
    """Defaults alone, whatever the environment of the tests holds."""
    return Settings.model_construct(
        database_url=SecretStr(url), price_order=("uniswap_v2",), chains=Path("unused"), **changes
    )


@asynccontextmanager
async def opened(world: DemoWorld, url: str, **changes: Any) -> AsyncIterator[App]:
    """The service over the demo's chains on a migrated database."""
    await upgrade(url)
    async with open_app(
        settings_for(url, **changes),
        specs={chain.caip2: chain.spec() for chain in world.chains},
        clock=StoryClock(world.ends),
        bridge_contracts={BRIDGE: {chain.caip2: frozenset({chain.spoke_pool}) for chain in world.chains}},
    ) as app:
        yield app


@asynccontextmanager
async def opened_chain(spec: ChainSpec, url: str, clock: Clock) -> AsyncIterator[App]:
    """The service over one chain."""
    await upgrade(url)
    async with open_app(settings_for(url), specs={spec.id: spec}, clock=clock) as app:
        yield app


async def register_all(app: App, world: DemoWorld) -> None:
    """Watch the owner's wallets on both chains."""
    for address in world.wallets:
        await register_wallet(app.services, PORTFOLIO, address, tuple(chain.caip2 for chain in world.chains))


async def collect(app: App) -> int:
    """Run what is due until nothing is."""
    return await open_queue(app).drain()


async def ledger_of(app: App) -> list[Transfer]:
    """Every transfer of the portfolio, in a comparable order."""
    async with app.services.ledger.read() as work:
        transfers = [transfer async for transfer in work.facts.stream(PORTFOLIO)]
    return sorted(transfers, key=lambda transfer: transfer.key)
