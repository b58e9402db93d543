"""A node between us and a real one that lies, lags, limits or breaks off, as a test tells it to."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from aiohttp import web

Twist = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
"""(call, honest reply) -> reply"""
Refuse = Callable[[Any], web.Response | None]
"""(request body) -> an answer instead of the node's, or None"""


def honest(_: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    return reply


class Proxy:
    """What was asked, and how answers are changed; both may be swapped while it runs."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.twist: Twist = honest
        self.refuse: Refuse = lambda _: None
        self.asked: Counter[str] = Counter()
        self.requests = 0
        self.delay = 0.0
        """Seconds before an answer."""
        self.slow: Callable[[Any], float] = lambda _: 0.0
        """(request body) -> further seconds before its answer"""
        self.tells_length = True
        """Whether answers say how long they are before they come."""
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        self.requests += 1
        await asyncio.sleep(self.delay + self.slow(body))
        refused = self.refuse(body)
        if refused is not None:
            return refused
        calls = body if isinstance(body, list) else [body]
        self.asked.update(call["method"] for call in calls)
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.upstream, json=calls) as response,
        ):
            replies = orjson.loads(await response.read())
        twisted = [self.twist(call, reply) for call, reply in zip(calls, replies, strict=True)]
        answer = web.Response(
            body=orjson.dumps(twisted if isinstance(body, list) else twisted[0]),
            content_type="application/json",
        )
        if not self.tells_length:
            answer.enable_chunked_encoding()
        return answer


@asynccontextmanager
async def proxy(upstream: str) -> AsyncIterator[Proxy]:
    """Run a proxy on a free port."""
    middle = Proxy(upstream)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/", middle.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    middle.url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    await web.SockSite(runner, listening).start()
    try:
        yield middle
    finally:
        await runner.cleanup()


def error(reply: dict[str, Any], code: int, message: str) -> dict[str, Any]:
    """An error in the place of an answer."""
    return {"jsonrpc": "2.0", "id": reply["id"], "error": {"code": code, "message": message}}


def of_logs(change: Any) -> Any:
    """Change answers to `eth_getLogs`: `change` gets the call and its reply."""
    return lambda call, reply: change(call, reply) if call["method"] == "eth_getLogs" else reply
