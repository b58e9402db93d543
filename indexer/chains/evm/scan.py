"""Read all token logs of many addresses over block ranges that adapt to what the endpoint bears."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.chains.evm.decode import POLYGON_COIN
from indexer.chains.evm.endpoint import (
    MAX_LOG_BODY,
    BatchRefusedError,
    Call,
    Endpoint,
    Failure,
    LateError,
    OversizedError,
)
from indexer.chains.evm.filters import Filters, Query
from indexer.chains.evm.node import Header, Node, parse_header
from indexer.chains.evm.plain import Answer, AnswerReader
from indexer.chains.evm.pool import ATTEMPTS
from indexer.chains.evm.raw_log import RawLog, to_raw_logs
from indexer.chains.evm.wording import Refusal
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import BlockRef

MAX_WINDOWS = 160
"""Windows in one request once the width is known and the endpoint takes as many calls."""
SIDE_BY_SIDE = 3
"""Stretches read at the same time."""
LAG_REST_SECONDS = 1.0
LIE_REST_SECONDS = 0.5
LIES = 3
"""An endpoint is asked this often after a lie, in case it was load-balanced; then the run stops."""
MANY_LOGS = 4_000
"""A stretch is no longer than what so many logs lie in, as far as the last one tells: memory stays flat, and what was
read is written while the next is on its way."""

FIRST_LOOK = 100
"""Blocks that are read first where it is open whether all logs are fewer than those of the addresses."""
ROOM = 0.75
"""How much of the longest answer the next one is meant to fill, after one that was too long."""
LOG_SHARE = 600 / MAX_LOG_BODY
"""What a log of some 600 bytes takes of it."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What an answer that was too long has told: the logs up to `last` fill so many of the longest answers."""

    last: int
    size: float

    def reach(self, first: int) -> int:
        """The last block of a request from `first` on, were the logs spread evenly."""
        blocks = self.last - first + 1
        return first + max(1, min(blocks, int(blocks * ROOM / self.size))) - 1

    def behind(self, number: int, logs: int) -> "Crowd | None":
        """What is left behind a block, up to which there were so many logs."""
        size = self.size - logs * LOG_SHARE
        return Crowd(self.last, size) if number < self.last and size > ROOM else None


@dataclass(slots=True)
class Scanned:
    """What the logs of a range tell that was read completely; `end` is the header of its last block.

    `received` counts what came over the wire, also what nobody watched. `crowd`: what is known of the blocks that follow.
    """

    first: int
    end: Header
    told: Answer
    received: int = 0
    crowd: Crowd | None = None


class LogScanner:
    """Scans addresses; widths and refusals are kept at the endpoints and shared by all scans."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._answers = AnswerReader(node.spec)

    async def scan(
        self, addresses: Iterable[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Scanned]:
        """Read blocks `first` to `last` in their order: one window while its width is being learned, then
        several stretches side by side, each of as many windows as one request takes.

        Raises:
            RetryableError: no endpoint answers, or the chain is being reorganised at `head`.
            RefusedError: every endpoint refuses logs, even of a single block.
        """
        filters = Filters(addresses, coin=self.node.spec.native_token_contract == POLYGON_COIN)
        running: deque[tuple[int, asyncio.Task[Scanned]]] = deque()
        """Stretches on their way, each by its last block."""
        low, room, longest = first, 1, FIRST_LOOK if filters.undecided else last - first + 1
        found: Scanned | None = None
        try:
            while low <= last or running or found:
                if found is not None and found.first == first:
                    yield found  # alone: what is asked about it does not wait behind all that follows
                    found = None
                while low <= last and len(running) < room:
                    high = min(last, low + min(longest, await self._stretch(filters, low, last)) - 1)
                    running.append((high, asyncio.create_task(self._read_on(filters, low, high, head))))
                    low = high + 1
                if found is not None:
                    await asyncio.sleep(0)  # what follows is on its way while this is worked on
                    yield found
                found = None
                if running:
                    high, reading = running.popleft()
                    found = await reading
                    if found.end.number < high:
                        rest = self._read_on(filters, found.end.number + 1, high, head, found.crowd)
                        running.appendleft((high, asyncio.create_task(rest)))
                    await self._choose(filters, found)
                    room = await self._room()
                    blocks = found.end.number - found.first + 1
                    longest = max(1, MANY_LOGS * blocks // max(1, found.received))
        finally:
            for _, task in running:
                task.cancel()
            await asyncio.gather(*(task for _, task in running), return_exceptions=True)

    async def _stretch(self, filters: Filters, first: int, last: int) -> int:
        endpoint = await self._endpoint(None)
        return len(_ranges(endpoint, filters, first, last)) * endpoint.window.size

    async def _room(self) -> int:
        """How many stretches may be on their way: two while windows still grow, so that the node need not wait for us."""
        window = (await self._endpoint(None)).window
        return SIDE_BY_SIDE if window.settled or window.full else 2

    async def _choose(self, filters: Filters, found: Scanned) -> None:
        """Ask for all logs instead of those of the addresses where that is less: on chains with few others."""
        told = found.told
        if not filters.worth_probing(found.received, len(told.transfers) + len(told.logs)):
            return
        filled = Counter(fact.block.number for fact in told.transfers)
        filled.update(log.block for log in told.logs)
        block, came = filled.most_common(1)[0]
        reply = (await self.node.pool.ask([Call("eth_getLogs", [filters.probe(block)])]))[0]
        if isinstance(reply, list):
            filters.probed(len(reply), came)

    async def _read_on(
        self, filters: Filters, first: int, last: int, head: BlockRef, crowd: Crowd | None = None
    ) -> Scanned:
        """Read a stretch in as many requests as it takes: to its end, or as far as many logs lie."""
        told = Answer()
        low, received = first, 0
        while True:
            part = await self._request(filters, low, last, head, crowd)
            told.add(part.told)
            received += part.received
            crowd = part.crowd
            if part.end.number == last or received > MANY_LOGS:
                return Scanned(first, part.end, told, received, crowd)
            low = part.end.number + 1

    async def _request(
        self, filters: Filters, first: int, last: int, until: BlockRef, crowd: Crowd | None
    ) -> Scanned:
        """Read from `first` on as far as one request reaches, asking again until one succeeds."""
        error: RetryableError | None = None
        faults = lies = 0
        queries = filters.queries
        while faults < ATTEMPTS:
            endpoint = await self._endpoint(error)
            ranges = _ranges(endpoint, filters, first, min(last, crowd.reach(first)) if crowd else last)
            try:
                replies = await self._send(endpoint, _calls(queries, ranges))
                found = await self._read(endpoint, queries, ranges, replies, until=until)
            except OversizedError as big:
                error = big
                faults += ranges[-1][1] == first  # less than a block cannot be asked for
                crowd = _less(endpoint, ranges, big) or crowd
            except LateError as late:
                _narrow(endpoint, ranges)
                error, faults = late, faults + 1
            except BatchRefusedError as small:
                error, faults = small, faults + (endpoint.log_batch == 1)
            except LyingSourceError as lie:
                lies += 1
                endpoint.failed(asyncio.get_running_loop().time(), LIE_REST_SECONDS)
                if lies > LIES * len(self.node.pool.endpoints):
                    raise
                error = RetryableError(str(lie))
            except RetryableError as fault:
                error, faults = fault, faults + 1
                endpoint.log_windows = max(1, endpoint.log_windows // 2)
            else:
                if found is not None:
                    found.crowd = crowd and crowd.behind(found.end.number, found.received)
                    return found
        raise error or RetryableError(f"{self.node.spec.name}: logs cannot be read now")

    async def _send(self, endpoint: Endpoint, calls: list[Call]) -> list[Any]:
        """All calls to one endpoint, in as many requests as it needs for them."""
        replies: list[Any] = []
        while len(replies) < len(calls):
            part = calls[len(replies) : len(replies) + endpoint.log_batch]
            replies += await self.node.pool.send(endpoint, part)
        return replies

    async def _endpoint(self, error: RetryableError | None) -> Endpoint:
        pool = self.node.pool
        usable = [e for e in pool.endpoints if e.rejected is None]
        if usable and all("eth_getLogs" in e.refused_methods for e in usable):
            raise RefusedError(
                f"{self.node.spec.name}: no endpoint serves eth_getLogs ({usable[0].refusal}). "
                "Add another endpoint to the chains file."
            )
        return await pool.pick(error, without="eth_getLogs")

    async def _read(
        self,
        endpoint: Endpoint,
        queries: Sequence[Query],
        ranges: Sequence[tuple[int, int]],
        replies: Sequence[Any],
        *,
        until: BlockRef,
    ) -> Scanned | None:
        """Take the windows that were answered, up to the first that was not; None when none was."""
        told = Answer()
        width, received = len(queries), 0
        end = self._end(endpoint, replies[-1], ranges[-1][1], until)
        read: int | None = None
        for number, (low, high) in enumerate(ranges):
            part = replies[number * width : (number + 1) * width]
            failure = next((reply for reply in part if isinstance(reply, Failure)), None)
            if failure is not None:
                self._learn(endpoint, failure, low, high, took_some=number > 0)
                break
            for query, reply in zip(queries, part, strict=True):
                answer = self._answers.read(_logs(reply), query)
                if not all(low <= block.number <= high for block in answer.blocks):
                    raise LyingSourceError(f"{endpoint.label} answered a log outside the blocks asked for")
                told.add(answer)
            endpoint.window.succeeded(high - low + 1, max(map(len, part)))
            received += sum(map(len, part))
            read = high
        else:
            endpoint.log_windows = min(MAX_WINDOWS, endpoint.log_windows * 2)
            endpoint.took_batch(len(replies))
        if read is None:
            return None
        if read != ranges[-1][1]:  # cut short: the last block that was read proves itself
            end = (await self.node.headers([read])).get(read, end)
            self._check_end(end, read, until)
        await self._compare(endpoint, told)
        return Scanned(ranges[0][0], end, told, received)

    async def _compare(self, endpoint: Endpoint, told: Answer) -> None:
        """Take an endpoint's word for the times of blocks if it was right about one; else they count as not told."""
        if endpoint.stamps_blocks is None:
            stamped = (block for block in reversed(told.blocks) if block.number not in told.timeless)
            if (one := next(stamped, None)) is not None:
                header = (await self.node.headers([one.number])).get(one.number)
                if header is not None and header.hash == one.hash:
                    endpoint.stamps_blocks = header.ref == one
        if not endpoint.stamps_blocks:
            told.timeless.update(block.number for block in told.blocks)

    def _end(self, endpoint: Endpoint, reply: Any, number: int, until: BlockRef) -> Header:
        """The header of a window's last block proves that the endpoint has all its blocks."""
        if reply is None or isinstance(reply, Failure):
            endpoint.failed(asyncio.get_running_loop().time(), LAG_REST_SECONDS)  # others are asked meanwhile
            raise RetryableError(f"{endpoint.label} does not have block {number} yet")
        header = parse_header(reply)
        self._check_end(header, number, until)
        return header

    def _check_end(self, header: Header, number: int, until: BlockRef) -> None:
        if header.number != number:
            raise LyingSourceError(f"a node answered block {header.number} for block {number}")
        if number == until.number and header.hash != until.hash:
            raise RetryableError(f"{self.node.spec.name} was reorganised at block {number} while it was read")
        self.node.remember(header.ref)

    def _learn(self, endpoint: Endpoint, failure: Failure, low: int, high: int, *, took_some: bool) -> None:
        width, verdict = high - low + 1, failure.verdict
        if verdict.refusal in {Refusal.RANGE, Refusal.DENSE}:
            if width > 1:
                offered = verdict.offer[1] - verdict.offer[0] + 1 if verdict.offer else None
                endpoint.window.refused(width, verdict.limit, offered)
                return
            self._refuse(endpoint, failure)
        elif verdict.refusal is Refusal.REFUSED:
            self._refuse(endpoint, failure)
        elif not took_some:
            raise RetryableError(f"{endpoint.label}: {failure.message}")

    @staticmethod
    def _refuse(endpoint: Endpoint, failure: Failure) -> None:
        endpoint.refused_methods.add("eth_getLogs")
        endpoint.refusal = failure.message


def _ranges(endpoint: Endpoint, filters: Filters, first: int, last: int) -> list[tuple[int, int]]:
    room = max(1, (endpoint.log_batch - 1) // len(filters.queries))
    count = min(endpoint.log_windows, room) if endpoint.window.settled else 1
    ranges: list[tuple[int, int]] = []
    low = first
    while low <= last and len(ranges) < count:
        high = min(last, low + endpoint.window.size - 1)
        ranges.append((low, high))
        low = high + 1
    return ranges


def _calls(queries: Sequence[Query], ranges: Sequence[tuple[int, int]]) -> list[Call]:
    calls = []
    for low, high in ranges:
        calls += [
            Call("eth_getLogs", [{"fromBlock": hex(low), "toBlock": hex(high), "topics": query.topics}])
            for query in queries
        ]
    # the header of the last block proves that the endpoint has all of them
    calls.append(Call("eth_getBlockByNumber", [hex(ranges[-1][1]), False]))
    return calls


def _less(endpoint: Endpoint, ranges: Sequence[tuple[int, int]], big: OversizedError) -> Crowd | None:
    """What an answer's length tells; where it was not told, narrower windows are asked for."""
    if big.size is not None:
        return Crowd(ranges[-1][1], big.size)
    _narrow(endpoint, ranges)
    return None


def _narrow(endpoint: Endpoint, ranges: Sequence[tuple[int, int]]) -> None:
    """Ask for less at once: fewer windows first; of one, half."""
    if len(ranges) > 1:
        endpoint.log_windows = 1
    else:
        low, high = ranges[0]
        endpoint.window.refused(high - low + 1, None, None)


def _logs(reply: Any) -> Sequence[RawLog]:
    if not isinstance(reply, list):
        raise LyingSourceError("a node answered eth_getLogs with something that is no list")
    if reply and not isinstance(reply[0], RawLog):
        reply = to_raw_logs(reply)  # which says what is wrong with them
    if any([raw.removed for raw in reply]):  # noqa: C419 - a list is quicker than a generator here
        raise RetryableError("a node answered a log of a removed block: a reorg is under way")
    logs: Sequence[RawLog] = reply
    return logs
