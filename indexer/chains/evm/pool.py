"""Several endpoints of one chain taken as one: failover, back-off, and refusals weighed over all of them."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.request import getproxies

import aiohttp

from indexer.chains.evm.door import ALIKE_BY_ONE, Door
from indexer.chains.evm.endpoint import (
    BatchRefusedError,
    Call,
    Endpoint,
    Failure,
    OversizedError,
)
from indexer.chains.evm.health import EndpointHealth, is_light, preferred
from indexer.chains.evm.hedge import race
from indexer.chains.evm.window import LogWindow
from indexer.chains.evm.wording import Refusal, Verdict
from indexer.model.chain import ChainSpec
from indexer.model.errors import LyingSourceError, RetryableError

log = logging.getLogger(__name__)

ATTEMPTS = 8
"""Faulty answers in a row after which a request is given up and left to the schedule."""
LONGEST_WAIT_SECONDS = 20.0
DOUBT_REST_SECONDS = 0.2
_ELSEWHERE = {Refusal.RATE, Refusal.RETRY, Refusal.LAGGING, Refusal.DOUBTED}


@dataclass(slots=True)
class _Item:
    """One call on its way: which endpoints have said no for good, and what they said."""

    call: Call
    done: bool = False
    reply: Any = None
    refused_by: dict[int, Any] = field(default_factory=dict)


class Pool:
    """The endpoints of one chain. Every one proves its chain id before it is believed."""

    def __init__(self, spec: ChainSpec) -> None:
        self.spec = spec
        self.endpoints = [Endpoint(url, LogWindow(spec.log_window)) for url in spec.endpoints]
        self.door = Door(spec.name)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def session(self) -> aiohttp.ClientSession:
        """The HTTP session, opened on first use inside the running loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=32, keepalive_timeout=15),
                # looking for a proxy costs a thread's turn for every request
                trust_env=bool(getproxies()),
            )
        return self._session

    async def ask(self, calls: Sequence[Call], *, null_is_final: bool = False) -> list[Any]:
        """Answer every call, failing over between endpoints.

        A result comes back as it is. `Failure` comes back for a refusal that every endpoint shares, for a
        reverted call, and for a log query that must be narrowed. A null from one endpoint is asked again at the
        others unless `null_is_final`.

        Raises:
            RetryableError: no endpoint answers now.
            LyingSourceError: every endpoint serves another chain.
        """
        items = [_Item(call) for call in calls]
        faults = 0
        error: RetryableError | None = None
        while open_items := [item for item in items if not item.done]:
            endpoint = await self._pick(open_items, error)
            todo = [item for item in open_items if id(endpoint) not in item.refused_by]
            part = todo[: endpoint.batch_max]
            try:
                endpoint, replies = await self._answered(endpoint, [item.call for item in part])
            except BatchRefusedError as small:
                faults, error = faults + (1 if endpoint.batch_max == 1 else 0), small
            except OversizedError as big:
                if len(part) > 1:
                    endpoint.batch_max = max(1, len(part) // 2)
                else:
                    part[0].done, part[0].reply = True, Failure(Verdict(Refusal.DENSE), str(big))
            except RetryableError as fault:
                faults, error = faults + 1, fault
            except LyingSourceError as lie:
                error = RetryableError(str(lie))
            else:
                moved = self._settle(endpoint, part, replies, null_is_final=null_is_final)
                if moved:
                    faults = 0
                else:
                    faults += 1
                    error = RetryableError(_first_complaint(endpoint, replies))
            if faults >= ATTEMPTS:
                raise error or RetryableError(f"{self.spec.name}: no endpoint answers")
        return [item.reply for item in items]

    async def ask_one(self, calls: Sequence[Call]) -> tuple[Endpoint, list[Any]]:
        """Send calls as one request to one endpoint, so that its answers belong together.

        Raises:
            RetryableError: no endpoint answers now.
        """
        error: RetryableError | None = None
        for _ in range(ATTEMPTS):
            endpoint = await self.pick(error)
            try:
                endpoint, replies = await self._answered(endpoint, calls)
                if _good(replies):
                    return endpoint, replies
                error = RetryableError(_first_complaint(endpoint, replies))
            except BatchRefusedError as small:
                if endpoint.batch_max < len(calls):
                    raise
                error = small
            except RetryableError as fault:
                error = fault
            except LyingSourceError as lie:
                error = RetryableError(str(lie))
        raise error or RetryableError(f"{self.spec.name}: no endpoint answers")

    async def pick(self, error: RetryableError | None = None, without: str | None = None) -> Endpoint:
        """The endpoint to ask next, none that refuses the method `without`; waits while all of them rest."""
        return await self._pick([], error, without)

    def health(self) -> tuple[EndpointHealth, ...]:
        """What is known of every endpoint, in the order of the chains file."""
        best = max((e.head for e in self.endpoints), default=-1)
        return tuple(e.report(best) for e in self.endpoints)

    async def _answered(self, endpoint: Endpoint, calls: Sequence[Call]) -> tuple[Endpoint, list[Any]]:
        """Send calls; a light request that takes unusually long is asked of a second endpoint as well."""
        second = self._second(endpoint) if is_light([call.method for call in calls]) else None
        if second is None:
            return endpoint, await self._send(endpoint, calls)
        return await race(lambda asked: self._send(asked, calls), endpoint, second, _good)

    def _second(self, first: Endpoint) -> Endpoint | None:
        """An endpoint that may be asked at once instead of another one."""
        now = asyncio.get_running_loop().time()
        others = [e for e in self.endpoints if e is not first and e.rejected is None and e.wait(now) <= 0]
        return min(others, key=lambda e: (e.failures, e.health.usual)) if others else None

    async def send(self, endpoint: Endpoint, calls: Sequence[Call]) -> list[Any]:
        """Send one request to a chosen endpoint, after it has proved its chain id.

        What does not fit is asked again by itself, so that a header that cannot be computed here does not cost the
        log ranges that came with it.
        """
        replies = await self._send(endpoint, calls)
        for _ in range(ALIKE_BY_ONE):
            doubted = [
                n for n, r in enumerate(replies) if isinstance(r, Failure) and r.refusal is Refusal.DOUBTED
            ]
            if not doubted:
                break
            again = await self._send(endpoint, [calls[number] for number in doubted])
            for number, reply in zip(doubted, again, strict=True):
                replies[number] = reply
        return replies

    async def _send(self, endpoint: Endpoint, calls: Sequence[Call]) -> list[Any]:
        await self._ready(endpoint)
        replies = await endpoint.post(self.session(), calls)
        return self._admit(endpoint, calls, replies)

    def _admit(self, endpoint: Endpoint, calls: Sequence[Call], replies: list[Any]) -> list[Any]:
        """Replies with those that do not fit themselves made failures, to be asked again."""
        usable = sum(e.rejected is None for e in self.endpoints)
        # headers first: what else came with them is compared with them
        order = sorted(range(len(calls)), key=lambda number: calls[number].method != "eth_getBlockByNumber")
        for number in order:
            call, reply = calls[number], replies[number]
            complaint = self.door.complaint(endpoint.url, usable, call.method, call.params, reply)
            if complaint:
                replies[number] = Failure(Verdict(Refusal.DOUBTED), complaint)
                endpoint.doubted += 1
                endpoint.failed(asyncio.get_running_loop().time(), DOUBT_REST_SECONDS)
        for numbers in _of_one_range(calls, replies):
            if self.door.silent([calls[n].params[0] for n in numbers], [replies[n] for n in numbers]):
                for number in numbers:
                    replies[number] = Failure(
                        Verdict(Refusal.DOUBTED), "a header names logs that were not answered"
                    )
        return replies

    def _settle(
        self, endpoint: Endpoint, part: list[_Item], replies: list[Any], *, null_is_final: bool
    ) -> bool:
        """Note replies; returns whether anything was learned."""
        moved = False
        for item, reply in zip(part, replies, strict=True):
            if isinstance(reply, Failure) and reply.refusal in _ELSEWHERE:
                if reply.refusal is Refusal.LAGGING:
                    endpoint.failed(asyncio.get_running_loop().time(), 0.5)
                continue
            moved = True
            refused = isinstance(reply, Failure) and reply.refusal is Refusal.REFUSED
            if refused or (reply is None and not null_is_final):
                item.refused_by[id(endpoint)] = reply
                if all(id(e) in item.refused_by for e in self.endpoints if e.rejected is None):
                    # a null says more than a refusal: somebody looked and found nothing
                    values = item.refused_by.values()
                    item.done, item.reply = True, None if None in values else reply
                continue
            item.done, item.reply = True, reply
        return moved

    async def _pick(
        self, items: list[_Item], error: RetryableError | None, refusing: str | None = None
    ) -> Endpoint:
        """The endpoint to ask next: rested ones first, then those without faults, then the faster ones."""
        now = asyncio.get_running_loop().time()
        usable = [e for e in self.endpoints if e.rejected is None]
        if not usable:
            raise LyingSourceError("; ".join(e.rejected or "" for e in self.endpoints))
        wanted = [
            e
            for e in usable
            if refusing not in e.refused_methods
            and (not items or any(id(e) not in item.refused_by for item in items))
        ]
        best = _healthiest(wanted or usable, now)
        wait = best.rests_until - now
        if wait > LONGEST_WAIT_SECONDS:
            raise error or RetryableError(f"{best.label} asks to wait", wait)
        if wait > 0:
            await asyncio.sleep(wait)
        return best

    async def _ready(self, endpoint: Endpoint) -> None:
        """Check once that an endpoint serves this chain."""
        if endpoint.checked:
            return
        reply = (await endpoint.post(self.session(), [Call("eth_chainId", [])]))[0]
        if isinstance(reply, Failure):
            raise RetryableError(f"{endpoint.label} does not say its chain id: {reply.message}")
        try:
            found = int(reply, 16)
        except (TypeError, ValueError):
            raise RetryableError(f"{endpoint.label} answers eth_chainId with no number") from None
        if str(found) != self.spec.reference:
            endpoint.rejected = (
                f"{endpoint.label} serves chain {found}, but it is listed under {self.spec.id} "
                f"({self.spec.name}): correct its URL in the chains file or its override"
            )
            log.error("%s", endpoint.rejected)
            raise LyingSourceError(endpoint.rejected)
        endpoint.checked = True


def _of_one_range(calls: Sequence[Call], replies: Sequence[Any]) -> list[list[int]]:
    """Answered log queries of the range that ends at a header which was asked for with them."""
    ends = {call.params[0] for call in calls if call.method == "eth_getBlockByNumber"}
    if not ends:
        return []
    found: dict[tuple[str, str], list[int]] = {}
    for number, (call, reply) in enumerate(zip(calls, replies, strict=True)):
        if call.method == "eth_getLogs" and call.params[0].get("toBlock") in ends and isinstance(reply, list):
            query = call.params[0]
            found.setdefault((query.get("fromBlock"), query["toBlock"]), []).append(number)
    return list(found.values())


def _good(replies: list[Any]) -> bool:
    return not any(isinstance(reply, Failure) and reply.refusal in _ELSEWHERE for reply in replies)


def _healthiest(endpoints: Sequence[Endpoint], now: float) -> Endpoint:
    """Who waits least and failed least lately; among equals the one preferred by speed and by the file."""
    keys = [(e.wait(now), e.failures) for e in endpoints]
    equals = [e for e, key in zip(endpoints, keys, strict=True) if key == min(keys)]
    return equals[preferred([e.health.usual for e in equals])]


def _first_complaint(endpoint: Endpoint, replies: list[Any]) -> str:
    for reply in replies:
        if isinstance(reply, Failure):
            return f"{endpoint.label}: {reply.message}"
    return f"{endpoint.label} does not answer"
