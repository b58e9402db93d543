"""New heads: rung by a WebSocket of a real node, polled behind it, whatever the stream does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from indexer.chains.evm.heads import Heads
from indexer.chains.evm.node import Header, Node
from indexer.chains.evm.pool import Pool
from indexer.demo.anvil import AnvilOptions
from indexer.model.errors import RetryableError
from tests.chains.node import LocalNode, spec_of
from tests.fixtures.anvil import StartAnvil

NEVER = 3_600.0
"""Seconds between polls where a test must not be helped by one."""


@asynccontextmanager
async def heads_of(url: str, *streams: str, poll: float = NEVER) -> AsyncIterator[Heads]:
    pool = Pool(spec_of(url, streams=streams))
    try:
        async with Heads(Node(pool), poll_seconds=poll) as heads:
            yield heads
    finally:
        await pool.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for happens in another process too
            await asyncio.sleep(0.01)


class Relay:
    """A WebSocket before the node's own, whose connections a test cuts or mutes."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.url = ""
        self.mute = False
        self.opened = 0
        self.sockets: list[web.WebSocketResponse] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        here = web.WebSocketResponse()
        await here.prepare(request)
        self.opened += 1
        self.sockets.append(here)
        async with aiohttp.ClientSession() as session, session.ws_connect(self.upstream) as there:
            forward = asyncio.create_task(self._pass(here, there))
            try:
                async for message in there:
                    if not (self.mute and '"eth_subscription"' in message.data):
                        await here.send_str(message.data)
            finally:
                forward.cancel()
        return here

    @staticmethod
    async def _pass(here: web.WebSocketResponse, there: aiohttp.ClientWebSocketResponse) -> None:
        async for message in here:
            await there.send_str(message.data)
        await there.close()

    async def cut(self) -> None:
        for socket in self.sockets:
            await socket.close()
        self.sockets.clear()


@asynccontextmanager
async def served(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"ws://{host}:{port}/"
    finally:
        await runner.cleanup()


@pytest.fixture
async def node(anvil: StartAnvil) -> LocalNode:
    return await LocalNode(await anvil()).ready()


def stream_of(node: LocalNode) -> str:
    return node.url.replace("http://", "ws://")


async def test_a_stream_rings_without_a_poll(node: LocalNode) -> None:
    async with heads_of(node.url, stream_of(node)) as heads:
        head = await heads.wait_beyond(-1)
        await until(lambda: heads.streaming)
        for _ in range(3):
            waiting = asyncio.create_task(heads.wait_beyond(head.number))
            await asyncio.sleep(0.05)
            assert not waiting.done()  # a head is told once
            await node.ask("evm_mine")
            newer = await waiting
            assert newer.number == head.number + 1
            assert newer.parent == head.hash
            head = newer
        assert heads.polls == 0


async def test_a_reorg_at_the_same_height_is_a_new_head(node: LocalNode) -> None:
    await node.ask("anvil_mine", "0x8")
    async with heads_of(node.url, stream_of(node), poll=1) as heads:
        head = await heads.wait_beyond(-1)
        waiting = asyncio.create_task(heads.wait_beyond(head.number, head.hash))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await node.ask("anvil_reorg", 2, [])
        other = await waiting
        assert (other.number, other.hash != head.hash) == (head.number, True)


async def test_without_a_stream_the_head_is_polled(node: LocalNode) -> None:
    async with heads_of(node.url, poll=0.05) as heads:
        head = await heads.wait_beyond(-1)
        await node.ask("anvil_mine", "0x3")
        assert (await heads.wait_beyond(head.number)).number == head.number + 3
        assert heads.polls > 0
        assert not heads.streaming


async def test_blocks_that_are_already_there_are_not_waited_for(node: LocalNode) -> None:
    await node.ask("anvil_mine", "0x5")
    async with heads_of(node.url) as heads:
        assert (await heads.wait_beyond(0)).number == 5
        assert (await heads.wait_beyond(3)).number == 5


async def test_a_stream_that_was_cut_is_opened_again(
    node: LocalNode, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.chains.evm.heads.FIRST_PAUSE_SECONDS", 0.05)
    relay = Relay(stream_of(node))
    async with served(relay.handle) as url, heads_of(node.url, url) as heads:
        head = await heads.wait_beyond(-1)
        await until(lambda: heads.streaming)
        for turn in range(1, 4):
            await relay.cut()
            await node.ask("evm_mine")  # nobody listens just now
            head = await heads.wait_beyond(head.number)
            assert head.number == turn
            await until(lambda: heads.streaming)
        assert relay.opened >= 4


async def test_a_stream_that_fell_silent_is_noticed_by_a_poll(node: LocalNode) -> None:
    relay = Relay(stream_of(node))
    async with served(relay.handle) as url, heads_of(node.url, url, poll=0.2) as heads:
        head = await heads.wait_beyond(-1)
        await until(lambda: heads.streaming)
        relay.mute = True
        for _ in range(3):
            await node.ask("evm_mine")
            head = await heads.wait_beyond(head.number)
        assert head.number == 3
        await until(lambda: relay.opened >= 2)


@pytest.mark.parametrize("liar", ["another chain", "no subscriptions", "nothing there"])
async def test_streams_that_do_not_work_are_told_once_and_polled_behind(
    node: LocalNode,
    anvil: StartAnvil,
    liar: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("indexer.chains.evm.heads.FIRST_PAUSE_SECONDS", 0.01)

    async def refuses(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            number = message.json()["id"]
            answer = {"result": "0x7a69"} if number == 1 else {"error": {"code": -32601, "message": "no"}}
            await socket.send_json({"jsonrpc": "2.0", "id": number, **answer})
        return socket

    other = await anvil(AnvilOptions(chain_id=5))
    async with served(refuses) as deaf:
        url = {
            "another chain": other.replace("http", "ws"),
            "no subscriptions": deaf,
            "nothing there": "ws://127.0.0.1:9/s3cret",
        }[liar]
        with caplog.at_level(logging.INFO):
            async with heads_of(node.url, url, poll=0.05) as heads:
                head = await heads.wait_beyond(-1)
                for _ in range(3):
                    await node.ask("evm_mine")
                    head = await heads.wait_beyond(head.number)
                    await asyncio.sleep(0.05)
                assert not heads.streaming
    told = [record.getMessage() for record in caplog.records if "stream of heads" in record.getMessage()]
    assert len(told) == 1
    assert "s3cret" not in told[0]


async def test_an_invented_head_costs_a_question_and_is_not_believed(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.chains.evm.heads.CATCH_UP_SECONDS", 0.001)
    sockets: list[web.WebSocketResponse] = []

    async def invents(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            number = message.json()["id"]
            await socket.send_json(
                {"jsonrpc": "2.0", "id": number, "result": {1: "0x7a69", 2: "0x1"}[number]}
            )
            if number == 2:
                sockets.append(socket)
        return socket

    async with served(invents) as url, heads_of(node.url, url) as heads:
        head: Header = await heads.wait_beyond(-1)
        await until(lambda: bool(sockets))
        waiting = asyncio.create_task(heads.wait_beyond(head.number))
        for number in ("0x7fffffff", "no number"):
            said = {"params": {"subscription": "0x1", "result": {"number": number}}}
            await sockets[0].send_json({"jsonrpc": "2.0", "method": "eth_subscription", **said})
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await node.ask("evm_mine")
        await until(
            lambda: len(sockets) > 1
        )  # what it said was no announcement: opened anew, and asked again
        assert (await waiting).number == head.number + 1


async def test_a_head_that_cannot_be_asked_for_is_an_error_once_a_pause() -> None:
    async with heads_of("http://127.0.0.1:9", poll=0.05) as heads:
        heads.node.pool.endpoints[0].failures = -9  # a short wait is enough for a test
        with pytest.raises(RetryableError):
            await heads.wait_beyond(-1)
        assert heads.polls == 0
        heads.node.pool.endpoints[0].failures = -9
        heads.node.pool.endpoints[0].rests_until = 0
        with pytest.raises(RetryableError):
            await heads.wait_beyond(-1)
        assert heads.polls == 1  # whoever asks again at once waits for the next look
