"""The server as a process runs it: a real socket, real signals, the worker beside it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from api.serving import bind, serve
from indexer.jobs.embedded import EmbeddedQueue
from indexer.jobs.worker import open_queue
from indexer.model.errors import InputError
from indexer.wiring import App
from tests.api import values
from tests.api.conftest import Instance


@asynccontextmanager
async def served(app: App, queue: EmbeddedQueue | None) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """A server on a free port; ends it if the test did not."""
    announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(serve(app, bind("127.0.0.1", 0), queue, announced.set_result))
    try:
        yield await asyncio.wait_for(announced, 30), running
    finally:
        if not running.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(running, 30)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_it_is_asked_to_stop(instance: Instance, signum: signal.Signals) -> None:
    async with served(instance.app, open_queue(instance.app)) as (url, running):
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await client.get("/health")
            assert answer.json()["status"] == "ok"
            assert "server" not in answer.headers
            body = {"address": values.ALICE, "chains": ["eip155:1"]}
            assert (await client.post("/v1/wallets", json=body)).status_code == 201
            assert (await client.get("/v1/wallets")).json()["data"][0]["address"] == values.ALICE_SHOWN
        os.kill(os.getpid(), signum)
        await asyncio.wait_for(running, 30)
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/health")


async def test_what_is_not_http_does_not_stop_it(instance: Instance) -> None:
    async with served(instance.app, None) as (url, _):
        port = int(url.rpartition(":")[2])
        for garbage in (
            b"\x16\x03\x01\x02\x00",
            b"GET\r\n\r\n",
            b"POST /v1/wallets HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(garbage)
            writer.write_eof()
            assert b" 500 " not in await reader.read(4_096)
            writer.close()
            await writer.wait_closed()
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/health")).status_code == 200


async def test_a_worker_that_dies_takes_the_server_with_it(instance: Instance) -> None:
    class Dying(EmbeddedQueue):
        async def run(self) -> None:
            await asyncio.sleep(0.2)
            raise ZeroDivisionError("a mistake in a handler")

    queue = open_queue(instance.app)
    queue.__class__ = Dying
    async with served(instance.app, queue) as (_, running):
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(running, 30)


def test_a_port_that_is_taken_is_said_to_be() -> None:
    first = bind("127.0.0.1", 0)
    first.listen()
    try:
        port = first.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}.*--port"):
            bind("127.0.0.1", port)
    finally:
        first.close()
    with pytest.raises(InputError, match="cannot listen"):
        bind("192.0.2.1", 0)
