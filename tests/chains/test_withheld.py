"""A node that leaves parts of a block out is asked again; nothing half-told reaches the ledger."""

from collections.abc import Callable
from typing import Any

import pytest

from indexer.chains.evm.decode import TRANSFER
from indexer.chains.evm.whole import fits_bloom
from indexer.model.errors import RetryableError
from indexer.model.facts import GapCode
from tests.chains.node import EMITTER, FORWARDER, LocalNode, read, reader_of, word
from tests.chains.proxy import proxy
from tests.fixtures.anvil import StartAnvil

Lie = Callable[[Any], Any]


@pytest.fixture
async def node(anvil: StartAnvil) -> LocalNode:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1], node.accounts[2]
    token = await node.deploy(EMITTER)
    await node.emit(token, [TRANSFER, friend, me], word(7))
    forwarder = await node.deploy(FORWARDER)
    await node.send(friend, forwarder, 5, "0x" + word(me) + word(5) + word(0))
    return node


def bare(receipts: Any) -> Any:
    return [{**receipt, "logs": []} for receipt in receipts]


def without_transactions(block: Any) -> Any:
    return {**block, "transactions": block["transactions"][:-1]}


CASES: dict[str, tuple[str, Lie]] = {
    "empty receipts": ("eth_getBlockReceipts", lambda _: []),
    "no receipts": ("eth_getBlockReceipts", lambda _: None),
    "receipts without logs": ("eth_getBlockReceipts", bare),
    "empty traces": ("trace_block", lambda _: []),
    "no traces": ("trace_block", lambda _: None),
    "a lost transaction": ("eth_getBlockByNumber", without_transactions),
}


@pytest.mark.parametrize("name", CASES)
async def test_what_is_left_out_once_is_asked_again(node: LocalNode, name: str) -> None:
    """Every block in turn is told without a part of it; the next reading is whole."""
    method, lie = CASES[name]
    plain = reader_of(node.url)
    try:
        me = node.accounts[1]
        expected = await read(plain, me, "blocks")
    finally:
        await plain.close()
    assert expected.kinds["internal"] == 1
    assert GapCode.RECEIPT_UNAVAILABLE not in {gap.code for gap in expected.gaps}
    for number in range(1, 5):
        struck: list[str] = []

        def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
            tag, *full = call["params"] or [""]
            hit = call["method"] == method and tag == hex(number) and full in ([], [True])  # noqa: B023 - awaited
            if hit and not struck:  # noqa: B023 - the proxy is closed before the next round
                struck.append(name)  # noqa: B023 - as above
                return {**reply, "result": lie(reply["result"])}
            return reply

        async with proxy(node.url) as middle:
            middle.twist = twist
            reader = reader_of(middle.url)
            try:
                for _ in range(3):
                    try:
                        found = await read(reader, me, "blocks")
                        break
                    except RetryableError:
                        continue
                assert struck
                assert found.transfers == expected.transfers
                assert set(found.gaps) == set(expected.gaps)
            finally:
                await reader.close()


async def test_block_zero_is_the_one_that_its_successor_names(node: LocalNode) -> None:
    """One lie about its hash must not stay in the opening credit for ever."""
    lies = 0

    def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        nonlocal lies
        if call["method"] == "eth_getBlockByNumber" and call["params"][0] == "0x0" and not lies:
            lies += 1
            return {**reply, "result": {**reply["result"], "hash": "0x" + "7" * 64}}
        return reply

    async with proxy(node.url) as middle:
        middle.twist = twist
        reader = reader_of(middle.url)
        try:
            found = await read(reader, node.accounts[1], "blocks")
            truth = (await node.ask("eth_getBlockByNumber", "0x0", False))["hash"]
            assert lies == 1
            assert [t.block.hash for t in found.transfers.values() if t.block.number == 0] == [truth]
        finally:
            await reader.close()


async def test_a_bloom_tells_every_log(node: LocalNode) -> None:
    """The node's own blooms agree; a log more or less does not; a chain without blooms says nothing."""
    receipt = (await node.ask("eth_getBlockReceipts", "0x2"))[0]
    assert fits_bloom(receipt)
    other = {**receipt["logs"][0], "address": node.accounts[5]}
    for logs in ([], [*receipt["logs"], other], [other]):
        assert fits_bloom({**receipt, "logs": logs}) is False
        assert fits_bloom({**receipt, "logs": logs, "logsBloom": "0x" + "0" * 512}) is None


async def test_a_block_of_another_branch_is_told_by_its_successor(node: LocalNode) -> None:
    """It fits its own hash; a ledger that believed it would keep facts which are no longer."""
    for _ in range(6):
        await node.ask("evm_mine")
    head = int(await node.ask("eth_blockNumber"), 16)
    old = {
        hex(number): await node.ask("eth_getBlockByNumber", hex(number), False)
        for number in range(head - 3, head + 1)
    }
    await node.ask("anvil_reorg", 4, [])
    await node.ask("evm_mine")

    def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        asked = call["params"][0] if call["method"] == "eth_getBlockByNumber" else ""
        return {**reply, "result": old[asked]} if asked == hex(head - 1) else reply

    async with proxy(node.url) as middle:
        middle.twist = twist
        reader = reader_of(middle.url)
        try:
            with pytest.raises(RetryableError, match="different branches"):
                await reader.block_hash(head - 1)
            true = await node.ask("eth_getBlockByNumber", hex(head), False)
            assert await reader.block_hash(head) == true["hash"]
            assert await reader.block_hash(head + 9) is None
            middle.requests = 0
            newest = await node.ask("eth_getBlockByNumber", "latest", False)
            assert await reader.block_hash(head + 1) == newest["hash"]
            assert middle.requests == 1
        finally:
            await reader.close()
