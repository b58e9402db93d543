"""New heads of one chain: a WebSocket rings, the endpoints that will be read are asked, polling stands behind.

`eth_subscribe` with `newHeads`: https://geth.ethereum.org/docs/interacting-with-geth/rpc/pubsub
"""

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from indexer.chains.evm.endpoint import label_of
from indexer.chains.evm.node import Header, Node

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
HEARTBEAT_SECONDS = 20.0
HANDSHAKE_SECONDS = 10.0
SILENT_INTERVALS = 4
"""A stream that says nothing for as many of its usual intervals is looked behind."""
MISSED_HEADS = 2
"""Polls in a row that find a head nobody announced, after which the connection counts as dead."""
CATCH_UP_SECONDS = 0.1
CATCH_UPS = 5
"""How often a head that was announced is asked for again at endpoints which do not have it yet."""


class Heads:
    """Waits for new heads of one chain. For one consumer; use it as an async context manager or call `close`.

    What the stream says is never believed: it only rings. The head comes from the endpoints that will be asked for
    its blocks, so that a stream which lies or runs ahead of them costs a question and nothing else.
    """

    def __init__(self, node: Node, poll_seconds: float | None = None) -> None:
        self.node = node
        self.newest: Header | None = None
        self.polls = 0
        """Questions that no stream asked for."""
        self._poll = float(node.spec.poll_seconds if poll_seconds is None else poll_seconds)
        self._bell = asyncio.Event()
        self._stream = HeadStream(node, self._bell)
        self._missed = 0
        self._asked = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        await self._stream.close()

    @property
    def streaming(self) -> bool:
        """Whether heads are announced just now; else they are polled for."""
        return self._stream.connected

    async def wait_beyond(self, number: int, block_hash: str | None = None) -> Header:
        """The newest head, once it is above block `number`.

        With `block_hash`, the hash of block `number` as the caller knows it, a head at or below that number
        which is another block is returned as well: the chain was reorganised and is no longer. A head is never
        returned twice to a caller that names the one it has.

        Raises:
            RetryableError: no endpoint tells its head now; the next call asks again after the usual pause.
        """
        self._stream.start()
        if self.newest is not None and self.newest.number > number:
            if not self._bell.is_set():
                return self.newest
        elif self._asked:
            await self._ring()
        while True:
            head = await self._ask()
            replaced = block_hash is not None and head.hash != block_hash
            if head.number > number or (replaced and head.number <= number):
                return head
            await self._ring()

    async def _ring(self) -> None:
        """Wait until a head is announced, or for as long as may pass without a look."""
        if self._stream.connected and self._stream.interval:
            patience = min(self._poll, max(1.0, SILENT_INTERVALS * self._stream.interval))
        else:
            patience = self._poll
        try:
            async with asyncio.timeout(patience):
                await self._bell.wait()
        except TimeoutError:
            self.polls += 1

    async def _ask(self) -> Header:
        """The newest head by the endpoints, asked again while they lack what was announced."""
        rung, self._asked = self._bell.is_set(), True
        self._bell.clear()
        before = self.newest.number if self.newest else -1
        head = await self.node.head()
        for attempt in range(CATCH_UPS):
            if head.number >= self._stream.announced:
                break
            await asyncio.sleep(CATCH_UP_SECONDS * 2**attempt)
            head = await self.node.head()
        else:
            self._stream.announced = head.number  # nobody has that block: the stream invented it or lost it
        self.newest = head
        if (
            self._stream.connected
            and not rung
            and before >= 0
            and head.number > max(before, self._stream.announced)
        ):
            self._missed += 1
            if self._missed >= MISSED_HEADS:
                self._missed = 0
                await self._stream.hang_up()
        elif rung:
            self._missed = 0
        return head


class HeadStream:
    """One WebSocket at a time, of those the chains file names; the next one when it breaks or falls silent."""

    def __init__(self, node: Node, bell: asyncio.Event) -> None:
        self.node = node
        self.urls = node.spec.streams
        self.connected = False
        self.announced = -1
        """Number of the highest head that was announced."""
        self.interval = 0.0
        """Usual seconds between two heads, smoothed; 0 before two were heard."""
        self._bell = bell
        self._heard = 0.0
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._silent = False
        """Whether it was said that heads are polled."""

    def start(self) -> None:
        """Begin to listen; nothing happens where the chain has no stream, or it listens already."""
        if self.urls and self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"heads of {self.node.spec.id}")

    async def close(self) -> None:
        """Stop listening."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def hang_up(self) -> None:
        """Give a connection up that no longer tells of heads; another one is opened."""
        if self._socket is not None:
            log.info("%s: a stream of heads fell silent and is opened anew", self.node.spec.name)
            await self._socket.close()

    async def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        turn = 0
        while True:
            url = self.urls[turn % len(self.urls)]
            turn += 1
            before = self.announced
            try:
                reason = await self._follow(url)
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                reason = type(error).__name__
            finally:
                self.connected, self._socket, self.interval, self._heard = False, None, 0.0, 0.0
            if self.announced != before:  # it worked for a while
                pause = FIRST_PAUSE_SECONDS
            elif turn % len(self.urls) == 0:
                self._tell(url, reason)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
            await asyncio.sleep(pause)

    def _tell(self, url: str, reason: str) -> None:
        """Say once, not at every attempt, that nothing is streamed."""
        if not self._silent:
            log.warning(
                "%s: no stream of heads works (%s: %s); heads are polled until one does",
                self.node.spec.name,
                label_of(url),
                reason,
            )
        self._silent = True

    async def _follow(self, url: str) -> str:
        """Listen until the connection ends; returns why it did."""
        session = self.node.pool.session()
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            socket = await session.ws_connect(url, heartbeat=HEARTBEAT_SECONDS)
        async with socket:
            self._socket = socket
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                chain = await _call(socket, 1, "eth_chainId", [])
                if not isinstance(chain, str) or str(int(chain, 16)) != self.node.spec.reference:
                    return "it serves another chain"
                subscription = await _call(socket, 2, "eth_subscribe", ["newHeads"])
                if not isinstance(subscription, str):
                    return "it does not take eth_subscribe"
            self.connected = True
            self._bell.set()  # what came while nobody listened is asked for now
            if self._silent:
                log.info("%s: heads are streamed again", self.node.spec.name)
                self._silent = False
            async for message in socket:
                if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                    self._hear(orjson.loads(message.data))
        return "the connection was closed"

    def _hear(self, message: Any) -> None:
        if not isinstance(message, dict) or message.get("method") != "eth_subscription":
            return
        try:
            number = int(message["params"]["result"]["number"], 16)
        except (KeyError, TypeError):
            raise ValueError("an announcement without a number") from None
        now = asyncio.get_running_loop().time()
        if self._heard:
            gap = now - self._heard
            self.interval = gap if not self.interval else 0.8 * self.interval + 0.2 * gap
        self._heard = now
        self.announced = number  # lower than before after a reorg
        self._bell.set()


async def _call(
    socket: aiohttp.ClientWebSocketResponse, number: int, method: str, params: list[object]
) -> Any:
    """One question over a socket; what comes before its answer is dropped."""
    call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    await socket.send_str(orjson.dumps(call).decode())
    while True:
        message = orjson.loads(await socket.receive_str())
        if isinstance(message, dict) and message.get("id") == number:
            return message.get("result")
