"""`trace_filter`: the frames of many addresses over ranges of blocks that adapt to what the endpoint bears.

https://openethereum.github.io/JSONRPC-trace-module#trace_filter. Nodes disagree on what both lists together mean (either
or both), so each direction is asked by itself. A filter answers single frames without those around them: whether a
frame's effects survived is for the caller to find out.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from indexer.chains.evm.endpoint import BatchRefusedError, Call, Endpoint, Failure, OversizedError
from indexer.chains.evm.node import Header, Node, parse_header
from indexer.chains.evm.pool import ATTEMPTS
from indexer.chains.evm.window import LogWindow
from indexer.chains.evm.wording import Refusal
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import BlockRef

METHOD = "trace_filter"
FIRST_WINDOW = 1_000
FULL = 5_000
"""Frames of one page; a fuller window is read in pages and narrowed afterwards."""
MAX_PAGES = 200
TOGETHER = 50
"""Addresses of one filter."""
SIDE_BY_SIDE = 4
"""Windows that are read at the same time."""
LAG_REST_SECONDS = 1.0

_LIMIT = re.compile(
    r"(?:limited to|limit(?:ed)? (?:is|of)|max(?:imum)?(?: is| of)?|at most|up to)\D{0,12}(\d[\d,_]*)"
)
_TOO_MUCH = (
    "range",
    "too many",
    "too large",
    "too big",
    "exceed",
    "limit",
    "timeout",
    "timed out",
    "took too long",
)
_NOT_UNDERSTOOD = (
    "unmarshal",
    "deserialize",
    "invalid type",
    "unknown field",
    "unrecognized",
    '"count"',
    "'count'",
)

Trace = Mapping[str, Any]


@dataclass(slots=True)
class Traced:
    """Frames of a range that was read completely; `end` is the header of its last block."""

    first: int
    end: Header
    traces: list[Trace] = field(default_factory=list)


def parties(trace: Trace) -> set[str]:
    """The addresses a filter may find a frame by.

    Raises:
        LyingSourceError: the frame lacks its fields.
    """
    try:
        action, result = trace["action"], trace.get("result") or {}
        names = [action.get(key) for key in ("from", "to", "address", "refundAddress", "author")]
        return {str(name).lower() for name in (*names, result.get("address")) if name}
    except (KeyError, TypeError, AttributeError) as error:
        raise LyingSourceError(f"a trace without its fields was answered ({error})") from None


class TraceScanner:
    """Reads ranges; widths and refusals are kept per endpoint and shared by all who read."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._windows: dict[int, LogWindow] = {}
        self._unpaged: set[int] = set()
        """Endpoints that ignore `after`: a full window of theirs is narrowed instead."""
        self._uncounted: set[int] = set()
        """Endpoints that do not understand `count`: they answer everything at once."""

    async def scan(
        self, addresses: Iterable[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Traced]:
        """Read from block `first` to `last`, window by window.

        Raises:
            RetryableError: no endpoint answers, or the chain is being reorganised at `head`.
            RefusedError: every endpoint refuses, even for a single block.
        """
        asked = frozenset(addresses)
        named = sorted(asked)
        lists = [named[start : start + TOGETHER] for start in range(0, len(named), TOGETHER)]
        low = first
        while low <= last:
            width = self._settled_width()
            if width is None:  # one window, while it is being learned how wide they may be
                found = [await self._next(lists, asked, (low, last), head)]
            else:
                starts = range(low, min(last + 1, low + SIDE_BY_SIDE * width), width)
                spans = [(start, min(last, start + width - 1)) for start in starts]
                found = await asyncio.gather(*(self._whole(lists, asked, span, head) for span in spans))
            for traced in found:
                yield traced
            low = found[-1].end.number + 1

    def _settled_width(self) -> int | None:
        """The narrowest width in use, once every endpoint that was asked has shown what it bears."""
        windows = [w for w in self._windows.values() if w.size > 0]
        if not windows or not all(window.settled for window in windows):
            return None
        return min(window.size for window in windows)

    async def _whole(
        self, lists: Sequence[Sequence[str]], asked: frozenset[str], span: tuple[int, int], head: BlockRef
    ) -> Traced:
        """A span to its end, in as many windows as it takes."""
        found = await self._next(lists, asked, span, head)
        while found.end.number < span[1]:
            more = await self._next(lists, asked, (found.end.number + 1, span[1]), head)
            found = Traced(span[0], more.end, [*found.traces, *more.traces])
        return found

    async def _next(
        self, lists: Sequence[Sequence[str]], asked: frozenset[str], span: tuple[int, int], head: BlockRef
    ) -> Traced:
        """One window from the first block of the span on, asked for again until it is answered."""
        error: RetryableError | None = None
        faults = 0
        first = span[0]
        while faults < ATTEMPTS:
            endpoint = await self._endpoint(error)
            window = self._windows.setdefault(id(endpoint), LogWindow(FIRST_WINDOW))
            last = min(span[1], first + window.size - 1)
            try:
                found = await self._window(endpoint, lists, asked, (first, last), head)
            except (BatchRefusedError, OversizedError) as big:
                error, faults = big, faults + (last == first)
                window.refused(last - first + 1, None, None)
            except LyingSourceError as lie:
                error, faults = RetryableError(str(lie)), faults + 1
                endpoint.failed(asyncio.get_running_loop().time(), LAG_REST_SECONDS)
            except RetryableError as fault:
                error, faults = fault, faults + 1
            else:
                if found is not None:
                    return found
        raise error or RetryableError(f"{self.node.spec.name}: traces cannot be read now")

    async def _endpoint(self, error: RetryableError | None) -> Endpoint:
        usable = [e for e in self.node.pool.endpoints if e.rejected is None]
        if usable and all(METHOD in e.refused_methods for e in usable):
            raise RefusedError(f"{self.node.spec.name}: no endpoint serves {METHOD} ({usable[0].refusal})")
        return await self.node.pool.pick(error, without=METHOD)

    async def _window(
        self,
        endpoint: Endpoint,
        lists: Sequence[Sequence[str]],
        asked: frozenset[str],
        span: tuple[int, int],
        head: BlockRef,
    ) -> Traced | None:
        """Read one window; None when the endpoint wants a narrower one, or refuses for good."""
        counted = {} if id(endpoint) in self._uncounted else {"count": FULL}
        filters = [
            {"fromBlock": hex(span[0]), "toBlock": hex(span[1]), side: list(names), **counted}
            for names in lists
            for side in ("fromAddress", "toAddress")
        ]
        calls = [Call(METHOD, [one]) for one in filters]
        calls.append(Call("eth_getBlockByNumber", [hex(span[1]), False]))
        replies = await self._send(endpoint, calls)
        end = self._end(endpoint, replies[-1], span[1], head)
        traces: dict[tuple[object, ...], Trace] = {}
        for one, reply in zip(filters, replies[:-1], strict=True):
            rows = await self._all(endpoint, one, reply)
            if rows is None or isinstance(rows, Failure):
                self._learn(endpoint, span, rows)
                return None
            seen: Counter[tuple[object, ...]] = Counter()
            for row in rows:
                # a reward has a recipient alone; some nodes answer it to both filters
                if _wanted(row, asked, span) and ("toAddress" in one or row.get("type") != "reward"):
                    mark = _mark(row)
                    traces[*mark, seen[mark]] = row
                    seen[mark] += 1
        self._windows[id(endpoint)].succeeded(span[1] - span[0] + 1, len(traces))
        return Traced(span[0], end, list(traces.values()))

    async def _send(self, endpoint: Endpoint, calls: Sequence[Call]) -> list[Any]:
        """All calls to one endpoint: what its last block proves counts for itself alone."""
        replies: list[Any] = []
        while len(replies) < len(calls):
            part = calls[len(replies) : len(replies) + endpoint.batch_max]
            replies += await self.node.pool.send(endpoint, part)
        return replies

    async def _all(
        self, endpoint: Endpoint, query: dict[str, Any], reply: Any
    ) -> list[Trace] | Failure | None:
        """The rows of one filter with all further pages; None when a full answer cannot be paged through."""
        if isinstance(reply, Failure):
            return reply
        rows = _rows(reply)
        if len(rows) < FULL or "count" not in query:
            return rows
        alone = query["fromBlock"] == query["toBlock"]
        if id(endpoint) in self._unpaged and not alone:
            return None
        whole = await self._further(endpoint, query, rows)
        if whole is None and alone and len(rows) > FULL:
            return rows  # it knows neither `count` nor `after`: this was all there is
        return whole

    async def _further(
        self, endpoint: Endpoint, query: dict[str, Any], rows: list[Trace]
    ) -> list[Trace] | Failure | None:
        """All pages of a filter; None where they do not end or repeat themselves."""
        marks = {_mark(row) for row in rows}
        for _ in range(MAX_PAGES):
            answer = (await self._send(endpoint, [Call(METHOD, [{**query, "after": len(rows)}])]))[0]
            if isinstance(answer, Failure):
                return answer
            more = _rows(answer)
            fresh = [row for row in more if _mark(row) not in marks]
            if more and not fresh:
                self._unpaged.add(id(endpoint))
                return None
            marks.update(_mark(row) for row in fresh)
            rows = rows + fresh
            if len(more) < FULL:
                return rows
        return None

    def _end(self, endpoint: Endpoint, reply: Any, number: int, head: BlockRef) -> Header:
        """The header of the last block proves that the endpoint has all blocks it was asked about."""
        if reply is None or isinstance(reply, Failure):
            endpoint.failed(asyncio.get_running_loop().time(), LAG_REST_SECONDS)
            raise RetryableError(f"{endpoint.label} does not have block {number} yet")
        header = parse_header(reply)
        if header.number != number:
            raise LyingSourceError(f"a node answered block {header.number} for block {number}")
        if number == head.number and header.hash != head.hash:
            raise RetryableError(f"{self.node.spec.name} was reorganised at block {number} while it was read")
        self.node.remember(header.ref)
        return header

    def _learn(self, endpoint: Endpoint, span: tuple[int, int], failure: Failure | None) -> None:
        """Narrow the window, or give the endpoint up for this method."""
        width = span[1] - span[0] + 1
        window = self._windows[id(endpoint)]
        if failure is None:
            window.refused(width, None, None)
            return
        text = failure.message.lower()
        if failure.refusal in {Refusal.RATE, Refusal.RETRY, Refusal.LAGGING} and not any(
            word in text for word in ("range", "timeout", "timed out", "took too long")
        ):
            raise RetryableError(f"{endpoint.label}: {failure.message}")
        if id(endpoint) not in self._uncounted and any(word in text for word in _NOT_UNDERSTOOD):
            self._uncounted.add(id(endpoint))
            return
        if width > 1 and any(word in text for word in _TOO_MUCH):
            match = _LIMIT.search(text)
            limit = int(re.sub(r"[,_]", "", match[1])) if match else None
            window.refused(width, limit if limit and "block" in text else None, None)
            return
        endpoint.refused_methods.add(METHOD)
        endpoint.refusal = failure.message


def _rows(reply: Any) -> list[Trace]:
    if reply is None:
        return []
    if not isinstance(reply, list):
        raise LyingSourceError(f"a node answered {METHOD} with something that is no list")
    return list(reply)


def _mark(row: Trace) -> tuple[object, ...]:
    """What tells frames of a range apart; rewards have neither transaction nor path."""
    try:
        author = (row["action"].get("author"), row["action"].get("rewardType"), row["action"].get("value"))
        return row["blockNumber"], row.get("transactionHash"), tuple(row.get("traceAddress") or ()), author
    except (KeyError, TypeError, AttributeError) as error:
        raise LyingSourceError(f"a trace without its fields was answered ({error})") from None


def block_of(row: Trace) -> int:
    """The number of a frame's block; nodes write it as a number or in hexadecimal."""
    number = row["blockNumber"]
    try:
        return int(number, 16) if isinstance(number, str) else int(number)
    except (TypeError, ValueError):
        raise LyingSourceError("a trace without its block was answered") from None


def _wanted(row: Trace, asked: frozenset[str], span: tuple[int, int]) -> bool:
    """Whether a frame was asked for. Rewards of others are answered by some nodes and left out.

    Raises:
        LyingSourceError: the answer is to another question; filters that are ignored cannot be believed.
    """
    if not span[0] <= block_of(row) <= span[1]:
        raise LyingSourceError(
            f"a node answered a trace of block {row['blockNumber']}, outside the range asked for"
        )
    if parties(row) & asked:
        return True
    if row.get("type") == "reward":
        return False
    raise LyingSourceError("a node answered traces that do not match the filter")
