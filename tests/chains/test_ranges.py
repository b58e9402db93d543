"""Ranges that are too wide, too slow or too dense are narrowed until they are answered."""

from typing import Any

import pytest

from indexer.chains.evm.endpoint import Call, OversizedError
from indexer.chains.evm.pool import Pool
from indexer.chains.evm.scan import LOG_SHARE, ROOM, Crowd
from indexer.model.errors import RetryableError
from tests.chains.node import read, reader_of, spec_of
from tests.chains.proxy import error, of_logs, proxy
from tests.chains.world import World


def width(call: dict[str, Any]) -> int:
    query = call["params"][0]
    return int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (50, "range {w} exceeds limit of 50"),
        (50, "block range is too wide"),
        (7, "a wording that nobody has met"),
        (1, "eth_getLogs is limited to a 1 block range"),
    ],
)
async def test_the_range_is_narrowed_until_it_works(world: World, limit: int, text: str) -> None:
    def refuse(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        wide = width(call)
        return reply if wide <= limit else error(reply, -32602, text.format(w=wide))

    async with proxy(world.node.url) as middle:
        middle.twist = of_logs(refuse)
        reader = reader_of(middle.url, log_window=5000)
        try:
            assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
        finally:
            await reader.close()


def ranges_of(body: Any) -> list[int]:
    calls = body if isinstance(body, list) else [body]
    return [width(call) for call in calls if call["method"] == "eth_getLogs"]


async def test_a_range_that_takes_too_long_is_narrowed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody says no: a wide range is just never answered."""
    monkeypatch.setattr("indexer.chains.evm.endpoint.FIRST_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr("indexer.chains.evm.endpoint.LEAST_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("indexer.chains.evm.endpoint.MAX_TIMEOUT_SECONDS", 0.5)
    async with proxy(world.node.url) as middle:
        middle.slow = lambda body: 1.0 if max(ranges_of(body), default=0) > 200 else 0.0
        reader = reader_of(middle.url, log_window=5000)
        try:
            assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
        finally:
            await reader.close()


@pytest.mark.parametrize("tells_length", [True, False])
async def test_an_answer_over_our_own_cap_is_asked_for_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch, *, tells_length: bool
) -> None:
    monkeypatch.setattr("indexer.chains.evm.endpoint.MAX_LOG_BODY", 6_000)
    async with proxy(world.node.url) as middle:
        middle.tells_length = tells_length
        reader = reader_of(middle.url, log_window=5000)
        try:
            assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
        finally:
            await reader.close()
        assert middle.asked["eth_getLogs"] > 6


@pytest.mark.parametrize("tells_length", [True, False])
async def test_a_block_whose_logs_are_always_too_long_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch, *, tells_length: bool
) -> None:
    monkeypatch.setattr("indexer.chains.evm.endpoint.MAX_LOG_BODY", 2_000)
    monkeypatch.setattr("indexer.chains.evm.endpoint.MAX_BODY", 50_000)
    async with proxy(world.node.url) as middle:
        middle.tells_length = tells_length
        middle.twist = of_logs(lambda _, reply: {**reply, "pad": "." * 60_000})
        reader = reader_of(middle.url, log_window=5000)
        try:
            with pytest.raises(RetryableError, match="MiB"):
                await read(reader, world.me, "logs")
        finally:
            await reader.close()
    assert middle.asked["eth_getLogs"] < 200


@pytest.mark.parametrize("tells_length", [True, False])
async def test_an_answer_that_is_too_long_is_not_read_and_its_size_told(
    world: World, monkeypatch: pytest.MonkeyPatch, *, tells_length: bool
) -> None:
    monkeypatch.setattr("indexer.chains.evm.endpoint.MAX_LOG_BODY", 1_000)
    query = {"fromBlock": "0x0", "toBlock": hex(99), "topics": []}
    async with proxy(world.node.url) as middle:
        middle.tells_length = tells_length
        middle.twist = of_logs(lambda _, reply: {**reply, "result": [], "pad": "." * 9_900})
        pool = Pool(spec_of(middle.url))
        try:
            endpoint = await pool.pick()
            with pytest.raises(OversizedError) as refused:
                await pool.send(endpoint, [Call("eth_getLogs", [query])])
        finally:
            await pool.close()
    assert (refused.value.size is not None and 9.9 < refused.value.size < 10.5) is tells_length


def test_what_an_answer_was_too_long_by_says_how_far_the_next_ones_reach() -> None:
    crowd: Crowd | None = Crowd(last=1_099, size=4 * ROOM)
    assert crowd is not None
    assert crowd.reach(100) == 349, "a quarter of the thousand blocks"
    crowd = crowd.behind(349, logs=10)
    assert crowd is not None
    assert crowd.reach(350) == 536, "next to nothing lay there: the rest is denser"
    assert crowd.behind(600, logs=round(3.5 * ROOM / LOG_SHARE)) is None, "the rest goes into one answer"
    assert crowd.behind(1_099, logs=1) is None
    assert Crowd(last=7, size=100 * ROOM).reach(5) == 5, "one block is asked for however full it is"


@pytest.mark.parametrize("many", [0, 1, 4])
async def test_dense_blocks_are_handed_on_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """However few logs a stretch may hold, all of them are read once and in order."""
    monkeypatch.setattr("indexer.chains.evm.scan.MANY_LOGS", many)
    reader = reader_of(world.node.url, log_window=5)
    try:
        assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
    finally:
        await reader.close()
