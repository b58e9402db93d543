"""A proxy before the node that lags, lies, cuts answers off and limits rates, as public endpoints do."""

import asyncio
import copy
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web

JSON = "application/json"
TRANSPORT = ("429", "500", "truncated", "hang up", "error for all")
"""Faults of a whole request."""
HONEST = ("rate limited call", "no block yet", "lags")
"""Faults of single calls by an endpoint that is behind or busy."""
LIES = ("wrong hash", "wrong branch", "wrong parent")
"""Answers that are well-formed and wrong."""
WITHHELD = ("no receipts", "no receipts yet", "no logs", "no traces", "no traces yet", "lost transaction")
"""Parts of a block that are left out; what else the block says betrays it."""
FAULTS = (*TRANSPORT, *HONEST, *LIES, *WITHHELD)
"""What strikes in every seed."""


@dataclass(slots=True)
class FaultyProxy:
    """Passes JSON-RPC on to `target()`; faults that are armed strike one request each, in their order."""

    target: Callable[[], str]
    dice: random.Random
    url: str = ""
    faults: tuple[str, ...] = FAULTS
    struck: Counter[str] = field(default_factory=Counter)
    armed: list[tuple[int, str]] = field(default_factory=list)
    """(requests that still pass, fault)"""
    lag_blocks: int = 0
    """A lagging endpoint answers as if the chain were this much shorter, until it is healed."""
    _session: aiohttp.ClientSession | None = None
    _told: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Blocks as they were answered, to repeat them when they are no longer true."""

    async def open(self, stack: AsyncExitStack) -> None:
        """Listen on a free loopback port until the stack closes."""
        self._session = await stack.enter_async_context(aiohttp.ClientSession())
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/"

    def arm(self, faults: int) -> list[str]:
        """Let this many faults strike soon; returns their names."""
        chosen = [self.dice.choice(self.faults) for _ in range(faults)]
        self.armed += [(self.dice.randrange(6), fault) for fault in chosen]
        return chosen

    def heal(self) -> None:
        """Be honest and up to date from now on."""
        self.armed.clear()
        self.lag_blocks = 0

    def _next_fault(self) -> str | None:
        if not self.armed:
            return None
        passes, fault = self.armed[0]
        if passes:
            self.armed[0] = (passes - 1, fault)
            return None
        return fault

    def _strike(self, fault: str) -> None:
        if self.armed:  # a request may have been on its way while the endpoint was healed
            self.armed.pop(0)
        self.struck[fault] += 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fault = self._next_fault()
        if fault in TRANSPORT:
            self._strike(fault)
            return await _BROKEN[fault](self, request, body)
        calls, replies = await self._pass_on(body)
        if fault is not None:
            before = orjson.dumps(replies)
            self._lie(fault, calls, replies)
            # a lie that found nothing to lie about waits for the next request
            if orjson.dumps(replies) != before or fault == "lags":
                self._strike(fault)
        self._lag(calls, replies)
        batch = body.lstrip().startswith(b"[")
        return web.Response(body=orjson.dumps(replies if batch else replies[0]), content_type=JSON)

    async def _pass_on(self, body: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The node's answers in the order of the calls. A node that is just restarting is waited for."""
        if self._session is None:
            raise AssertionError("the proxy is not open")
        for _ in range(200):
            try:
                async with self._session.post(
                    self.target(), data=body, headers={"content-type": JSON}
                ) as response:
                    answer = orjson.loads(await response.read())
                    break
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.02)
        else:
            raise web.HTTPBadGateway
        asked = orjson.loads(body)
        calls = asked if isinstance(asked, list) else [asked]
        given = answer if isinstance(answer, list) else [answer]
        by_id = {reply["id"]: reply for reply in given}
        replies = [by_id[call["id"]] for call in calls]
        for call, reply in zip(calls, replies, strict=True):
            self._remember(call, reply)
        return calls, replies

    def _remember(self, call: dict[str, Any], reply: dict[str, Any]) -> None:
        block = reply.get("result")
        if call["method"] == "eth_getBlockByNumber" and isinstance(block, dict) and call["params"][1]:
            self._told.setdefault(block["number"], copy.deepcopy(block))

    def _lag(self, calls: list[dict[str, Any]], replies: list[dict[str, Any]]) -> None:
        """Answer as a node whose chain ends earlier would: `latest` is older, blocks above it are unknown."""
        if not self.lag_blocks:
            return
        for call, reply in zip(calls, replies, strict=True):
            block = reply.get("result")
            if call["method"] != "eth_getBlockByNumber" or not isinstance(block, dict):
                continue
            if call["params"][0] == "latest":
                older = self._told.get(hex(int(block["number"], 16) - self.lag_blocks))
                if older is not None:
                    reply["result"] = {**older, "transactions": []}

    def _lie(self, fault: str, calls: list[dict[str, Any]], replies: list[dict[str, Any]]) -> None:
        if fault == "lags":
            self.lag_blocks = self.dice.randrange(1, 6)
            return
        for call, reply in zip(calls, replies, strict=True):
            if _LIES[fault](self, call, reply):
                return

    async def _limit(self, _request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "0.05"}, text="slow down")

    async def _fail(self, _request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=502, text="<html>bad gateway</html>", content_type="text/html")

    async def _cut(self, _request: web.Request, body: bytes) -> web.StreamResponse:
        _, replies = await self._pass_on(body)
        text = orjson.dumps(replies if body.lstrip().startswith(b"[") else replies[0])
        return web.Response(body=text[: max(1, self.dice.randrange(len(text)))], content_type=JSON)

    async def _hang_up(self, request: web.Request, _body: bytes) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.close()
        return web.Response()

    async def _one_error(self, _request: web.Request, _body: bytes) -> web.StreamResponse:
        error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32005, "message": "limit exceeded"}}
        return web.Response(body=orjson.dumps(error), content_type=JSON)

    def _busy(self, _call: dict[str, Any], reply: dict[str, Any]) -> bool:
        reply.pop("result", None)
        reply["error"] = {"code": 429, "message": "Too many requests, please try again"}
        return True

    def _no_block(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        return _replaced(call, reply, "eth_getBlockByNumber", None)

    def _null_receipts(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        return _replaced(call, reply, "eth_getBlockReceipts", None)

    def _null_traces(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        return _replaced(call, reply, "trace_block", None)

    def _no_receipts(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        return _replaced(call, reply, "eth_getBlockReceipts", [])

    def _no_logs(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        return _replaced(call, reply, "eth_getLogs", []) or self._logless(call, reply)

    def _logless(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        """Receipts without their logs: the bloom filter tells."""
        receipts = reply.get("result")
        if call["method"] != "eth_getBlockReceipts" or not receipts:
            return False
        if not any(receipt["logs"] for receipt in receipts):
            return False
        for receipt in receipts:
            receipt["logs"] = []
        return True

    def _no_traces(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        return _replaced(call, reply, "trace_block", [])

    def _wrong_hash(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        return _in_block(call, reply, "hash", "0x" + f"{self.dice.getrandbits(256):064x}")

    def _wrong_parent(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        return _in_block(call, reply, "parentHash", "0x" + f"{self.dice.getrandbits(256):064x}")

    def _wrong_branch(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        """A block as it was before the last reorg."""
        block = reply.get("result")
        if call["method"] != "eth_getBlockByNumber" or not isinstance(block, dict):
            return False
        before = self._told.get(block["number"])
        if before is None or before["hash"] == block["hash"]:
            return False
        reply["result"] = copy.deepcopy(before)
        return True

    def _lost_transaction(self, call: dict[str, Any], reply: dict[str, Any]) -> bool:
        """A block that leaves its last transaction out: the transactions root tells, and so do the receipts."""
        block = reply.get("result")
        if call["method"] != "eth_getBlockByNumber" or not isinstance(block, dict):
            return False
        if not call["params"][1] or not block["transactions"]:
            return False
        block["transactions"].pop()
        return True


def _replaced(call: dict[str, Any], reply: dict[str, Any], method: str, value: object) -> bool:
    if call["method"] != method or not reply.get("result"):
        return False
    reply["result"] = value
    return True


def _in_block(call: dict[str, Any], reply: dict[str, Any], name: str, value: str) -> bool:
    block = reply.get("result")
    if call["method"] != "eth_getBlockByNumber" or not isinstance(block, dict):
        return False
    block[name] = value
    return True


_BROKEN: dict[str, Callable[[FaultyProxy, web.Request, bytes], Awaitable[web.StreamResponse]]] = {
    "429": FaultyProxy._limit,
    "500": FaultyProxy._fail,
    "truncated": FaultyProxy._cut,
    "hang up": FaultyProxy._hang_up,
    "error for all": FaultyProxy._one_error,
}
_LIES: dict[str, Callable[[FaultyProxy, dict[str, Any], dict[str, Any]], bool]] = {
    "rate limited call": FaultyProxy._busy,
    "no block yet": FaultyProxy._no_block,
    "no receipts yet": FaultyProxy._null_receipts,
    "no traces yet": FaultyProxy._null_traces,
    "wrong hash": FaultyProxy._wrong_hash,
    "wrong parent": FaultyProxy._wrong_parent,
    "wrong branch": FaultyProxy._wrong_branch,
    "no receipts": FaultyProxy._no_receipts,
    "no logs": FaultyProxy._no_logs,
    "no traces": FaultyProxy._no_traces,
    "lost transaction": FaultyProxy._lost_transaction,
}
