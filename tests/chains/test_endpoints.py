"""Endpoints that lie, lag, limit, break off or go away: the ledger is the same, or the error says what to do."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from aiohttp import web

from indexer.chains.evm.decode import TRANSFER
from indexer.chains.evm.endpoint import Call, OversizedError
from indexer.chains.evm.pool import Pool
from indexer.chains.evm.scan import LOG_SHARE, ROOM, Crowd
from indexer.demo.anvil import AnvilOptions
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import BlockRef, GapCode, Transfer
from indexer.model.ports import ChainReader
from tests.chains.node import proved, read, reader_of, spec_of, word
from tests.chains.proxy import of_logs, proxy
from tests.chains.world import World
from tests.fixtures.anvil import StartAnvil


def error(reply: dict[str, Any], code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": reply["id"], "error": {"code": code, "message": message}}


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


async def test_truncated_answers_and_bad_gateways_are_asked_again(world: World) -> None:
    async with proxy(world.node.url) as middle:

        def sometimes(_: Any) -> web.Response | None:
            turn = middle.requests % 4
            if turn == 1:
                return web.Response(text='{"jsonrpc":"2.0","id":0,"res', content_type="application/json")
            if turn == 2:
                return web.Response(text="<html>502 Bad Gateway</html>", status=502)
            return None

        middle.refuse = sometimes
        reader = reader_of(middle.url)
        try:
            assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
        finally:
            await reader.close()


async def test_rate_limits_are_waited_out_wherever_they_are_said(world: World) -> None:
    async with proxy(world.node.url) as middle:

        def limit(body: Any) -> web.Response | None:
            if middle.requests % 12 == 1:
                return web.Response(status=429, headers={"Retry-After": "0"})
            if middle.requests % 12 == 2:
                first = body[0] if isinstance(body, list) else body
                said = error({"id": first["id"]}, -32005, "Too Many Requests")
                return web.Response(body=orjson.dumps(said), content_type="application/json")
            return None

        middle.refuse = limit
        reader = reader_of(middle.url)
        try:
            assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
        finally:
            await reader.close()


async def test_an_endpoint_without_batches_serves_as_well(world: World) -> None:
    async with proxy(world.node.url) as middle:

        def single(body: Any) -> web.Response | None:
            if isinstance(body, dict):
                return None
            said = error({"id": None}, -32600, "batch requests are not supported")
            return web.Response(body=orjson.dumps(said), content_type="application/json", status=400)

        middle.refuse = single
        reader = reader_of(middle.url)
        try:
            assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
            blocks = await read(reader, world.me, "blocks")
            assert world.truth.transfers.keys() <= blocks.transfers.keys()
        finally:
            await reader.close()


async def test_a_lagging_endpoint_is_not_believed_about_blocks_it_lacks(world: World) -> None:
    """It answers an empty list for blocks above its head, as load-balanced nodes do."""
    head = int(await world.node.ask("eth_blockNumber"), 16)

    def lag(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getLogs":
            kept = [log for log in reply["result"] if int(log["blockNumber"], 16) < head - 200]
            return {**reply, "result": kept}
        if call["method"] == "eth_getBlockByNumber":
            asked = call["params"][0]
            if asked.startswith("0x") and int(asked, 16) >= head - 200:
                return {**reply, "result": None}
        return reply

    async with proxy(world.node.url) as behind:
        behind.twist = lag
        reader = reader_of(behind.url, world.node.url)
        try:
            found = await read(reader, world.me, "logs")
            assert found.transfers == world.truth.transfers
            assert await reader.block_hash(head) is not None
        finally:
            await reader.close()


@pytest.mark.parametrize(
    "lie",
    [
        lambda log: {**log, "topics": [log["topics"][0], "0x" + "0" * 64, "0x" + "0" * 64]},
        lambda log: {**log, "blockNumber": "0x7fffffff"},
        lambda log: {k: v for k, v in log.items() if k != "transactionHash"},
        lambda log: {**log, "blockHash": "0x" + "9" * 64, "transactionHash": "0x" + "8" * 64},
        lambda log: {**log, "removed": True},
    ],
)
async def test_a_lying_endpoint_never_reaches_the_ledger(world: World, lie: Any) -> None:
    def twist(_: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        return {**reply, "result": [lie(log) for log in reply["result"]]}

    async with proxy(world.node.url) as liar:
        liar.twist = of_logs(twist)
        reader = reader_of(liar.url)
        try:
            with pytest.raises((RetryableError, LyingSourceError)):
                await read(reader, world.me, "logs")
        finally:
            await reader.close()


async def test_a_receipt_of_another_transaction_is_a_lie(world: World) -> None:
    def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getTransactionReceipt":
            return {**reply, "result": {**reply["result"], "transactionHash": "0x" + "5" * 64}}
        return reply

    async with proxy(world.node.url) as liar:
        liar.twist = twist
        reader = reader_of(liar.url)
        try:
            with pytest.raises((RetryableError, LyingSourceError)):
                await read(reader, world.me, "logs")
        finally:
            await reader.close()


async def test_refused_receipts_become_gaps_and_the_run_ends(world: World) -> None:
    def pruned(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] in {"eth_getTransactionReceipt", "eth_getTransactionByHash"}:
            return error(reply, 4444, "pruned history unavailable")
        return reply

    async with proxy(world.node.url) as middle:
        middle.twist = pruned
        reader = reader_of(middle.url)
        try:
            found = await read(reader, world.me, "logs")
            assert found.transfers == world.truth.transfers  # the logs themselves tell the tokens
            codes = {gap.code for gap in found.gaps}
            assert GapCode.RECEIPT_UNAVAILABLE in codes
            # a second endpoint that serves them leaves no gap
            both = reader_of(middle.url, world.node.url)
            try:
                healed = await read(both, world.me, "logs")
                assert GapCode.RECEIPT_UNAVAILABLE not in {gap.code for gap in healed.gaps}
            finally:
                await both.close()
        finally:
            await reader.close()


async def test_refused_balances_are_one_gap(world: World) -> None:
    def stateless(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] in {"eth_getBalance", "eth_call"}:
            return error(reply, -32000, "missing trie node 0011")
        return reply

    async with proxy(world.node.url) as middle:
        middle.twist = stateless
        reader = reader_of(middle.url)
        try:
            book = await read(reader, world.me, "logs")
            head = await reader.head()
            gaps = await proved(reader, book)
            assert [(gap.code, gap.subject, gap.to_block) for gap in gaps] == [
                (GapCode.BALANCE_UNVERIFIED, "all", head.number)
            ]
        finally:
            await reader.close()


async def test_without_traces_a_gap_says_what_is_not_seen(world: World) -> None:
    def blind(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"].startswith(("trace_", "debug_")):
            return error(reply, -32601, f"the method {call['method']} does not exist/is not available")
        return reply

    async with proxy(world.node.url) as middle:
        middle.twist = blind
        reader = reader_of(middle.url)
        try:
            found = await read(reader, world.me, "blocks")
            assert {(g.code, g.subject) for g in found.gaps if g.code is GapCode.INTERNALS_UNKNOWN} == {
                (GapCode.INTERNALS_UNKNOWN, "traces")
            }
            assert world.truth.transfers.keys() <= found.transfers.keys()
        finally:
            await reader.close()


@pytest.mark.parametrize("method", ["debug_traceBlockByNumber", "eth_getTransactionReceipt"])
async def test_what_one_method_refuses_another_tells(world: World, method: str) -> None:
    """Without parity traces geth's are used; without whole receipts they are asked one by one."""
    hidden = "trace_block" if method.startswith("debug") else "eth_getBlockReceipts"

    def hide(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        return error(reply, -32601, "method not found") if call["method"] == hidden else reply

    async with proxy(world.node.url) as middle:
        middle.twist = hide
        plain, hiding = reader_of(world.node.url), reader_of(middle.url)
        try:
            expected = await read(plain, world.me, "blocks")
            found = await read(hiding, world.me, "blocks")
            assert found.transfers == expected.transfers
            assert not [g for g in found.gaps if g.code is GapCode.INTERNALS_UNKNOWN]
            assert middle.asked[method] > 0
        finally:
            await plain.close()
            await hiding.close()


async def test_an_endpoint_that_refuses_logs_ends_with_a_refusal(world: World) -> None:
    async with proxy(world.node.url) as middle:
        middle.twist = of_logs(
            lambda _, reply: error(reply, -32601, "the method eth_getLogs is not available")
        )
        reader = reader_of(middle.url)
        try:
            with pytest.raises(RefusedError, match="eth_getLogs"):
                await read(reader, world.me, "logs")
        finally:
            await reader.close()
        both = reader_of(middle.url, world.node.url)
        try:
            assert (await read(both, world.me, "logs")).transfers == world.truth.transfers
        finally:
            await both.close()


async def test_a_wrong_chain_among_several_is_left_out(world: World, anvil: StartAnvil) -> None:
    other = await anvil(AnvilOptions(chain_id=5))
    reader = reader_of(other, world.node.url)
    try:
        assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
    finally:
        await reader.close()


async def test_an_unreachable_endpoint_is_an_error_without_its_key() -> None:
    reader = reader_of("http://127.0.0.1:9/v2/s3cret")
    reader._pool.endpoints[0].failures = -9  # type: ignore[attr-defined]  # a short wait is enough for a test
    try:
        with pytest.raises(RetryableError, match=r"http://127\.0\.0\.1:9 cannot be reached") as fault:
            await reader.head()
        assert "s3cret" not in str(fault.value)
    finally:
        await reader.close()


async def test_calls_are_few(world: World) -> None:
    """A chain of some hundred blocks with a dozen logs takes a handful of requests."""
    async with proxy(world.node.url) as middle:
        reader = reader_of(middle.url, log_window=5000)
        try:
            await read(reader, world.me, "logs")
        finally:
            await reader.close()
        assert middle.asked["eth_getLogs"] == 3
        assert middle.asked["eth_getTransactionReceipt"] == 12
        assert middle.requests <= 8


async def test_a_second_address_reads_only_the_blocks_that_concern_it(world: World) -> None:
    async with proxy(world.node.url) as middle:
        plain, shared = reader_of(world.node.url), reader_of(middle.url)
        try:
            others = [world.node.accounts[2], world.node.accounts[5], world.token]
            await read(shared, world.me, "blocks")
            middle.asked.clear()
            for other in others:
                assert (await read(shared, other, "blocks")).transfers == (
                    await read(plain, other, "blocks")
                ).transfers
            assert middle.asked["eth_getBlockReceipts"] == 0  # 733 blocks, and none is read twice
            assert middle.asked["eth_getBlockByNumber"] < 60  # each end with its successor
            # after a reorg inside what is known, it is read anew
            await world.node.ask("anvil_reorg", 400, [])
            await world.node.emit(world.token, [TRANSFER, others[0], world.me], word(77))
            again = await read(shared, world.me, "blocks")
            fresh = reader_of(world.node.url)
            try:
                assert again.transfers == (await read(fresh, world.me, "blocks")).transfers
            finally:
                await fresh.close()
        finally:
            await plain.close()
            await shared.close()


async def test_addresses_that_are_read_together_share_their_queries(world: World) -> None:
    people = [*world.node.accounts[:6], world.token]
    async with proxy(world.node.url) as middle:
        joint, plain = reader_of(middle.url, log_window=8), reader_of(world.node.url)
        try:
            head = await joint.head()
            alone = [await swept(plain, [each], head) for each in people]
            middle.asked.clear()
            await swept(joint, people[:1], head)
            for_one = middle.asked["eth_getLogs"]
            middle.asked.clear()
            together = await swept(joint, people, head)
            assert together == {key: fact for facts in alone for key, fact in facts.items()}
            assert middle.asked["eth_getLogs"] <= for_one
        finally:
            await joint.close()
            await plain.close()


async def swept(
    reader: ChainReader, people: Sequence[str], head: BlockRef
) -> dict[tuple[str, ...], Transfer]:
    """Facts of some addresses, read in one go."""
    sweeps = [s async for s in reader.sweep("logs", frozenset(people), 0, head.number, head)]
    assert sweeps[-1].covered_to == head.number
    return {transfer.key: transfer for sweep in sweeps for transfer in sweep.transfers}
