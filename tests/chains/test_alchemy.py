"""Native history from `alchemy_getAssetTransfers`: answers in the documented form, facts from a real node."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from indexer.chains.evm import alchemy_source
from indexer.model.errors import LyingSourceError, RefusedError
from indexer.model.facts import GapCode
from indexer.model.ports import ChainReader
from tests.chains.changing_of import Told, native_history, reading, swept, twisted
from tests.chains.node import LocalNode
from tests.chains.proxy import Twist
from tests.chains.transfers_index import METHOD, TransfersIndex, indexed
from tests.fixtures.anvil import StartAnvil

STATES = ("eth_getBalance", "eth_getTransactionCount")


async def paged(
    reader: ChainReader, address: str, cursor: Mapping[str, object] | None = None
) -> tuple[Told, Mapping[str, object]]:
    """All pages of the source for one address."""
    told = Told()
    last: Mapping[str, object] = {}
    async for page in reader.pages(address, "alchemy", cursor, await reader.head()):
        assert page.covered_to >= told.covered
        told.covered, told.steps, last = page.covered_to, told.steps + 1, page.cursor
        told.gaps += page.gaps
        told.transfers.update({transfer.key: transfer for transfer in page.transfers})
    return told, last


def pruned(index: TransfersIndex, floor: int) -> Twist:
    """The index on a node that keeps no states below a block."""

    def twist(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if asked["method"] in STATES and int(asked["params"][1], 16) < floor:
            words = {"code": -32000, "message": "missing trie node 00ff (path )"}
            return {"jsonrpc": "2.0", "id": reply["id"], "error": words}
        return index.twist(asked, reply)

    return twist


@pytest.mark.parametrize("internal", [True, False])
async def test_with_an_archive_the_list_is_closed_by_the_balance(
    anvil: StartAnvil, *, internal: bool
) -> None:
    """One row to a page, some missing, internal calls perhaps not at all: the ledger is the same."""
    node = await LocalNode(await anvil()).ready()
    people = await native_history(node, Random(21), 30)
    index = await indexed(node, internal=internal, page=1)
    index.rows = [row for number, row in enumerate(index.rows) if number % 7]
    async with reading(node.url) as reader:
        coin = reader.spec.native_id
        truth = await swept(reader, "blocks", people)
    async with twisted(node.url, index.twist) as middle, reading(middle.url) as reader:
        assert await reader.sources() == ("logs", "receipts", "alchemy")
        for address in people:
            told, _ = await paged(reader, address)
            assert told.gaps == []
            assert told.steps > 1
            assert told.sum_of(address, coin) == truth.sum_of(address, coin)
            ours = {k for k, t in truth.transfers.items() if address in {t.sender, t.recipient}}
            twice = {key[1] for key in ours if key[2].endswith(":1")}
            assert {key for key in told.transfers.keys() ^ ours if key[1] not in twice} == set()
    assert any("pageKey" in query for query in index.asked) or not internal
    assert not any(query["excludeZeroValue"] for query in index.asked if "order" in query)


async def test_without_an_archive_the_newest_blocks_wait(anvil: StartAnvil) -> None:
    """An index does not say how far it reaches: what it may lack yet is asked for again."""
    node = await LocalNode(await anvil()).ready()
    people = await native_history(node, Random(22), 20)
    me = min(people)
    await node.send(me, node.accounts[0], 77)
    late = int(await node.ask("eth_blockNumber"), 16)
    await node.ask("anvil_mine", hex(alchemy_source.LAG // 2))
    index = await indexed(node)
    index.behind = late - 1
    async with twisted(node.url, pruned(index, late + 5)) as middle, reading(middle.url) as reader:
        before, cursor = await paged(reader, me)
        assert before.covered == (await reader.head()).number - alchemy_source.LAG < late
        await node.ask("anvil_mine", hex(alchemy_source.LAG))
        index.behind = None
        after, _ = await paged(reader, me, cursor)
    assert 77 not in {t.amount for t in before.transfers.values()}
    assert 77 in {t.amount for t in after.transfers.values()}
    async with reading(node.url) as reader:
        truth = await swept(reader, "blocks", frozenset({me}))
    both = before.transfers | after.transfers
    assert both == {key: t for key, t in truth.transfers.items() if not t.tx.startswith("genesis:")}


async def test_a_chain_without_internal_calls_in_the_list_says_so(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    people = await native_history(node, Random(23), 10)
    await node.ask("anvil_mine", hex(100))
    head = int(await node.ask("eth_blockNumber"), 16)
    index = await indexed(node, internal=False)
    async with twisted(node.url, pruned(index, head)) as middle, reading(middle.url) as reader:
        told, _ = await paged(reader, min(people))
    assert {(gap.code, gap.subject) for gap in told.gaps} == {(GapCode.INTERNALS_UNKNOWN, "internal")}
    assert {t.kind for t in told.transfers.values()} <= {"native", "gas"}


async def test_what_was_not_asked_for_is_not_believed(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    me, other = node.accounts[1:3]
    await node.send(me, other, 5)
    index = await indexed(node)
    for change in ({"from": other}, {"blockNum": hex(10**6)}, {"hash": "0x12"}, {"hash": None}):

        def twist(asked: dict[str, Any], reply: dict[str, Any], change: Any = change) -> dict[str, Any]:
            answer = index.twist(asked, reply)
            if asked["method"] == METHOD and "fromAddress" in asked["params"][0]:
                answer["result"]["transfers"] = [{**index.rows[0], **change}]
            return answer

        async with twisted(node.url, twist) as middle, reading(middle.url) as reader:
            with pytest.raises(LyingSourceError):
                await paged(reader, me)


async def test_where_nobody_serves_the_list_it_is_refused(anvil: StartAnvil) -> None:
    async with reading(await anvil()) as reader:
        with pytest.raises(RefusedError, match=METHOD):
            await paged(reader, "0x" + "12" * 20)
