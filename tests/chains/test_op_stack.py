"""Deposits from L1 on a real OP-stack node: what they mint, also when they fail, and the fee that nobody pays."""

import asyncio
from typing import Any

from indexer.demo.anvil import AnvilOptions
from indexer.model.chain import Quirk
from indexer.model.facts import GapCode, TransferKind
from tests.chains.node import FORWARDER, LocalNode, proved, read, reader_of, word
from tests.fixtures.anvil import StartAnvil

ROLLUP = AnvilOptions(hardfork="isthmus", extra=("--network", "optimism"))


async def deposit(
    node: LocalNode, number: int, sender: str, to: str, value: int, mint: int, data: str = "0x"
) -> dict[str, Any]:
    """A deposit transaction (https://specs.optimism.io/protocol/deposits.html) and its receipt."""
    tx = await node.ask(
        "eth_sendTransaction",
        {
            "type": "0x7e", "from": sender, "to": to, "value": hex(value), "mint": hex(mint), "gas": hex(200_000),
            "sourceHash": f"0x{number:064x}", "isSystemTx": False, "input": data,
        },
    )  # fmt: skip
    for _ in range(500):  # a busy machine mines a moment later
        receipt: dict[str, Any] | None = await node.ask("eth_getTransactionReceipt", tx)
        if receipt is not None:
            return receipt
        await asyncio.sleep(0.01)
    raise TimeoutError(tx)


async def test_deposits_mint_and_cost_nothing(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil(ROLLUP)).ready()
    me, friend = node.accounts[1:3]
    forwarder = await node.deploy(FORWARDER)
    await deposit(node, 1, me, me, 50, 50)
    await deposit(node, 2, me, friend, 30, 20)
    fails = "0x" + word(friend) + word(17) + word(1)
    failed = await deposit(node, 3, me, forwarder, 17, 40, fails)
    assert failed["status"] == "0x0"
    paid = await node.send(me, friend, 7)
    reader = reader_of(node.url, quirks=frozenset({Quirk.L1_DATA_FEE, Quirk.SYSTEM_TRANSACTIONS}))
    try:
        mine, other = await read(reader, me), await read(reader, friend)
        assert await proved(reader, mine) == await proved(reader, other) == []
    finally:
        await reader.close()
    minted = [t.amount for t in mine.transfers.values() if t.kind is TransferKind.INTERNAL]
    assert sorted(minted) == [20, 40, 50]
    assert [t.tx for t in mine.transfers.values() if t.kind is TransferKind.GAS] == [paid]
    # this node tells no L1 fee: that is a gap of the one transaction that paid a fee, of its sender alone
    assert [(g.code, g.subject) for g in mine.gaps] == [(GapCode.L1_FEE_UNKNOWN, paid)]
    assert other.gaps == []
