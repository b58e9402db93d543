"""A whole instance over a real database, and facts written into it the way a collector would."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.app import create_app
from indexer.flows.keys import create_key
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset
from indexer.model.facts import FactPage, Gap
from indexer.model.stored import KeyScope, TargetKey, TransferRow
from indexer.settings import Settings
from indexer.wiring import App, open_app

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:1"
"""Nobody listens there: these tests ask no chain and no price source."""


class Turned:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> datetime:
        return self.instant

    def turn(self, by: timedelta) -> None:
        self.instant += by


def spec(chain: str, name: str) -> ChainSpec:
    return ChainSpec(
        id=chain,
        name=name,
        family=Family.EVM,
        endpoints=(NOWHERE,),
        native=NativeAsset("ETH", 18, 60),
        finality=Finality(FinalityRule.DEPTH, 10),
    )


SPECS = {chain: spec(chain, name) for chain, name in (("eip155:1", "One"), ("eip155:10", "Ten"))}


class Instance:
    """An opened service and clients of it."""

    def __init__(self, app: App, clock: Turned, stack: AsyncExitStack) -> None:
        self.app = app
        self.services = app.services
        self.clock = clock
        self.woken = 0
        self._stack = stack

    def _wake(self) -> None:
        self.woken += 1

    async def client(self, key: str | None = None, host: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client of this instance as it would answer on `host`."""
        settings = self.app.settings.model_copy(update={"host": host})
        transport = httpx.ASGITransport(create_app(self.services, settings, wake=self._wake))
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        base = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8421", headers=headers)
        return await self._stack.enter_async_context(base)

    async def collect(
        self,
        address: str,
        chain: str,
        rows: Iterable[TransferRow] = (),
        *,
        covered_to: int = 0,
        gaps: tuple[Gap, ...] = (),
    ) -> None:
        """Write facts as a collector that is then done: one page with its cursor, fenced by its epoch."""
        key = TargetKey(address, chain, "rpc")
        now = self.clock.now()
        rows = tuple(rows)
        page = FactPage(
            chain=chain,
            address=address,
            source=key.source,
            transfers=tuple(row.transfer for row in rows),
            cursor={"block": covered_to},
            covered_to=covered_to,
            assets=tuple({row.asset.id: row.asset for row in rows}.values()),
            gaps=gaps,
            target=covered_to,
        )
        async with self.services.ledger.write() as work:
            await work.targets.ensure([key], now)
            target = await work.targets.claim(key, now, now + timedelta(minutes=2))
            assert target is not None
            await work.facts.apply(page, target.epoch)
            await work.targets.finish(key, target.epoch, now, now)

    async def key(self, portfolio: str, scope: KeyScope) -> str:
        _, secret = await create_key(self.services, portfolio, f"{portfolio}-{scope.value}", scope)
        return secret


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Instance]:
    """The service over a migrated database, put together by the real wiring."""
    settings = Settings.model_validate(
        {
            "database_url": database_url,
            "host": "127.0.0.1",
            "require_key": None,
            "portfolio": "default",
            "price_order": ("manual",),
            "defillama_url": NOWHERE,
            "coingecko_url": NOWHERE,
        }
    )
    clock = Turned()
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(settings, specs=SPECS, clock=clock))
        yield Instance(app, clock, stack)


@pytest.fixture
async def instance(database_url: str) -> AsyncIterator[Instance]:
    async with opened(database_url) as made:
        yield made


@pytest.fixture
async def client(instance: Instance) -> httpx.AsyncClient:
    return await instance.client()
