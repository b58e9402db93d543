"""One JSON-RPC endpoint: a bounded, timed HTTP request and what its answer means.

JSON-RPC 2.0: https://www.jsonrpc.org/specification
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import orjson

from indexer.chains.evm.bucket import Bucket
from indexer.chains.evm.health import EndpointHealth, Health, is_light
from indexer.chains.evm.raw_log import loads_logs
from indexer.chains.evm.window import LogWindow
from indexer.chains.evm.wording import Refusal, Verdict, classify, rate_in_words
from indexer.model.errors import RetryableError

MAX_BODY = 64 << 20
"""Bytes of an answer that are read; a longer one is refused as too dense."""
MAX_LOG_BODY = 8 << 20
"""The same for logs of several blocks, which can be asked for in parts: memory stays flat where blocks become dense."""
BATCH = 100
LOG_BATCH = 480
PARALLEL = 4
FIRST_TIMEOUT_SECONDS = 10.0
LEAST_TIMEOUT_SECONDS = 4.0
MAX_TIMEOUT_SECONDS = 60.0
MAX_REST_SECONDS = 60.0


class Call(NamedTuple):
    """One method with its parameters."""

    method: str
    params: list[Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """A JSON-RPC error that is final for the endpoint that gave it."""

    verdict: Verdict
    message: str

    @property
    def refusal(self) -> Refusal:
        """The kind of refusal."""
        return self.verdict.refusal


class BatchRefusedError(RetryableError):
    """The endpoint takes fewer calls in one request."""


class LateError(RetryableError):
    """No answer in time: the endpoint hangs, or is asked for too much at once."""


class OversizedError(RetryableError):
    """The answer is longer than this process reads; `size`, in longest answers, if the endpoint told its length."""

    def __init__(self, text: str, size: float | None = None) -> None:
        super().__init__(text)
        self.size = size


def label_of(url: str) -> str:
    """Scheme and host of a URL; path and query may hold a key and are left out."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


@dataclass(slots=True)
class Endpoint:
    """State of one endpoint as it is learned from its answers. Times are seconds of the event loop's clock."""

    url: str
    window: LogWindow
    label: str = ""
    checked: bool = False
    rejected: str | None = None
    """Why it is never used (it serves another chain)."""
    head: int = -1
    batch_max: int = BATCH
    log_batch: int = BATCH
    """Calls of one log request; their answers are small, so it grows until the endpoint refuses."""
    failures: int = 0
    timeouts: int = 0
    health: Health = field(default_factory=Health)
    bucket: Bucket = field(default_factory=Bucket)
    rests_until: float = 0.0
    requests: int = 0
    doubted: int = 0
    """Answers about blocks that did not fit themselves."""
    log_windows: int = 4
    """Windows of `eth_getLogs` in one request; halved by faults."""
    refused_methods: set[str] = field(default_factory=set)
    refusal: str = ""
    """The endpoint's own words for the last method it refused."""
    stamps_blocks: bool | None = None
    """Whether `blockTimestamp` of its logs equals the header's; None before it was compared."""
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARALLEL))

    def __post_init__(self) -> None:
        self.label = self.label or label_of(self.url)

    @property
    def timeout(self) -> float:
        """Seconds to wait for an answer: a multiple of its usual latency, doubled after every time-out."""
        latency = self.health.latency
        usual = FIRST_TIMEOUT_SECONDS if latency == 0 else max(LEAST_TIMEOUT_SECONDS, 8 * latency)
        return float(min(MAX_TIMEOUT_SECONDS, usual * 2**self.timeouts))

    def succeeded(self, seconds: float, *, light: bool = False) -> None:
        """Note a good answer."""
        self.failures = self.timeouts = 0
        self.health.answered(seconds, light=light)

    def failed(self, now: float, retry_after: float | None) -> None:
        """Note a fault: the endpoint rests, longer each time, or as long as it asks for."""
        self.failures += 1
        self.health.failed()
        rest = min(MAX_REST_SECONDS, 0.1 * 2 ** min(self.failures, 10))
        if retry_after is not None:
            rest = min(MAX_REST_SECONDS, retry_after)
        self.rests_until = max(self.rests_until, now + rest)

    def limited(self, now: float, retry_after: float | None, per_second: float | None = None) -> None:
        """Note a rate limit: besides the rest, calls are spaced out from now on as the endpoint bears them."""
        self.bucket.refused(now, per_second)
        if per_second is not None:
            self.batch_max = self.log_batch = max(1, min(self.batch_max, self.log_batch, int(per_second)))
        self.failed(now, retry_after)

    def wait(self, now: float) -> float:
        """Seconds until it may be asked again: it rests, or its rate is used up."""
        return max(0.0, self.rests_until - now, self.bucket.due(now))

    def report(self, best_head: int) -> EndpointHealth:
        """What is known of it, for people."""
        return EndpointHealth(
            label=self.label,
            usable=self.rejected is None,
            requests=self.requests,
            latency=self.health.latency,
            lag=best_head - self.head if self.head >= 0 else None,
            errors=self.health.errors,
            doubted=self.doubted,
            hedges=self.health.hedges,
            overtaken=self.health.overtaken,
            rate=self.bucket.rate,
            log_window=self.window.size,
            log_cap=self.window.cap,
            refused=tuple(sorted(self.refused_methods)),
            problem=self.rejected or "",
        )

    def took_batch(self, calls: int) -> None:
        """Note that a log request of so many calls was answered whole."""
        if calls >= self.log_batch * 3 // 4 and self.log_batch >= BATCH:
            self.log_batch = min(LOG_BATCH, self.log_batch * 2)

    async def post(self, session: aiohttp.ClientSession, calls: Sequence[Call]) -> list[Any]:
        """Send calls as one request; results and `Failure`s come back in their order.

        Raises:
            RetryableError: time-out, connection error, 429, 5xx, an answer that is no JSON or cut off.
        """
        async with self._gate:
            await self._slot(len(calls))
            loop = asyncio.get_running_loop()
            started = loop.time()
            self.requests += 1
            try:
                async with asyncio.timeout(self.timeout):
                    status, retry_after, body = await self._exchange(session, calls)
            except TimeoutError:
                self.timeouts = min(self.timeouts + 1, 4)
                self.failed(loop.time(), 0.0)
                raise LateError(f"{self.label} did not answer in time") from None
            except (aiohttp.ClientError, OSError) as error:
                self.failed(loop.time(), None)
                raise RetryableError(f"{self.label} cannot be reached: {_plain(error)}") from None
        return self._read(calls, status, retry_after, body, loop.time() - started)

    async def _slot(self, calls: int) -> None:
        """Wait for the bucket; a rate that was learned meanwhile is waited for as well."""
        wait = self.bucket.take(calls, asyncio.get_running_loop().time())
        if wait > 0:
            await asyncio.sleep(min(MAX_REST_SECONDS, wait))

    async def _exchange(
        self, session: aiohttp.ClientSession, calls: Sequence[Call]
    ) -> tuple[int, float | None, bytearray]:
        objects = [
            {"jsonrpc": "2.0", "id": number, "method": call.method, "params": call.params}
            for number, call in enumerate(calls)
        ]
        payload = orjson.dumps(objects if len(objects) > 1 else objects[0])
        async with session.post(
            self.url, data=payload, headers={"content-type": "application/json"}
        ) as response:
            body = await _bounded(response, self.label, _most(calls))
            return response.status, _retry_after(response.headers.get("Retry-After")), body

    def _read(
        self, calls: Sequence[Call], status: int, retry_after: float | None, body: bytearray, seconds: float
    ) -> list[Any]:
        now = asyncio.get_running_loop().time()
        if status == 429:
            self.limited(now, retry_after)
            raise RetryableError(f"{self.label} limits the rate of requests", retry_after)
        logs = any(call.method == "eth_getLogs" for call in calls)
        try:
            answer = loads_logs(body) if logs else orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        if status == 413 and len(calls) > 1 and not isinstance(answer, list):
            raise self._smaller_batch(len(calls))
        if not isinstance(answer, dict | list) or (status >= 500 and not _speaks_rpc(answer)):
            self.failed(now, retry_after)
            told = "an answer that is no JSON or cut off" if status < 400 else f"HTTP status {status}"
            raise RetryableError(f"{self.label} gave {told}", retry_after)
        if isinstance(answer, dict) and len(calls) > 1:
            return self._one_for_all(calls, answer, now)
        items = answer if isinstance(answer, list) else [answer]
        by_id = {item.get("id"): item for item in items if isinstance(item, dict)}
        if len(calls) == 1 and len(items) == 1 and isinstance(items[0], dict):
            by_id = {0: items[0]}  # some proxies answer a single call with another id, or none
        if any(number not in by_id for number in range(len(calls))):
            self.failed(now, None)
            raise RetryableError(f"{self.label} left calls of a batch unanswered")
        replies = [self._reply(call, by_id[number]) for number, call in enumerate(calls)]
        limited = [r for r in replies if isinstance(r, Failure) and r.refusal is Refusal.RATE]
        if limited:
            self._limited_by(limited, now, retry_after)
            if len(calls) > 1:
                self.log_batch = max(1, min(self.log_batch, len(calls)) // 2)
                self.batch_max = min(self.batch_max, self.log_batch)
        else:
            self.succeeded(seconds, light=is_light([call.method for call in calls]))
        return replies

    def _limited_by(self, refusals: Sequence[Failure], now: float, retry_after: float | None) -> None:
        """Take the longest wait and the lowest rate that some refusals name."""
        waits = [r.verdict.wait for r in refusals if r.verdict.wait is not None]
        rates = [r.verdict.per_second for r in refusals if r.verdict.per_second is not None]
        self.limited(now, max(waits, default=retry_after), min(rates, default=None))

    def _one_for_all(self, calls: Sequence[Call], answer: dict[str, Any], now: float) -> list[Any]:
        """A batch that was answered with one object: an error about the request as a whole."""
        reply = self._reply(calls[0], answer)
        if isinstance(reply, Failure) and reply.refusal is Refusal.RATE:
            self._limited_by([reply], now, None)
            raise RetryableError(f"{self.label} limits the rate of requests", reply.verdict.wait)
        raise self._smaller_batch(len(calls))

    def _smaller_batch(self, calls: int) -> BatchRefusedError:
        self.log_batch = max(1, min(calls, self.log_batch) // 2)
        self.batch_max = min(self.batch_max, self.log_batch)
        return BatchRefusedError(f"{self.label} takes fewer calls in one request")

    def _reply(self, call: Call, item: dict[str, Any]) -> Any:
        error = item.get("error")
        if error is None:
            if "result" in item:
                return item["result"]
            return Failure(Verdict(Refusal.RETRY), f"{self.label} answered {call.method} without a result")
        code, message = 0, str(error)
        if isinstance(error, dict):
            raw = error.get("code")
            code = raw if isinstance(raw, int) else 0
            message = str(error.get("message") or "")
            data = error.get("data")
            if isinstance(data, str) and not data.startswith("0x"):
                message = f"{message} {data}"
            elif isinstance(data, dict) and isinstance(data.get("rate"), dict):
                message = f"{message} {rate_in_words(data['rate'])}"
        return Failure(classify(code, message, call.method), message[:300])


def _speaks_rpc(answer: object) -> bool:
    return isinstance(answer, list) or (
        isinstance(answer, dict) and ("error" in answer or "result" in answer)
    )


def _plain(error: Exception) -> str:
    """An error's kind without its text, which may repeat the URL with its key."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or "connection refused"
    return type(error).__name__


def _retry_after(text: str | None) -> float | None:
    """Seconds of a Retry-After header; dates are left to the usual back-off (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return None
    return max(0.0, seconds) if seconds == seconds else None  # noqa: PLR0124 - NaN alone differs from itself


def _most(calls: Sequence[Call]) -> int:
    wide = [call for call in calls if call.method == "eth_getLogs" and _is_range(call.params[0])]
    return MAX_LOG_BODY if wide else MAX_BODY


def _is_range(query: dict[str, Any]) -> bool:
    return query.get("fromBlock") != query.get("toBlock")


async def _bounded(response: aiohttp.ClientResponse, label: str, most: int) -> bytearray:
    told = response.content_length or 0
    if told > most:  # not worth reading so far
        response.close()
        raise OversizedError(f"{label} sends more than {most >> 20} MiB", told / most)
    body = bytearray()  # chunks joined at the end would be there twice
    async for chunk in response.content.iter_chunked(1 << 18):
        body += chunk
        if len(body) > most:
            response.close()
            raise OversizedError(f"{label} sent more than {most >> 20} MiB")
    return body
