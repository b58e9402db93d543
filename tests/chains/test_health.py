"""Endpoints by how they answer: rates learned from refusals, slow ones hedged, faster ones preferred; figures told."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from indexer.chains.evm.bucket import IDLE_SECONDS, SLOWEST, Bucket
from indexer.chains.evm.endpoint import Call, label_of
from indexer.chains.evm.health import FEW_SAMPLES, HEDGE_UNKNOWN_SECONDS, Health, is_light, preferred
from indexer.chains.evm.node import Node
from indexer.chains.evm.pool import Pool
from indexer.chains.evm.wording import Refusal, classify, rate_in_words
from indexer.flows.health import ready
from tests.chains.node import LocalNode, spec_of
from tests.chains.proxy import proxy
from tests.fixtures.anvil import StartAnvil
from tests.simulation.service import Deployment, TurnedClock, drain, opened, watch
from tests.simulation.world import CHAIN


@pytest.fixture
async def node(anvil: StartAnvil) -> LocalNode:
    node = await LocalNode(await anvil()).ready()
    await node.ask("anvil_mine", "0x20")
    return node


class Provider:
    """Allows so many calls in any one second; says no and counts it otherwise. Time is the test's."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.sent: list[float] = []
        self.refused = 0

    def ask(self, now: float) -> bool:
        self.sent = [at for at in self.sent if now - at < 1]
        if len(self.sent) >= self.limit:
            self.refused += 1
            return False
        self.sent.append(now)
        return True


def run(bucket: Bucket, provider: Provider, start: int, end: int, stated: float | None = None) -> int:
    """Ask one call after the other as the bucket lets them; returns how many were answered."""
    now, answered = float(start), 0
    while now < end:
        now += bucket.take(1, now) + 0.002
        if provider.ask(now):
            answered += 1
        else:
            bucket.refused(now, stated)
    return answered


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 10, 25, 60, 200])
def test_a_bucket_learns_any_rate_and_uses_it(limit: int) -> None:
    bucket, provider = Bucket(), Provider(limit)
    run(bucket, provider, 0, 30)
    provider.refused, before = 0, bucket.rate or 0.0
    answered = run(bucket, provider, 30, 150)
    assert 0.4 * limit * 120 <= answered
    if limit > 2:  # what is slower is kept to by resting after each refusal
        assert provider.refused <= 0.4 * answered + 20  # it is not asked in vain again and again
    assert before <= 2 * limit + 2


@pytest.mark.parametrize("limit", [1, 7, 60, 300])
def test_a_stated_rate_is_kept_to(limit: int) -> None:
    bucket, provider = Bucket(), Provider(limit)
    run(bucket, provider, 0, 5, stated=limit)
    assert bucket.rate is None or bucket.rate <= max(limit, SLOWEST)
    if bucket.stated:
        bucket.take(1, 5_000)
        bucket.take(1, 5_060)
        assert bucket.rate is not None
        assert bucket.rate <= limit


def test_a_bucket_is_open_until_a_refusal_and_again_long_after_it() -> None:
    bucket = Bucket()
    assert all(bucket.take(50, at / 1000) == 0 for at in range(100))
    bucket.refused(0.1)
    bucket.refused(0.1)  # sent side by side with the first: the same limit
    assert bucket.rate is not None
    held = bucket.rate
    assert bucket.take(int(2 * held), 0.1) > 0
    assert bucket.due(0.1) > 0
    assert bucket.due(100) == 0
    assert bucket.take(1, 0.2 + IDLE_SECONDS) == 0
    assert bucket.rate is None


@pytest.mark.parametrize(
    ("code", "text", "per_second", "wait"),
    [
        (-32005, "Max calls per sec rate limit reached (5/sec)", 5, None),
        (
            -32007,
            "15/second request limit reached - reduce calls per second or upgrade your account",
            15,
            None,
        ),
        (429, "rate limit exceeded: 25 requests per second", 25, None),
        (-32016, "over rate limit, retry in 2s", None, 2),
        (429, "Too many requests, please try again in 500 ms", None, 0.5),
        (-32005, "daily request count exceeded, request rate limited. retry after 10 minutes", None, 600),
        (429, "Your app has exceeded its compute units per second capacity", None, None),
        (429, "limit of 330 compute units per second", None, None),
        (-32005, "You've exceeded the RPS limit available on the current plan", None, None),
        (-32090, "Too many requests, reason: call rate limit exhausted, retry in 10s", None, 10),
    ],
)
def test_rates_and_waits_are_read_from_the_words(
    code: int, text: str, per_second: float | None, wait: float | None
) -> None:
    for method in ("eth_getLogs", "eth_call"):
        verdict = classify(code, text, method)
        assert (verdict.refusal, verdict.per_second, verdict.wait) == (Refusal.RATE, per_second, wait)


def test_a_rate_that_is_told_as_an_object_is_read() -> None:
    told = rate_in_words({"allowed_rps": 1, "backoff_seconds": 30.0, "current_rps": 1.43})
    verdict = classify(-32005, f"project ID request rate exceeded {told}", "eth_getLogs")
    assert (verdict.refusal, verdict.per_second, verdict.wait) == (Refusal.RATE, 1, 30)


def test_only_light_requests_are_sent_twice() -> None:
    assert is_light(["eth_getBlockByNumber"] * 3)
    assert not is_light(["eth_getLogs"])
    assert not is_light(["eth_getBlockByNumber", "trace_block"])
    assert not is_light(["debug_traceBlockByNumber"])
    assert not is_light(["eth_call"] * 100)


def test_patience_is_learned_and_hedges_are_rationed() -> None:
    health = Health()
    assert health.patience == HEDGE_UNKNOWN_SECONDS
    for _ in range(200):
        health.answered(0.2, light=True)
    assert health.patience == pytest.approx(0.3)
    assert health.usual == pytest.approx(0.2)
    granted = sum(health.may_hedge() for _ in range(100))
    assert granted == 5  # no more until further requests have been answered
    for _ in range(30):
        health.answered(0.2, light=True)
    assert sum(health.may_hedge() for _ in range(100)) in {2, 3}


@given(st.lists(st.floats(0, 10), min_size=1, max_size=6))
def test_the_file_decides_unless_another_is_clearly_faster(usual: list[float]) -> None:
    chosen = preferred(usual)
    assert chosen == 0 or 0 < usual[chosen] < 0.6 * usual[0]
    if usual[0] == 0:
        assert chosen == 0


async def test_a_slow_endpoint_is_hedged_and_the_question_to_it_is_dropped(node: LocalNode) -> None:
    async with proxy(node.url) as first, proxy(node.url) as second:
        pool = Pool(spec_of(first.url, second.url))
        try:
            asking = Node(pool)
            for number in range(FEW_SAMPLES + 4):
                await asking.headers([number])
            assert second.requests == 0  # while the first one answers as usual, nobody else is asked
            first.delay = 3.0
            found = await asking.headers([7, 8])
            assert sorted(found) == [7, 8]
            one, two = pool.health()
            assert (one.hedges, one.overtaken) == (1, 1)
            assert two.requests == 2  # its chain id and the question
            assert (two.hedges, two.overtaken) == (0, 0)
        finally:
            first.delay = 0.0
            await pool.close()


async def test_heavy_requests_are_never_asked_twice(node: LocalNode) -> None:
    async with proxy(node.url) as first, proxy(node.url) as second:
        pool = Pool(spec_of(first.url, second.url))
        try:
            asking = Node(pool)
            for number in range(FEW_SAMPLES + 4):
                await asking.headers([number])
            first.delay = 0.5
            query = {"fromBlock": "0x0", "toBlock": "0x20", "topics": []}
            assert await pool.ask([Call("eth_getLogs", [query])]) == [[]]
            assert second.requests == 0
        finally:
            await pool.close()


async def test_a_first_good_answer_wins_over_a_first_answer(node: LocalNode) -> None:
    """The second endpoint is quick and lags behind: its refusal is no answer, and the slow one is waited for."""

    def lags(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_chainId":
            return reply
        return {"jsonrpc": "2.0", "id": reply["id"], "error": {"code": -32000, "message": "header not found"}}

    async with proxy(node.url) as first, proxy(node.url) as second:
        second.twist = lags
        pool = Pool(spec_of(first.url, second.url))
        try:
            asking = Node(pool)
            for number in range(FEW_SAMPLES + 4):
                await asking.headers([number])
            first.delay = 0.6
            assert sorted(await asking.headers([9])) == [9]
            assert second.asked["eth_getBlockByNumber"] == 1
            assert pool.health()[0].overtaken == 0
        finally:
            await pool.close()


async def test_an_endpoint_that_limits_is_asked_at_the_pace_it_names(node: LocalNode) -> None:
    async with proxy(node.url) as middle:
        limited = 0

        def limit(body: Any) -> web.Response | None:
            nonlocal limited
            if limited or (isinstance(body, dict) and body["method"] == "eth_chainId"):
                return None
            limited += 1
            said = {"code": -32005, "message": "rate exceeded: 40 requests per second, retry in 20 ms"}
            return web.json_response({"jsonrpc": "2.0", "id": 0, "error": said})

        middle.refuse = limit
        pool = Pool(spec_of(middle.url))
        try:
            await Node(pool).headers([3])
            (told,) = pool.health()
            assert told.rate == 40
            assert "40.0 requests/s" in str(told)
        finally:
            await pool.close()


async def test_health_names_lag_errors_and_what_is_refused_without_a_key(node: LocalNode) -> None:
    head = int(await node.ask("eth_blockNumber"), 16)

    def behind(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getBlockByNumber" and call["params"][0] == "latest":
            return {**reply, "result": old}
        return reply

    old = await node.ask("eth_getBlockByNumber", hex(head - 9), False)
    async with proxy(node.url) as lagging:
        lagging.twist = behind
        pool = Pool(spec_of(lagging.url + "?key=s3cret", node.url, "http://127.0.0.1:9/s3cret"))
        try:
            asking = Node(pool)
            assert (await asking.head()).number == head - 9
            pool.endpoints[0].failed(asyncio.get_running_loop().time(), 60)
            assert (await asking.head()).number == head
            pool.endpoints[0].refused_methods.add("eth_getLogs")
            one, two, _ = pool.health()
            assert (one.lag, two.lag) == (9, 0)
            assert one.errors > 0 == two.errors
            text = " ".join(map(str, pool.health()))
            assert "9 blocks behind" in text
            assert "no eth_getLogs" in text
            assert "s3cret" not in text
        finally:
            await pool.close()


async def test_readiness_tells_how_endpoints_have_answered(
    node: LocalNode, new_database: Callable[[str], str]
) -> None:
    address = node.accounts[1]
    deployment = Deployment(await asyncio.to_thread(new_database, "sqlite"), (node.url,), "0x" + "0" * 40)
    async with opened(deployment, TurnedClock()) as app:
        await watch(app, address)
        await drain(app)
        told = {check.name: check.detail for check in (await ready(app.services)).checks}
        assert told["database"] == "answers"
        assert told[CHAIN].startswith(f"no error; {label_of(node.url)}: ")
        assert " requests, " in told[CHAIN]
