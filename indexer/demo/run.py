"""The demo from outside: play the story, then use the service over HTTP as its owner would."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from api.serving import bind, serve
from indexer.demo.story import demo_world
from indexer.demo.world import DemoWorld
from indexer.flows.progress import OnProgress, ignore_progress
from indexer.jobs.worker import open_queue
from indexer.model.errors import GleanerError
from indexer.settings import Settings
from indexer.store.open import migrate
from indexer.wiring import open_app

BRIDGE = "across"
PATIENCE = timedelta(seconds=60)


class DemoError(GleanerError):
    """The demo's own service did not come to an answer."""

    code = "demo-failed"


class StoryClock:
    """The present is the end of the story, and time goes on from there, so that every run has the same terms."""

    def __init__(self, ends: datetime) -> None:
        self._ends = ends
        self._started = time.monotonic()

    def now(self) -> datetime:
        """The present instant."""
        return self._ends + timedelta(seconds=time.monotonic() - self._started)


@dataclass(frozen=True, slots=True)
class DemoListener:
    """Whom to tell how far the demo is."""

    story: Callable[[str, int, int], None] = lambda _chain, _done, _all: None
    collected: OnProgress = ignore_progress
    serving: Callable[[str], None] = lambda _url: None


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that has come to its answer and still serves. `document` is what `--json` prints."""

    url: str
    document: Mapping[str, Any]
    world: DemoWorld
    stopped: Awaitable[None]
    """Ends when the service was asked to stop."""


@contextlib.asynccontextmanager
async def run_demo(port: int, listener: DemoListener) -> AsyncIterator[Demo]:
    """Start chains and service, register the owner's wallets over HTTP, wait for the losses; undo all at the end.

    Raises:
        ConfigError: anvil or the contract builds are missing.
        InputError: the port is taken.
        DemoError: the service did not come to an answer.
    """
    socket = bind("127.0.0.1", port)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(socket.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gleaner-demo-"))
        settings = _settings(Path(folder))
        await asyncio.to_thread(migrate, settings.database_url.get_secret_value())
        world = await stack.enter_async_context(demo_world(listener.story))
        app = await stack.enter_async_context(
            open_app(
                settings,
                specs={chain.caip2: chain.spec() for chain in world.chains},
                clock=StoryClock(world.ends),
                bridge_contracts={
                    BRIDGE: {chain.caip2: frozenset({chain.spoke_pool}) for chain in world.chains}
                },
            )
        )
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        queue = open_queue(app, listener.collected)
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(app, socket, queue, ready.set_result, stop))
        stack.push_async_callback(_end, stop, serving)
        either: set[asyncio.Future[Any]] = {serving, ready}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await serving
            raise DemoError("the service ended before it answered")
        url = ready.result()
        asking = asyncio.create_task(_ask(url, world))
        await asyncio.wait({serving, asking}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            raise DemoError("stopped before the losses were there")
        document = await asking
        listener.serving(url)
        yield Demo(url, document, world, serving)


def _settings(folder: Path) -> Settings:
    """Defaults alone: the demo must not touch the database or the keys of whoever runs it."""
    return Settings.model_construct(
        database_url=SecretStr(f"sqlite:///{folder}/demo.db"), price_order=("uniswap_v2",), host="127.0.0.1"
    )


async def _end(stop: asyncio.Event, serving: asyncio.Task[None]) -> None:
    stop.set()
    await serving


async def _ask(url: str, world: DemoWorld) -> dict[str, Any]:
    """Register the wallets and poll, as any client would."""
    chains = [chain.caip2 for chain in world.chains]
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        for address in world.wallets:
            await _json(client.post("/v1/wallets", json={"address": address, "chains": chains}))
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while True:
            wallets = (await _json(client.get("/v1/wallets")))["data"]
            losses = await _json(client.get("/v1/losses"))
            if _settled(wallets, losses):
                break
            if time.monotonic() > deadline:
                raise DemoError(f"the losses were not there after {PATIENCE}: {wallets}")
            await asyncio.sleep(0.2)
        links = (await _json(client.get("/v1/links")))["data"]
    states = [chain for wallet in wallets for chain in wallet["chains"]]
    return {
        "chains": [
            {
                "chain": chain,
                "as_of_block": min(state["as_of_block"] for state in states if state["chain"] == chain),
                "complete": all(state["complete"] for state in states if state["chain"] == chain),
            }
            for chain in chains
        ],
        "wallets": wallets,
        "links": links,
        "losses": losses,
    }


async def _json(request: Awaitable[httpx.Response]) -> Any:
    response = await request
    if response.is_error:
        raise DemoError(f"{response.request.url} answered {response.status_code}: {response.text}")
    return response.json()


def _settled(wallets: list[dict[str, Any]], losses: dict[str, Any]) -> bool:
    """Every wallet is synced and the book was derived from all of it."""
    states = [chain for wallet in wallets for chain in wallet["chains"]]
    if any(state["state"] != "synced" for state in states):
        return False
    blocks = {
        chain: min(state["as_of_block"] for state in states if state["chain"] == chain)
        for chain in {state["chain"] for state in states}
    }
    return losses["fingerprint"] is not None and losses["as_of_block"] == blocks
