"""Rates, pauses and the breaker, in time that is turned by hand."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from indexer.model.errors import RefusedError, RetryableError
from indexer.prices.throttle import Breaker, BreakerRule, TokenBucket
from indexer.prices.upstream import (
    NotThereError,
    RateLimitedError,
    TurnedAwayError,
    Upstream,
    UpstreamSpec,
    retry_after,
)
from tests.prices.world import TurnedClock, TurnedWaiter

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def test_a_bucket_lets_its_burst_through_and_then_its_rate(waiter: TurnedWaiter) -> None:
    bucket = TokenBucket(2.0, 3, waiter)
    for _ in range(3):
        await bucket.take()
    assert waiter.at == 0
    for _ in range(4):
        await bucket.take()
    assert waiter.at == 2.0
    waiter.at += 100
    for _ in range(3):
        await bucket.take()
    assert waiter.at == 102.0


async def test_those_who_wait_together_are_spread_out(waiter: TurnedWaiter) -> None:
    bucket = TokenBucket(1.0, 1, waiter)
    await asyncio.gather(*(bucket.take() for _ in range(4)))
    assert waiter.sleeps == sorted(waiter.sleeps)


def test_a_breaker_opens_tries_once_and_closes(waiter: TurnedWaiter) -> None:
    breaker = Breaker(BreakerRule(failures=2, open_seconds=30), waiter)
    assert breaker.allow()
    breaker.failed()
    assert breaker.allow()
    breaker.failed()
    assert not breaker.allow()
    waiter.at += 30
    assert breaker.allow()
    assert not breaker.allow()  # one try at a time
    breaker.failed()
    assert not breaker.allow()
    waiter.at += 30
    assert breaker.allow()
    breaker.succeeded()
    assert breaker.allow()
    assert not breaker.is_open


def test_a_success_forgets_earlier_failures(waiter: TurnedWaiter) -> None:
    breaker = Breaker(BreakerRule(failures=2, open_seconds=30), waiter)
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()
    assert breaker.allow()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("-3", 0.0),
        ("Mon, 01 Jun 2026 12:00:30 GMT", 30.0),
        ("Mon, 01 Jun 2026 11:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, AT) == seconds


class Script:
    """Answers one prepared response or error after the other."""

    def __init__(self, *said: httpx.Response | Exception) -> None:
        self.said = list(said)
        self.asked = 0

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        answer = self.said.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def door(script: Script, waiter: TurnedWaiter) -> Upstream:
    http = httpx.AsyncClient(transport=httpx.MockTransport(script))
    spec = UpstreamSpec(
        name="there", base_url="http://there.invalid/v1?secret=1", per_second=1000, headers={"x-key": "hush"}
    )
    return Upstream(spec, http, waiter, TurnedClock())


async def test_short_faults_are_waited_out(waiter: TurnedWaiter) -> None:
    script = Script(
        httpx.Response(429, headers={"retry-after": "3"}),
        httpx.Response(503),
        httpx.Response(200, json={"a": 1.10}),
    )
    answer = await door(script, waiter).get("/x")
    assert str(answer["a"]) == "1.1"
    assert sum(waiter.sleeps) >= 3


async def test_a_long_retry_after_is_not_waited_out_and_holds_for_everybody(waiter: TurnedWaiter) -> None:
    script = Script(httpx.Response(429, headers={"retry-after": "300"}), httpx.Response(200, json={}))
    upstream = door(script, waiter)
    for _ in range(3):
        with pytest.raises(RateLimitedError) as error:
            await upstream.get("/x")
        assert error.value.retry_after is not None
    assert script.asked == 1
    waiter.at += 301
    assert await upstream.get("/x") == {}


async def test_a_dead_source_is_soon_not_asked_any_more(waiter: TurnedWaiter) -> None:
    script = Script(*[httpx.ConnectError("no route to http://there.invalid/v1?secret=1") for _ in range(50)])
    upstream = door(script, waiter)
    for _ in range(20):
        with pytest.raises(RetryableError) as error:
            await upstream.get("/x")
        assert "secret" not in str(error.value)
        assert "hush" not in str(error.value) + repr(upstream.spec)
    assert script.asked <= 5


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotThereError), (400, RefusedError), (401, RefusedError), (403, RefusedError)]
)
async def test_refusals_are_not_tried_again(waiter: TurnedWaiter, status: int, kind: type[Exception]) -> None:
    script = Script(httpx.Response(status))
    with pytest.raises(kind):
        await door(script, waiter).get("/x")
    assert script.asked == 1


async def test_a_key_does_not_follow_a_redirect(waiter: TurnedWaiter) -> None:
    script = Script(httpx.Response(302, headers={"location": "http://elsewhere.invalid/"}))
    with pytest.raises(TurnedAwayError):
        await door(script, waiter).get("/x")
    assert script.asked == 1


async def test_half_an_answer_is_tried_again(waiter: TurnedWaiter) -> None:
    script = Script(httpx.Response(200, content=b'{"a": '), httpx.Response(200, content=b'{"a": 2}'))
    assert await door(script, waiter).get("/x") == {"a": 2}
