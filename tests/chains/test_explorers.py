"""Explorers beside a real node: logs and explorer together tell exactly what whole blocks tell."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from indexer.chains.evm import explorer_source
from indexer.chains.evm.decode import TRANSFER
from indexer.chains.open import open_reader
from indexer.model.chain import Explorer, ExplorerStyle
from indexer.model.errors import RefusedError
from indexer.model.facts import GapCode, Transfer, TransferKind
from indexer.model.ports import ChainReader
from tests.chains.explorer import FakeExplorer, internal_row, serving
from tests.chains.node import EMITTER, FORWARDER, Book, LocalNode, proved, read, reader_of, spec_of, word
from tests.chains.proxy import proxy
from tests.fixtures.anvil import StartAnvil


@dataclass(slots=True)
class World:
    """`url` is the node without the method that would make an explorer needless."""

    node: LocalNode
    me: str
    truth: Book
    explorer: FakeExplorer
    url: str

    def reader(self, *more: FakeExplorer, url: str | None = None) -> ChainReader:
        return reader_of(url or self.url, explorers=offered(*more, self.explorer))


def offered(*explorers: FakeExplorer) -> tuple[Explorer, ...]:
    return tuple(Explorer(ExplorerStyle.ETHERSCAN_V2, e.url, requests_per_second=1000) for e in explorers)


@pytest.fixture
async def world(anvil: StartAnvil) -> AsyncIterator[World]:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1], node.accounts[2]
    forwarder, token = await node.deploy(FORWARDER), await node.deploy(EMITTER)
    for amount in range(1, 5):
        await node.send(me, friend, amount)
        await node.send(friend, forwarder, 13, "0x" + word(me) + word(13) + word(0))
        await node.emit(token, [TRANSFER, friend, me], word(amount))
    await node.send(me, forwarder, 17, "0x" + word(friend) + word(17) + word(1))
    await node.send(me, None, 11, "0x00")
    await node.ask("evm_setAutomine", False)
    for _ in range(4):  # one block with many transactions
        await node.ask("eth_sendTransaction", {"from": me, "to": friend, "value": "0x5"})
    await node.ask("evm_mine")
    await node.ask("evm_setAutomine", True)
    blocks = reader_of(node.url)
    try:
        truth = await read(blocks, me)
        head = (await blocks.head()).number
    finally:
        await blocks.close()
    async with (
        serving(await FakeExplorer(head).learn(node, truth)) as explorer,
        proxy(node.url) as plain,
    ):
        plain.twist = without_filter
        yield World(node, me, truth, explorer, plain.url)


def without_filter(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    if call["method"] != "trace_filter":
        return reply
    missing = {"code": -32601, "message": "the method trace_filter does not exist/is not available"}
    return {"jsonrpc": "2.0", "id": call["id"], "error": missing}


def on_chain(book: Book) -> dict[tuple[str, str, str], Transfer]:
    """Without what is allotted at genesis: explorers list that under a name of their own."""
    return {key: t for key, t in book.transfers.items() if t.tx.startswith("0x")}


async def test_logs_and_explorer_together_tell_what_whole_blocks_tell(world: World) -> None:
    reader = world.reader()
    try:
        assert await reader.sources() == ("logs", "receipts", "explorer")
        book = await read(reader, world.me)
        assert on_chain(book) == on_chain(world.truth)
        assert {gap.code for gap in book.gaps} <= {GapCode.DECIMALS_UNKNOWN}
        # only the coins of genesis are missing, and the proof says so
        assert [(g.code, g.subject) for g in await proved(reader, book) if "slip44" in g.subject] == [
            (GapCode.BALANCE_MISMATCH, reader.spec.native_id)
        ]
    finally:
        await reader.close()


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_pages_never_split_a_block(world: World, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(explorer_source, "PAGE", size)
    monkeypatch.setattr(explorer_source, "CHUNK", 2)
    reader = world.reader()
    try:
        book = await read(reader, world.me, "explorer")
        natives = {k: t for k, t in on_chain(world.truth).items() if t.kind is not TransferKind.ERC20}
        assert {k: t for k, t in book.transfers.items() if t.kind is not TransferKind.ERC20} == natives
        for page in book.pages:
            assert all(t.block.number <= page.covered_to for t in page.transfers)
            assert page.cursor["next"] == page.covered_to + 1
    finally:
        await reader.close()


async def test_rows_that_move_nothing_are_not_counted(world: World) -> None:
    truth = on_chain(world.truth)
    inner = next(t for t in truth.values() if t.kind is TransferKind.INTERNAL)
    native = next(t for t in truth.values() if t.kind is TransferKind.NATIVE)
    world.explorer.rows["txlistinternal"] += [
        internal_row(inner, type="delegatecall"),
        internal_row(inner, callType="staticcall"),
        internal_row(inner, isError="1"),
        internal_row(native),  # the transaction's own call, listed among the internal ones
    ]
    world.explorer.rows["txlistinternal"].sort(key=lambda row: int(row["blockNumber"]))
    reader = world.reader()
    try:
        assert on_chain(await read(reader, world.me)) == truth
    finally:
        await reader.close()


async def test_the_receipts_fee_wins_over_the_row(world: World) -> None:
    for row in world.explorer.rows["txlist"]:
        row["gasUsed"] = "1"
    reader = world.reader()
    try:
        assert on_chain(await read(reader, world.me)) == on_chain(world.truth)
    finally:
        await reader.close()


async def test_a_row_that_no_node_knows_is_a_conflict_and_not_counted(world: World) -> None:
    row = {**world.explorer.rows["txlist"][-1], "hash": "0x" + "e" * 64, "blockNumber": "999999"}
    world.explorer.rows["txlist"].append({**row, "blockNumber": str(world.explorer.head)})
    reader = world.reader()
    try:
        book = await read(reader, world.me, "explorer")
        assert row["hash"] not in {t.tx for t in book.transfers.values()}
        assert (GapCode.SOURCE_CONFLICT, row["hash"]) in {(g.code, g.subject) for g in book.gaps}
    finally:
        await reader.close()


async def test_an_explorer_that_lags_is_believed_to_its_own_head(world: World) -> None:
    world.explorer.head -= 4
    reader = world.reader()
    try:
        book = await read(reader, world.me, "explorer")
        assert book.pages[-1].covered_to == world.explorer.head
        world.explorer.head += 4
        rest = [
            p async for p in reader.pages(world.me, "explorer", book.pages[-1].cursor, await reader.head())
        ]
        for page in rest:
            book.add(page)
        both = {**book.transfers, **(await read(reader, world.me, "logs")).transfers}
        assert {k: t for k, t in both.items() if t.tx.startswith("0x")} == on_chain(world.truth)
    finally:
        await reader.close()


async def test_faults_in_every_place_change_nothing(world: World) -> None:
    turn = 0

    def faulty(_: dict[str, str], answer: dict[str, Any]) -> dict[str, Any] | web.Response:
        nonlocal turn
        turn += 1
        if turn % 5 == 1:
            return {
                "status": "0",
                "message": "NOTOK",
                "result": "Max calls per sec rate limit reached (3/sec)",
            }
        if turn % 5 == 2:
            return web.Response(text="<html>502</html>", status=502)
        if turn % 5 == 3:
            return web.Response(text='{"status":"1","mess', content_type="application/json")
        if turn % 5 == 4:
            return web.Response(status=429, headers={"Retry-After": "0"})
        return answer

    world.explorer.twist = faulty
    reader = world.reader()
    try:
        assert on_chain(await read(reader, world.me)) == on_chain(world.truth)
    finally:
        await reader.close()


@pytest.mark.parametrize(
    "text",
    [
        "Free API access is not supported for this chain. Please upgrade your api plan",
        "Invalid API Key",
        "Missing or unsupported chainid parameter",
    ],
)
async def test_a_refusing_explorer_hands_over_to_the_next(world: World, text: str) -> None:
    async with serving(FakeExplorer(world.explorer.head)) as refusing:
        refusing.twist = lambda _, __: {"status": "0", "message": "NOTOK", "result": text}
        reader = world.reader(refusing)
        alone = open_reader(spec_of(world.url, explorers=offered(refusing)), StandingClock())
        try:
            assert on_chain(await read(reader, world.me)) == on_chain(world.truth)
            with pytest.raises(RefusedError, match="Add a Blockscout"):
                await read(alone, world.me, "explorer")
        finally:
            await reader.close()
            await alone.close()


class StandingClock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


async def test_what_was_not_known_is_asked_again_and_its_gaps_are_taken_back(world: World) -> None:
    clock = StandingClock()
    broken = True

    def pruned(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if broken and call["method"] == "eth_getTransactionReceipt":
            gone = {"code": 4444, "message": "pruned history unavailable"}
            return {"jsonrpc": "2.0", "id": reply["id"], "error": gone}
        return reply

    def pending(query: dict[str, str], answer: dict[str, Any]) -> dict[str, Any]:
        if broken and query["action"] == "txlistinternal":
            return {"status": "2", "message": "Some internal transactions are not processed", "result": []}
        return answer

    world.explorer.twist = pending
    async with proxy(world.url) as middle:
        middle.twist = pruned
        spec = spec_of(middle.url, explorers=offered(world.explorer))
        reader = open_reader(spec, clock)
        try:
            first = await read(reader, world.me, "explorer")
            codes = {gap.code for gap in first.gaps}
            assert {GapCode.RECEIPT_UNAVAILABLE, GapCode.INTERNALS_UNKNOWN} <= codes
            cursor, head = first.pages[-1].cursor, await reader.head()
            idle = [p async for p in reader.pages(world.me, "explorer", cursor, head)]
            assert [len(p.transfers) for p in idle] == [0]
            broken = False
            clock.time += timedelta(hours=7)
            healed = Book(world.me)
            async for page in reader.pages(world.me, "explorer", idle[-1].cursor, head):
                healed.add(page)
            assert healed.pages[0].replaces_gaps
            assert not {gap.code for gap in healed.gaps} & codes - {GapCode.DECIMALS_UNKNOWN}
            assert "receipts" not in healed.pages[-1].cursor
            tokens = (await read(reader, world.me, "logs")).transfers
            both = {**healed.transfers, **tokens}
            assert {k: t for k, t in both.items() if t.tx.startswith("0x")} == on_chain(world.truth)
        finally:
            await reader.close()


async def test_token_rows_count_where_no_receipt_is_served(world: World) -> None:
    def pruned(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] in {"eth_getTransactionReceipt", "eth_getTransactionByHash"}:
            gone = {"code": 4444, "message": "pruned history unavailable"}
            return {"jsonrpc": "2.0", "id": reply["id"], "error": gone}
        return reply

    tokens = {k: t for k, t in world.truth.transfers.items() if t.kind is TransferKind.ERC20}
    rows = [
        {
            **internal_row(t),
            "contractAddress": t.asset.rpartition(":")[2],
            "logIndex": t.position.removeprefix("log:"),
            "blockHash": t.block.hash,
            "tokenSymbol": "TOK",
            "tokenDecimal": "6",
        }
        for t in tokens.values()
    ]
    nameless = {**rows[0], "logIndex": ""}  # without an index the row has no name to be a fact under
    world.explorer.rows["tokentx"] = [*rows, nameless]
    async with proxy(world.url) as middle:
        middle.twist = pruned
        reader = world.reader(url=middle.url)
        try:
            book = await read(reader, world.me)
        finally:
            await reader.close()
    assert {k: t for k, t in book.transfers.items() if t.kind is TransferKind.ERC20} == tokens
    assert {(a.symbol, a.decimals) for a in book.assets.values() if "erc20" in a.id} == {("TOK", 6)}


async def test_genesis_coins_are_taken_from_the_list(world: World) -> None:
    world.explorer.rows["txlist"].insert(
        0,
        {
            "blockNumber": "0", "timeStamp": "1", "hash": f"GENESIS_{world.me[2:]}", "from": "GENESIS",
            "to": world.me, "value": str(10_000 * 10**18), "gasUsed": "0", "gasPrice": "0", "isError": "0",
        },
    )  # fmt: skip
    reader = world.reader()
    try:
        book = await read(reader, world.me)
        assert book.transfers == world.truth.transfers
    finally:
        await reader.close()
