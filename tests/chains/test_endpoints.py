"""Endpoints that lie, lag, limit, break off or go away: the ledger is the same, or the error says what to do."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from aiohttp import web

from indexer.chains.evm.decode import TRANSFER
from indexer.demo.anvil import AnvilOptions
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError
from indexer.model.facts import BlockRef, GapCode, Transfer
from indexer.model.ports import ChainReader
from tests.chains.node import proved, read, reader_of, word
from tests.chains.proxy import error, of_logs, proxy
from tests.chains.world import World
from tests.fixtures.anvil import StartAnvil


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
