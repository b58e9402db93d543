"""Read all token logs of an address over block ranges that adapt to what the endpoint bears."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from indexer.chains.evm.decode import (
    DEPOSIT,
    TRANSFER,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
    WITHDRAWAL,
    Log,
    parse_log,
)
from indexer.chains.evm.endpoint import BatchRefusedError, Call, Endpoint, Failure, OversizedError
from indexer.chains.evm.node import Header, Node, parse_header
from indexer.chains.evm.pool import ATTEMPTS
from indexer.chains.evm.wording import Refusal
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import BlockRef

MAX_WINDOWS = 160
"""Windows in one request once the width is known and the endpoint takes as many calls."""
SIDE_BY_SIDE = 4
"""Stretches read at the same time."""
LAG_REST_SECONDS = 1.0
LIE_REST_SECONDS = 0.5
LIES = 3
"""An endpoint is asked this often after a lie, in case it was load-balanced; then the run stops."""
MANY_LOGS = 20_000
"""After this many logs at once the next stretches are read one by one: memory stays flat."""


def queries_of(addresses: Sequence[str]) -> list[list[Any]]:
    """Topic filters that together find every standard transfer log of some addresses.

    Sender of ERC-20/721 and owner of a wrap stand in topic 1; recipient of ERC-20/721 and sender of ERC-1155 in
    topic 2; recipient of ERC-1155 in topic 3. Three queries see all of it.
    """
    topic = ["0x" + address[2:].rjust(64, "0") for address in addresses]
    return [
        [[TRANSFER, DEPOSIT, WITHDRAWAL], topic],
        [[TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH], None, topic],
        [[TRANSFER_SINGLE, TRANSFER_BATCH], None, None, topic],
    ]


@dataclass(slots=True)
class Scanned:
    """Logs of a range that was read completely; `end` is the header of its last block."""

    first: int
    end: Header
    logs: list[Log] = field(default_factory=list)


class LogScanner:
    """Scans some addresses; widths and refusals are kept at the endpoints and shared by all scans."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.side_by_side = SIDE_BY_SIDE

    async def next(self, addresses: Sequence[str], first: int, until: BlockRef) -> Scanned:
        """Read from block `first` on, at most to `until`: one window while its width is being learned, then
        several stretches side by side, each of as many windows as one request takes.

        Raises:
            RetryableError: no endpoint answers, or the chain is being reorganised at `until`.
            RefusedError: every endpoint refuses logs, even of a single block.
        """
        endpoint = await self._endpoint(None)
        stretch = len(_ranges(endpoint, first, until.number)) * endpoint.window.size
        if not endpoint.window.settled or first + stretch > until.number:
            return await self._request(addresses, first, until.number, until)
        starts = range(first, min(until.number + 1, first + self.side_by_side * stretch), stretch)
        parts = await asyncio.gather(
            *(self._whole(addresses, low, min(until.number, low + stretch - 1), until) for low in starts)
        )
        logs = [log for part in parts for log in part.logs]
        self.side_by_side = 1 if len(logs) > MANY_LOGS else min(SIDE_BY_SIDE, self.side_by_side * 2)
        return Scanned(first, parts[-1].end, logs)

    async def _whole(self, addresses: Sequence[str], first: int, last: int, until: BlockRef) -> Scanned:
        """Read a stretch to its end, in as many requests as it takes."""
        logs: list[Log] = []
        low = first
        while True:
            part = await self._request(addresses, low, last, until)
            logs += part.logs
            if part.end.number == last:
                return Scanned(first, part.end, logs)
            low = part.end.number + 1

    async def _request(self, addresses: Sequence[str], first: int, last: int, until: BlockRef) -> Scanned:
        """Read from `first` on as far as one request reaches, asking again until one succeeds."""
        error: RetryableError | None = None
        faults = lies = 0
        queries = queries_of(addresses)
        while faults < ATTEMPTS:
            endpoint = await self._endpoint(error)
            ranges = _ranges(endpoint, first, last)
            try:
                replies = await self._send(endpoint, _calls(queries, ranges))
                found = await self._read(endpoint, queries, ranges, replies, until=until)
            except OversizedError as big:
                _narrow(endpoint, ranges)
                error = big
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
        queries: Sequence[list[Any]],
        ranges: Sequence[tuple[int, int]],
        replies: Sequence[Any],
        *,
        until: BlockRef,
    ) -> Scanned | None:
        """Take the windows that were answered, up to the first that was not; None when none was."""
        logs: list[Log] = []
        width = len(queries)
        end = self._end(endpoint, replies[-1], ranges[-1][1], until)
        read: int | None = None
        for number, (low, high) in enumerate(ranges):
            part = replies[number * width : (number + 1) * width]
            failure = next((reply for reply in part if isinstance(reply, Failure)), None)
            if failure is not None:
                self._learn(endpoint, failure, low, high, took_some=number > 0)
                break
            here = [log for query, reply in zip(queries, part, strict=True) for log in _logs(reply, query)]
            for log in here:
                if not low <= log.block <= high:
                    raise LyingSourceError(f"{endpoint.label} answered a log outside the blocks asked for")
            endpoint.window.succeeded(high - low + 1, len(here))
            logs.extend(here)
            read = high
        else:
            endpoint.log_windows = min(MAX_WINDOWS, endpoint.log_windows * 2)
            endpoint.took_batch(len(replies))
        if read is None:
            return None
        if read != ranges[-1][1]:  # cut short: the last block that was read proves itself
            end = (await self.node.headers([read])).get(read, end)
            self._check_end(end, read, until)
        unique = {(log.block_hash, log.log_index): log for log in logs}
        return Scanned(ranges[0][0], end, sorted(unique.values(), key=lambda log: (log.block, log.log_index)))

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


def _ranges(endpoint: Endpoint, first: int, last: int) -> list[tuple[int, int]]:
    room = max(1, (endpoint.log_batch - 1) // 3)
    count = min(endpoint.log_windows, room) if endpoint.window.settled else 1
    ranges: list[tuple[int, int]] = []
    low = first
    while low <= last and len(ranges) < count:
        high = min(last, low + endpoint.window.size - 1)
        ranges.append((low, high))
        low = high + 1
    return ranges


def _calls(queries: Sequence[list[Any]], ranges: Sequence[tuple[int, int]]) -> list[Call]:
    calls = []
    for low, high in ranges:
        calls += [
            Call("eth_getLogs", [{"fromBlock": hex(low), "toBlock": hex(high), "topics": topics}])
            for topics in queries
        ]
    # the header of the last block proves that the endpoint has all of them
    calls.append(Call("eth_getBlockByNumber", [hex(ranges[-1][1]), False]))
    return calls


def _narrow(endpoint: Endpoint, ranges: Sequence[tuple[int, int]]) -> None:
    if len(ranges) > 1:
        endpoint.log_windows = 1
    else:
        low, high = ranges[0]
        endpoint.window.refused(high - low + 1, None, None)


def _logs(reply: Any, query: Sequence[Any]) -> list[Log]:
    if not isinstance(reply, list):
        raise LyingSourceError("a node answered eth_getLogs with something that is no list")
    logs = []
    for raw in reply:
        log = parse_log(raw)
        for place, wanted in enumerate(query):
            if wanted is None:
                continue
            options = wanted if isinstance(wanted, list) else [wanted]
            if place >= len(log.topics) or log.topics[place] not in options:
                raise LyingSourceError("a node answered a log that does not match the query")
        if raw.get("removed"):
            raise RetryableError("a node answered a log of a removed block: a reorg is under way")
        logs.append(log)
    return logs
