"""HTTP to one price source: rate limit, Retry-After, backoff, circuit breaker, and answers checked at the door.

No error that leaves this module holds a URL's query, a header or a key.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx

from indexer.model.errors import RefusedError, RetryableError
from indexer.model.ports import Clock
from indexer.prices.throttle import Breaker, BreakerRule, TokenBucket, Waiter

T = TypeVar("T")

Params = Mapping[str, str | int | Sequence[str]]
"""A query; a sequence repeats its name."""

_BACKOFF_SECONDS = (0.5, 2.0)
"""Waits before the second and third try of one request."""

_PATIENCE_SECONDS = 5.0
"""A Retry-After up to this is waited out; a longer one is passed on, so that other sources get their turn."""

_DEFAULT_PAUSE_SECONDS = 30.0
"""The pause after a 429 that names none."""


class RateLimitedError(RetryableError):
    """A source refuses for now because it was asked too often."""

    code = "rate-limited"


class NotThereError(RefusedError):
    """A source does not know the thing that was asked for."""


class TurnedAwayError(RefusedError):
    """A source will not answer as things are (key, plan, its own mistake): whether it knows stays open."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class UpstreamSpec:
    """How to reach a source. `headers` may hold a key and are kept out of every repr and error."""

    name: str
    base_url: str
    per_second: float
    burst: int = 5
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 20.0
    breaker: BreakerRule = field(default_factory=BreakerRule)


class Upstream:
    """One source's door. Raises `RateLimitedError`, `RetryableError` or `RefusedError`."""

    def __init__(self, spec: UpstreamSpec, http: httpx.AsyncClient, waiter: Waiter, clock: Clock) -> None:
        self.spec = spec
        self.requests = 0
        """Requests sent, tries included."""
        self._http = http
        self._waiter = waiter
        self._clock = clock
        self._bucket = TokenBucket(spec.per_second, spec.burst, waiter)
        self.breaker = Breaker(spec.breaker, waiter)
        self._quiet_until = 0.0

    async def get(self, path: str, params: Params | None = None) -> Any:
        """Return the JSON document at `path`, numbers as `Decimal`.

        Not found (404) raises `NotThereError`, other refusals (401, 403, other 4xx) `TurnedAwayError`; 429 raises `RateLimitedError`
        after the short waits; time-outs, 5xx, cut connections and broken JSON raise `RetryableError`.
        """
        return await self._tries(path, params, lambda body: parse_json(body, self.spec.name))

    async def get_bytes(self, path: str, params: Params | None = None) -> bytes:
        """Return the body at `path`, with the same errors as `get`."""
        return await self._tries(path, params, bytes)

    def rest(self, seconds: float | None) -> RateLimitedError:
        """Note that the source wants rest, in whatever words; returns the error to raise."""
        pause = _DEFAULT_PAUSE_SECONDS if seconds is None else seconds
        self._quiet_until = max(self._quiet_until, self._waiter.now() + pause)
        return RateLimitedError(
            f"{self.spec.name} is rate limited; it asks for {pause:.0f} s of rest.", pause
        )

    async def _tries(self, path: str, params: Params | None, read: Callable[[bytes], T]) -> T:
        error: RetryableError | None = None
        for wait in (*_BACKOFF_SECONDS, None):
            try:
                return await self._once(path, params, read)
            except RetryableError as problem:
                error = problem
            pause = _pause(error, wait)
            if pause is None or self.breaker.is_open:
                break
            await self._waiter.sleep(pause)
        assert error is not None  # noqa: S101 - the loop ends by returning or with an error
        raise error

    async def _once(self, path: str, params: Params | None, read: Callable[[bytes], T]) -> T:
        quiet = self._quiet_until - self._waiter.now()
        if quiet > _PATIENCE_SECONDS:
            raise RateLimitedError(f"{self.spec.name} asked for a pause of {quiet:.0f} s more.", quiet)
        if quiet > 0:
            await self._waiter.sleep(quiet)
        if not self.breaker.allow():
            left = self.breaker.seconds_left()
            raise RetryableError(
                f"{self.spec.name} failed several times in a row and is left alone for {left:.0f} s more."
            )
        settled = False
        try:
            await self._bucket.take()
            self.requests += 1
            answer = read(await self._send(path, params))
            self.breaker.succeeded()
            settled = True
        except (RateLimitedError, RefusedError):
            self.breaker.succeeded()  # it is alive: it answered
            settled = True
            raise
        except RetryableError:
            self.breaker.failed()
            settled = True
            raise
        finally:
            if not settled:
                self.breaker.abandoned()
        return answer

    async def _send(self, path: str, params: Params | None) -> bytes:
        name = self.spec.name
        url = self.spec.base_url.rstrip("/") + path
        try:
            answer = await self._http.get(
                url,
                params=dict(params) if params else None,
                headers=dict(self.spec.headers),
                timeout=httpx.Timeout(self.spec.timeout_seconds, connect=min(5.0, self.spec.timeout_seconds)),
                # httpx would send a key's header on to wherever a redirect points
                follow_redirects=not self.spec.headers,
            )
        except httpx.TimeoutException:
            raise RetryableError(f"{name} did not answer within {self.spec.timeout_seconds:.0f} s.") from None
        except httpx.InvalidURL:
            raise RefusedError(f"{name} cannot be asked: its base URL is not valid.") from None
        except httpx.HTTPError as error:  # its text may name the URL: only the kind is told
            raise RetryableError(f"{name} cannot be reached ({type(error).__name__}).") from None
        status = answer.status_code
        after = retry_after(answer.headers.get("retry-after"), self._clock.now())
        if status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.IM_A_TEAPOT}:  # 418 is Binance's ban
            raise self.rest(after)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise RetryableError(f"{name} answered with HTTP {status}.", after)
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise TurnedAwayError(f"{name} refused (HTTP {status}): check its API key and plan.", status)
        if answer.is_redirect:
            raise TurnedAwayError(f"{name} answers from another address: change its base URL.", status)
        if status == httpx.codes.NOT_FOUND:
            raise NotThereError(f"{name} does not have what was asked for (HTTP 404).")
        if status >= httpx.codes.BAD_REQUEST:
            raise TurnedAwayError(f"{name} refused the question (HTTP {status}).", status)
        return answer.content


def parse_json(body: bytes, name: str) -> Any:
    """Return the JSON document, every number with a fraction as `Decimal`.

    Raises:
        RetryableError: the body is not JSON; sources cut answers off under load.
    """
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError:
        raise RetryableError(
            f"{name} answered with something that is not JSON ({len(body)} bytes)."
        ) from None


def retry_after(header: str | None, now: datetime) -> float | None:
    """Return the seconds a `Retry-After` header names, given as seconds or as a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


def _pause(error: RetryableError, backoff: float | None) -> float | None:
    """Seconds to wait before the next try, None to give up for now."""
    if backoff is None:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= _PATIENCE_SECONDS else None
    return backoff
