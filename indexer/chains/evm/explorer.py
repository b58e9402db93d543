"""Etherscan-compatible account APIs: their dialects, refusals and limits.

Etherscan v2: https://docs.etherscan.io/api-endpoints/accounts; Blockscout: https://docs.blockscout.com/devs/apis/rpc/account
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from indexer.chains.evm.endpoint import label_of
from indexer.model.chain import ChainSpec, Explorer, ExplorerStyle
from indexer.model.errors import RefusedError, RetryableError

ATTEMPTS = 10
TIMEOUT_SECONDS = 10.0
MAX_TIMEOUT_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 20.0

_EMPTY = (
    "no transactions found",
    "no internal transactions found",
    "no token transfers found",
    "no records found",
)
_RATE = ("rate limit", "too many requests", "max calls per sec", "daily limit", "query limit")
_RETRY = (
    "timeout",
    "timed out",
    "temporarily",
    "try again",
    "unexpected error",
    "server too busy",
    "something went wrong",
)


@dataclass(frozen=True, slots=True)
class Rows:
    """One answered page of a list. `pending`: the explorer says that internal calls are not processed yet."""

    rows: list[Mapping[str, Any]]
    pending: bool = False


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One page of an account list within blocks `first` to `last`."""

    action: str
    address: str
    first: int
    last: int
    page: int
    size: int


class WindowError(Exception):
    """The explorer pages no further than its result window (10,000 rows) within one block range."""


@dataclass(slots=True)
class _Pace:
    """When the next request may go. Chains that share an explorer and a key share its rate."""

    next_slot: float = 0.0


_PACES: dict[tuple[str, str | None], _Pace] = {}


@dataclass(slots=True)
class ExplorerClient:
    """One account API, asked no faster than it allows."""

    spec: ChainSpec
    explorer: Explorer
    label: str = ""
    requests: int = 0
    pace: _Pace = field(default_factory=_Pace)
    _timeouts: int = 0

    def __post_init__(self) -> None:
        self.pace = _PACES.setdefault((self.explorer.url, self.explorer.api_key), self.pace)
        self.label = f"{self.explorer.style.value} at {label_of(self.explorer.url)}"

    async def page(self, session: aiohttp.ClientSession, query: ListQuery) -> Rows:
        """One page of a list, oldest first, within a block range.

        Raises:
            RefusedError: the plan, the key or the chain is not served.
            RetryableError: not now.
        """
        answer = await self._ask(
            session,
            {
                "module": "account",
                "action": query.action,
                "address": query.address,
                "startblock": str(query.first),
                "endblock": str(query.last),
                "page": str(query.page),
                "offset": str(query.size),
                "sort": "asc",
            },
        )
        return Rows(*self._rows(answer))

    async def head(self, session: aiohttp.ClientSession) -> int | None:
        """The newest block the explorer has, None when it does not say."""
        blockscout = self.explorer.style is ExplorerStyle.BLOCKSCOUT
        params = {"module": "proxy", "action": "eth_blockNumber"}
        if blockscout:
            params = {"module": "block", "action": "eth_block_number"}
        try:
            answer = await self._ask(session, params)
        except RefusedError:
            return None
        try:
            return int(answer["result"], 16)
        except (KeyError, TypeError, ValueError):
            return None

    async def _ask(self, session: aiohttp.ClientSession, params: dict[str, str]) -> dict[str, Any]:
        """One answer that is no fault, asked for until it comes."""
        error: RetryableError | None = None
        for attempt in range(ATTEMPTS):
            try:
                answer = await self._object(session, params)
                self._check(answer)
            except RetryableError as fault:
                error = fault
                wait = fault.retry_after if fault.retry_after is not None else min(8.0, 0.25 * 2**attempt)
                if wait > LONGEST_WAIT_SECONDS:
                    raise
                await asyncio.sleep(wait)
            else:
                return answer
        raise error or RetryableError(f"{self.label} does not answer")

    async def _object(self, session: aiohttp.ClientSession, params: dict[str, str]) -> dict[str, Any]:
        query = dict(params)
        if self.explorer.style is ExplorerStyle.ETHERSCAN_V2:
            query["chainid"] = self.spec.reference
        if self.explorer.api_key:
            query["apikey"] = self.explorer.api_key
        await self._slot()
        self.requests += 1
        try:
            async with asyncio.timeout(min(MAX_TIMEOUT_SECONDS, TIMEOUT_SECONDS * 2**self._timeouts)):
                async with session.get(self.explorer.url, params=query) as response:
                    status, body = response.status, await response.read()
                    hint = response.headers.get("Retry-After", "")
        except TimeoutError:
            self._timeouts = min(3, self._timeouts + 1)
            raise RetryableError(f"{self.label} did not answer in time", 0.0) from None
        except (aiohttp.ClientError, OSError) as error:
            raise RetryableError(f"{self.label} cannot be reached: {type(error).__name__}") from None
        self._timeouts = 0
        return self._parsed(status, body, float(hint) if hint.isdecimal() else None)

    def _parsed(self, status: int, body: bytes, retry_after: float | None) -> dict[str, Any]:
        if status == 429:
            raise RetryableError(f"{self.label} limits the rate of requests", retry_after)
        if status in {401, 403, 404}:
            raise RefusedError(f"{self.label} answers HTTP status {status}")
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise RetryableError(
                f"{self.label} gave HTTP status {status} and no whole JSON answer", retry_after
            )
        return answer

    def _rows(self, answer: dict[str, Any]) -> tuple[list[Mapping[str, Any]], bool]:
        result = answer.get("result")
        if not isinstance(result, list):
            return [], False  # an empty list, said in words
        return [row for row in result if isinstance(row, dict)], str(answer.get("status")) == "2"

    def _check(self, answer: dict[str, Any]) -> None:
        """Tell an answer from a refusal, a rate limit and a fault."""
        if "jsonrpc" in answer and isinstance(answer.get("result"), str):
            return
        status, message, result = (
            str(answer.get("status")),
            str(answer.get("message") or ""),
            answer.get("result"),
        )
        if isinstance(result, list) and (status in {"1", "2"} or message.lower().startswith(_EMPTY)):
            return
        text = f"{message} {result if isinstance(result, str) else ''}".strip()
        if self.explorer.api_key:
            text = text.replace(self.explorer.api_key, "<key>")
        lower = text.lower()
        if "result window" in lower:
            raise WindowError(f"{self.label} lists no more than its result window")
        if any(words in lower for words in _RATE):
            raise RetryableError(f"{self.label} limits the rate of requests: {text[:120]}", 1.0)
        if any(words in lower for words in _EMPTY):
            return
        if any(words in lower for words in _RETRY):
            raise RetryableError(f"{self.label}: {text[:200]}")
        raise RefusedError(f"{self.label} refuses: {text[:200]}")

    async def _slot(self) -> None:
        """Space requests evenly: explorers count them per second."""
        now = asyncio.get_running_loop().time()
        start = max(now, self.pace.next_slot)
        self.pace.next_slot = start + 1 / self.explorer.requests_per_second
        if start > now:
            await asyncio.sleep(start - now)
