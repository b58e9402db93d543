"""Native history by `trace_filter`, whole blocks and bisection: three ways to the same ledger."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from indexer.chains.evm import bisect_sweep, trace_filter
from indexer.chains.evm.changes import Known, changes
from indexer.chains.evm.state import State
from indexer.model.errors import RefusedError
from indexer.model.facts import GapCode
from tests.chains.changing_of import (
    FOLDER,
    Told,
    call,
    deploy,
    native_history,
    reading,
    swept,
    twisted,
    without,
)
from tests.chains.node import LocalNode
from tests.fixtures.anvil import StartAnvil

UNTRACED = ("trace_", "debug_")


def test_the_artifact_was_compiled_from_this_source() -> None:
    source = Path(FOLDER / "Changing.sol").read_bytes()
    artifact = orjson.loads((FOLDER / "Changing.json").read_bytes())
    assert artifact["sourceSha256"] == hashlib.sha256(source).hexdigest()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_bisection_finds_every_block_that_changed(seed: int) -> None:
    """Of an account that only ever gains, nothing can be missed, and no question is asked twice."""
    random = Random(seed)
    last = random.randrange(1, 100_000)
    moved = {random.randrange(last + 1): random.randrange(1, 50) for _ in range(random.randrange(40))}
    asked: list[int] = []

    async def ask(numbers: Sequence[int]) -> list[State]:
        asked.extend(numbers)
        return [State(sum(v for b, v in moved.items() if b <= n), 0) for n in numbers]

    found = await changes(ask, [-1, last])
    assert [change.block for change in found] == sorted(moved)
    assert [c.after.balance - c.before.balance for c in found] == [moved[b] for b in sorted(moved)]
    assert len(asked) == len(set(asked))
    known = dict(sorted(moved.items())[::2])
    rest = await changes(ask, [-1, last], Known(known))
    assert [change.block for change in rest] == sorted(moved.keys() - known.keys())


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_three_sources_tell_the_same_ledger(anvil: StartAnvil, seed: int) -> None:
    node = await LocalNode(await anvil()).ready()
    people = await native_history(node, Random(seed), 40)
    async with reading(node.url) as reader, twisted(node.url, without(*UNTRACED)) as middle:
        coin = reader.spec.native_id
        blocks = await swept(reader, "blocks", people)
        traced = await swept(reader, "trace_filter", people)
        async with reading(middle.url) as blind:
            bisected = await swept(blind, "bisect", people)
        for told in (blocks, traced, bisected):
            assert told.gaps == []
            for address in people:
                assert told.sum_of(address, coin) == int(
                    await node.ask("eth_getBalance", address, "latest"), 16
                )
        assert traced.native(coin) == blocks.native(coin)
        assert nets(bisected, coin) == nets(blocks, coin)
        # a contract that pays the same twice is one movement to who sees balances alone; all others have their names
        twice = {t.tx for t in blocks.transfers.values() if t.position.endswith(":1")}
        assert {k for k in bisected.transfers.keys() ^ blocks.transfers.keys() if k[1] not in twice} == set()


def nets(told: Told, coin: str) -> Counter[tuple[str, ...]]:
    """Coins by transaction, kind and both sides."""
    sums: Counter[tuple[str, ...]] = Counter()
    for t in told.native(coin).values():
        sums[t.tx, t.kind, t.sender, t.recipient] += t.amount
    return sums


async def test_what_no_trace_tells_and_no_contract_explains_is_a_gap_with_its_amount(
    anvil: StartAnvil,
) -> None:
    """Two recipients of one call: the contract's loss is neither's gain alone."""
    node = await LocalNode(await anvil()).ready()
    payer, one, two = node.accounts[1:4]
    splitter = await deploy(node, "Splitter")
    tx = await call(node, payer, splitter, "pay(address[],uint256[])", [one, two], [70, 30], value=100)
    number = int((await node.ask("eth_getTransactionReceipt", tx))["blockNumber"], 16)
    people = frozenset({one, two})
    async with twisted(node.url, without(*UNTRACED)) as middle, reading(middle.url) as blind:
        told = await swept(blind, "bisect", people)
        coin = blind.spec.native_id
    assert [(g.code, g.address, g.from_block, g.to_block) for g in told.gaps] == [
        (GapCode.INTERNALS_UNKNOWN, address, number, number) for address in sorted(people)
    ]
    for gap in told.gaps:
        amount = re.search(r"rose by (\d+) base units", gap.detail)
        assert amount is not None
        balance = int(await node.ask("eth_getBalance", gap.address, "latest"), 16)
        assert told.sum_of(gap.address, coin) + int(amount[1]) == balance


async def test_a_contract_that_passes_coins_on_is_looked_at_often(
    anvil: StartAnvil, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its nonce stays, its balance is what it was; between two looks nothing else betrays it."""
    monkeypatch.setattr(bisect_sweep, "LOOK_AT_CONTRACTS_EVERY", 20)
    node = await LocalNode(await anvil()).ready()
    me = node.accounts[1]
    wallet = await deploy(node, "Splitter")
    await node.ask("anvil_mine", hex(100))
    await node.send(me, wallet, 500)
    await node.ask("anvil_mine", hex(100))
    await call(node, me, wallet, "pay(address[],uint256[])", [node.accounts[2]], [500])
    await node.ask("anvil_mine", hex(100))
    async with twisted(node.url, without(*UNTRACED)) as middle, reading(middle.url) as blind:
        told = await swept(blind, "bisect", frozenset({wallet}))
        coin = blind.spec.native_id
    assert [t.amount for t in told.native(coin).values() if t.recipient == wallet] == [500]
    (gap,) = told.gaps  # to whom it went nobody tells: the recipient was not the contract that was called
    assert "fell by 500 base units" in gap.detail


async def test_a_window_is_paged_through_and_narrowed(
    anvil: StartAnvil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_filter, "FULL", 3)
    node = await LocalNode(await anvil()).ready()
    people = await native_history(node, Random(5), 25)
    await node.ask("anvil_mine", hex(700))  # wider than what this node takes at once

    def deaf(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        """As from a node that knows no `after`: always the first page."""
        if asked["method"] == "trace_filter" and asked["params"][0].get("after"):
            return {"jsonrpc": "2.0", "id": reply["id"], "result": first_pages.get(_of(asked), [])}
        if asked["method"] == "trace_filter" and "result" in reply:
            first_pages[_of(asked)] = reply["result"]
        return reply

    first_pages: dict[str, Any] = {}
    async with reading(node.url) as reader, twisted(node.url, deaf) as middle:
        coin = reader.spec.native_id
        blocks = await swept(reader, "blocks", people)
        assert (await swept(reader, "trace_filter", people)).native(coin) == blocks.native(coin)
        async with reading(middle.url) as other:
            assert (await swept(other, "trace_filter", people)).native(coin) == blocks.native(coin)


LIMITS = [
    "Block range too large; currently limited to 64 blocks",
    "trace_filter is limited to a 50 block range on your plan",
    "query exceeds max results of 10000",
    "request timed out",
    "json: cannot unmarshal number into Go struct field TraceFilterRequest.count of type hexutil.Uint64",
]


@pytest.mark.parametrize("words", LIMITS)
async def test_refusals_are_read(anvil: StartAnvil, words: str) -> None:
    """Narrower, or without what is not understood; an unknown refusal of a single block is one for good."""
    node = await LocalNode(await anvil()).ready()
    people = await native_history(node, Random(7), 12)
    await node.ask("anvil_mine", hex(80))

    def strict(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if asked["method"] != "trace_filter":
            return reply
        (query,) = asked["params"]
        wide = int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 50
        if ("count" in query) if "unmarshal" in words else wide:
            return {"jsonrpc": "2.0", "id": reply["id"], "error": {"code": -32602, "message": words}}
        return reply

    async with twisted(node.url, strict) as middle, reading(middle.url) as reader:
        told = await swept(reader, "trace_filter", people)
    async with reading(node.url) as reader:
        coin = reader.spec.native_id
        assert told.native(coin) == (await swept(reader, "blocks", people)).native(coin)


async def test_an_endpoint_that_refuses_even_one_block_is_given_up(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    async with twisted(node.url, without("trace_filter")) as middle, reading(middle.url) as reader:
        with pytest.raises(RefusedError, match="no endpoint serves trace_filter"):
            await swept(reader, "trace_filter", frozenset({node.accounts[1]}))


def _of(asked: dict[str, Any]) -> str:
    query = {key: value for key, value in asked["params"][0].items() if key != "after"}
    return orjson.dumps(query, option=orjson.OPT_SORT_KEYS).decode()


async def test_what_one_trace_method_refuses_another_tells(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    people = await native_history(node, Random(6), 25)
    async with reading(node.url) as reader:
        coin = reader.spec.native_id
        blocks = await swept(reader, "blocks", people)
    async with twisted(node.url, without("trace_transaction")) as middle, reading(middle.url) as other:
        told = await swept(other, "trace_filter", people)
        assert middle.asked["trace_block"] > 0
    assert told.native(coin) == blocks.native(coin)
    assert told.gaps == []
    states = ("eth_getBalance", "eth_getTransactionCount")
    hidden = without("trace_transaction", "trace_block", "debug_", *states)
    async with twisted(node.url, hidden) as middle, reading(middle.url) as poor:
        told = await swept(poor, "trace_filter", people)
    assert {gap.code for gap in told.gaps} == {GapCode.INTERNALS_UNKNOWN}
    unknown = {gap.subject for gap in told.gaps}
    lacking = {t.tx for key, t in blocks.native(coin).items() if key not in told.transfers}
    assert lacking - {f"genesis:{address}" for address in people} <= unknown
    assert told.transfers.items() <= blocks.transfers.items()


async def test_withdrawals_that_no_trace_tells_are_found_by_the_balance(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    me = node.accounts[1]
    await node.ask("anvil_mine", hex(50))
    await node.send(me, node.accounts[2], 5)
    await node.ask("anvil_mine", hex(50))
    item = {"index": "0x7", "validatorIndex": "0x1", "address": me, "amount": hex(32)}

    def paid(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        """A chain on which block 20 withdraws 32 gwei to us."""
        method, params = asked["method"], asked["params"]
        if method == "eth_getBlockByNumber" and params[0] == hex(20):
            return {**reply, "result": {**reply["result"], "withdrawals": [item]}}
        if method == "eth_getBalance" and params[0] == me and int(params[1], 16) >= 20:
            return {**reply, "result": hex(int(reply["result"], 16) + 32 * 10**9)}
        return reply

    async with twisted(node.url, paid) as middle, reading(middle.url) as reader:
        told = await swept(reader, "trace_filter", frozenset({me}))
        bisected = await swept(reader, "bisect", frozenset({me}))
    assert told.gaps == []
    assert told.transfers == bisected.transfers
    (withdrawal,) = [t for t in told.transfers.values() if t.tx == "withdrawal:7"]
    assert (withdrawal.block.number, withdrawal.recipient, withdrawal.amount) == (20, me, 32 * 10**9)
