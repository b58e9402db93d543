"""Tokens that answer badly, on a real node: what they say is shown as it can be, what they do not say stays unknown."""

import asyncio
from collections.abc import Mapping

import pytest

from indexer.chains.evm import tokens
from indexer.chains.evm.decode import TRANSFER
from indexer.chains.evm.explorer_rows import token_facts
from indexer.chains.evm.node import Node
from indexer.chains.evm.pool import Pool
from indexer.chains.evm.tokens import Asking
from indexer.model.asset import Asset
from indexer.model.errors import RetryableError
from indexer.model.facts import GapCode
from indexer.model.ports import ChainReader
from tests.chains.node import EMITTER, LocalNode, read, reader_of, spec_of, word
from tests.chains.proxy import proxy
from tests.chains.world import World
from tests.fixtures.anvil import StartAnvil

NAME, SYMBOL, DECIMALS = "06fdde03", "95d89b41", "313ce567"
TOKEN = "0x" + "7e" * 20
Answers = Mapping[str, bytes]
"""What is returned for a selector; others revert."""


def code_of(answers: Answers) -> str:
    """Runtime code: four bytes of calldata are a question, everything else is emitted as `EMITTER` does."""
    emitter = bytes.fromhex(EMITTER)
    dispatch = 8 + len(emitter)
    body = dispatch + 7 + 11 * len(answers) + 5
    data = body + 16 * len(answers)
    code = bytes.fromhex(f"3660041461{dispatch:04x}57") + emitter + bytes.fromhex("5b60003560e01c")
    bodies = b""
    for selector, answer in answers.items():
        code += bytes.fromhex(f"8063{selector}1461{body:04x}57")
        bodies += bytes.fromhex(f"5b61{len(answer):04x}61{data:04x}60003961{len(answer):04x}6000f3")
        body, data = body + 16, data + len(answer)
    return "0x" + (code + bytes.fromhex("60006000fd") + bodies + b"".join(answers.values())).hex()


def text(value: str) -> bytes:
    raw = value.encode()
    return (32).to_bytes(32) + len(raw).to_bytes(32) + raw + b"\0" * (-len(raw) % 32)


def number(value: int) -> bytes:
    return value.to_bytes(32)


async def seen(node: LocalNode, reader: ChainReader, answers: Answers) -> tuple[Asset, set[GapCode]]:
    """The token as the collector knows it after a transfer, and the gaps about it."""
    me, friend = node.accounts[1:3]
    await node.ask("anvil_setCode", TOKEN, code_of(answers))
    await node.emit(TOKEN, [TRANSFER, friend, me], word(5))
    book = await read(reader, me)
    asset = next(a for a in book.assets.values() if a.contract == TOKEN)
    assert book.sums[asset.id] >= 5
    return asset, {gap.code for gap in book.gaps if gap.subject == asset.id}


@pytest.mark.parametrize(
    ("answers", "symbol", "name", "decimals"),
    [
        ({}, "0x7e7e..7e7e", "", None),
        ({NAME: b"", SYMBOL: b"", DECIMALS: b""}, "0x7e7e..7e7e", "", None),
        ({NAME: b"Maker".ljust(32, b"\0"), SYMBOL: b"MKR".ljust(32, b"\0"), DECIMALS: number(18)}, "MKR", "Maker", 18),
        ({SYMBOL: text("ONE"), NAME: text("One")}, "ONE", "One", None),
        ({SYMBOL: text("BIG"), DECIMALS: number(2**256 - 1)}, "BIG", "", None),
        ({SYMBOL: text("WIDE"), DECIMALS: number(78)}, "WIDE", "", None),
        ({SYMBOL: text("TINY"), DECIMALS: number(77)}, "TINY", "", 77),
        ({SYMBOL: text("WHOLE"), DECIMALS: number(0)}, "WHOLE", "", 0),
        ({SYMBOL: text("\u202eCDSU\u200b\u2066\x00\n"), DECIMALS: number(6)}, "CDSU", "", 6),
        ({SYMBOL: text("\u200b\u200d\u2060"), DECIMALS: number(6)}, "0x7e7e..7e7e", "", 6),
        ({SYMBOL: text("A" * 900), NAME: text("\u202e" * 300 + "x"), DECIMALS: number(6)}, "A" * 64, "x", 6),
        ({SYMBOL: b"\xff\xfe\xfd".ljust(32, b"\0"), DECIMALS: number(6)}, "\ufffd" * 3, "", 6),
        ({SYMBOL: (32).to_bytes(32) + (2**255).to_bytes(32), DECIMALS: number(6)}, "\ufffd", "", 6),
        ({SYMBOL: (2**255).to_bytes(32) + number(3) + b"odd", DECIMALS: number(6)}, "\ufffdodd", "", 6),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value)[:12].encode("ascii", "replace").decode(),
)  # fmt: skip
async def test_what_a_token_says_of_itself(
    anvil: StartAnvil, answers: Answers, symbol: str, name: str, decimals: int | None
) -> None:
    node = await LocalNode(await anvil()).ready()
    reader = reader_of(node.url)
    try:
        asset, gaps = await seen(node, reader, answers)
    finally:
        await reader.close()
    assert (asset.symbol.lstrip(" "), asset.name, asset.decimals) == (symbol, name, decimals)
    assert gaps == ({GapCode.DECIMALS_UNKNOWN} if decimals is None else set())


async def test_a_proxy_that_changes_is_asked_again(
    anvil: StartAnvil, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = await LocalNode(await anvil()).ready()
    reader = reader_of(node.url)
    old = {SYMBOL: text("OLD"), NAME: text("Old"), DECIMALS: number(18)}
    new = {SYMBOL: text("NEW"), NAME: text("New"), DECIMALS: number(6)}
    try:
        first, _ = await seen(node, reader, old)
        second, _ = await seen(node, reader, new)
        monkeypatch.setattr(tokens, "REREAD_SECONDS", 0.0)
        third, _ = await seen(node, reader, new)
        silent, gaps = await seen(node, reader, {})
    finally:
        await reader.close()
    assert [(a.symbol, a.name, a.decimals) for a in (first, second, third)] == [
        ("OLD", "Old", 18), ("OLD", "Old", 18), ("NEW", "New", 6),
    ]  # fmt: skip
    # a contract that no longer answers keeps what it was known for
    assert (silent.symbol, silent.decimals, gaps) == ("NEW", 6, set())


def test_what_an_explorer_says_of_a_token_is_cleaned_too() -> None:
    row = {
        "contractAddress": TOKEN,
        "tokenSymbol": "\u202eCDSU\u200b" + "x" * 99,
        "tokenName": "\u200b",
        "tokenDecimal": "99",
    }
    assert token_facts(row) == (TOKEN, tokens.TokenFacts("CDSU" + "x" * 60, None, None))


async def test_a_token_is_asked_for_once_while_stretches_are_read(world: World) -> None:
    async with proxy(world.node.url) as middle:
        reader = reader_of(middle.url, log_window=5)
        try:
            book = await read(reader, world.me, "logs")
        finally:
            await reader.close()
    assert book.transfers == world.truth.transfers
    assert middle.asked["eth_getLogs"] > 10, "several stretches"
    assert middle.asked["eth_call"] == 3, "name, symbol and decimals"


async def test_what_goes_wrong_when_names_are_asked_for_comes_out_where_they_are_needed() -> None:
    pool = Pool(spec_of("http://127.0.0.1:1"))
    wanted = [f"{pool.spec.id}/erc20:{TOKEN}"]
    try:
        async with Asking(tokens.Tokens(Node(pool))) as asking:
            await asking.about(wanted)
            with pytest.raises(RetryableError):
                await asking.assets(wanted)
            await asking.about(wanted)  # let go with the block
        assert len(asyncio.all_tasks()) == 1
    finally:
        await pool.close()
