"""Which sources a chain is read through, by what its endpoints answer."""

from typing import Any

import pytest

from indexer.chains.evm import choice
from indexer.model.chain import Explorer, ExplorerStyle
from indexer.model.errors import RefusedError
from indexer.model.facts import GapCode
from tests.chains.changing_of import REFUSED, call, deploy, reading, swept, twisted, without
from tests.chains.node import LocalNode
from tests.chains.proxy import Twist
from tests.chains.transfers_index import METHOD, indexed
from tests.fixtures.anvil import StartAnvil

EXPLORER = Explorer(ExplorerStyle.BLOCKSCOUT, "http://127.0.0.1:9/api")
TOKENS = ("logs", "receipts")
UNTRACED = ("trace_", "debug_")
OLD = {"code": -32000, "message": "missing trie node 00ff (path )"}


def stateless(asked: dict[str, Any]) -> bool:
    """Whether a call needs a state of the past."""
    return asked["method"] in {"eth_getBalance", "eth_getTransactionCount"} and asked["params"][1] != "latest"


def refusing(*prefixes: str, archive: bool = True) -> Twist:
    """An endpoint without these methods, with or without old states."""
    without_methods = without(*prefixes)

    def twist(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if not archive and stateless(asked):
            return {"jsonrpc": "2.0", "id": reply["id"], "error": OLD}
        return dict(without_methods(asked, reply))

    return twist


@pytest.fixture
async def node(anvil: StartAnvil) -> LocalNode:
    """A chain on which coins moved inside a call."""
    node = await LocalNode(await anvil()).ready()
    splitter = await deploy(node, "Splitter")
    await call(node, node.accounts[1], splitter, "pay(address[],uint256[])", [node.accounts[2]], [5], value=5)
    return node


@pytest.mark.parametrize(
    ("refused", "archive", "explorers", "expected"),
    [
        ((), True, False, ("blocks",)),
        (UNTRACED, True, False, (*TOKENS, "bisect")),
        (UNTRACED, False, False, ("blocks",)),
        (("trace_filter",), True, True, (*TOKENS, "explorer")),
        ((), True, True, (*TOKENS, "trace_filter")),
        (UNTRACED, True, True, (*TOKENS, "explorer")),
    ],
)
async def test_a_short_chain(
    node: LocalNode, refused: tuple[str, ...], expected: tuple[str, ...], *, archive: bool, explorers: bool
) -> None:
    changes = {"explorers": (EXPLORER,)} if explorers else {}
    twist = refusing(*refused, archive=archive)
    async with twisted(node.url, twist) as middle, reading(middle.url, **changes) as reader:
        assert await reader.sources() == expected


@pytest.mark.parametrize(
    ("refused", "archive", "expected"),
    [
        ((), True, (*TOKENS, "trace_filter")),
        (("trace_filter",), True, (*TOKENS, "bisect")),
        (UNTRACED, False, (*TOKENS, "explorer")),
    ],
)
async def test_a_long_chain(
    node: LocalNode,
    monkeypatch: pytest.MonkeyPatch,
    refused: tuple[str, ...],
    expected: tuple[str, ...],
    *,
    archive: bool,
) -> None:
    monkeypatch.setattr(choice, "SHORT_BLOCKS", 1)
    monkeypatch.setattr(choice, "WALKABLE_BLOCKS", 1)
    twist = refusing(*refused, archive=archive)
    async with twisted(node.url, twist) as middle, reading(middle.url) as reader:
        assert await reader.sources() == expected
        if expected[-1] == "explorer":  # nothing is there, and it says so by name
            with pytest.raises(RefusedError, match="Add a Blockscout"):
                await anext(aiter(reader.pages(node.accounts[1], "explorer", None, await reader.head())))


async def test_alchemy_comes_before_an_explorer(node: LocalNode) -> None:
    index = await indexed(node)
    async with twisted(node.url, index.twist) as middle:
        async with reading(middle.url, explorers=(EXPLORER,)) as reader:
            assert await reader.sources() == (*TOKENS, "alchemy")
        assert middle.asked[METHOD] == 2


async def test_a_filter_that_is_ignored_or_half_read_is_no_source(node: LocalNode) -> None:
    """Nodes have answered everything, and have matched the sender and recipient of transactions alone."""
    number = await node.ask("eth_blockNumber")
    everything = await node.ask("trace_block", number)

    def ignoring(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        return {**reply, "result": everything} if asked["method"] == "trace_filter" else reply

    def shallow(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if asked["method"] == "trace_filter":
            return {**reply, "result": [row for row in reply["result"] if not row["traceAddress"]]}
        return reply

    for twist in (ignoring, shallow):
        async with (
            twisted(node.url, twist) as middle,
            reading(middle.url, explorers=(EXPLORER,)) as reader,
        ):
            assert await reader.sources() == (*TOKENS, "explorer")


async def test_a_pruned_node_that_answers_with_newer_states_is_no_archive(node: LocalNode) -> None:
    me = node.accounts[1]
    await node.ask("anvil_mine", hex(30))
    newest = await node.ask("eth_getTransactionCount", node.accounts[0], "latest")

    def forgetful(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if asked["method"].startswith(UNTRACED):
            return {"jsonrpc": "2.0", "id": reply["id"], "error": REFUSED}
        return {**reply, "result": newest} if asked["method"] == "eth_getTransactionCount" else reply

    async with twisted(node.url, forgetful) as middle, reading(middle.url) as reader:
        assert await reader.sources() == ("blocks",)
        with pytest.raises(RefusedError, match="archive"):
            await swept(reader, "bisect", frozenset({me}))


async def test_without_anything_whole_blocks_say_what_they_do_not_see(node: LocalNode) -> None:
    twist = refusing(*UNTRACED, archive=False)
    async with twisted(node.url, twist) as middle, reading(middle.url) as reader:
        (source,) = await reader.sources()
        told = await swept(reader, source, frozenset({node.accounts[2]}))
    assert {gap.code for gap in told.gaps} == {GapCode.INTERNALS_UNKNOWN}
