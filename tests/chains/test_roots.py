"""Blocks computed anew: a real node's are proved, whatever is left out or changed is seen, and no chain is locked out."""

import copy
import logging
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from indexer.chains.evm.decode import TRANSFER
from indexer.chains.evm.door import ALIKE_BY_ONE, OFF_AFTER, Door
from indexer.chains.evm.endpoint import Call
from indexer.chains.evm.node import Node
from indexer.chains.evm.pool import Pool
from indexer.chains.evm.roots import EMPTY_ROOT, block_hash, receipts_root, transactions_root
from indexer.demo.anvil import AnvilOptions
from indexer.model.errors import RetryableError
from tests.chains.node import EMITTER, LocalNode, spec_of, word
from tests.chains.proxy import proxy
from tests.fixtures.anvil import StartAnvil

KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
"""Of anvil's second development account."""


async def signed(node: LocalNode, body: dict[str, Any]) -> None:
    """Send a transaction of any type, signed here."""
    sender = Account.from_key(KEY)
    nonce = int(await node.ask("eth_getTransactionCount", sender.address, "pending"), 16)
    raw = sender.sign_transaction({"nonce": nonce, "gas": 300_000, "chainId": 31337, **body})
    await node.ask("eth_sendRawTransaction", "0x" + raw.raw_transaction.hex().removeprefix("0x"))


@pytest.fixture
async def node(anvil: StartAnvil) -> LocalNode:
    """A chain with every kind of transaction that is signed, and a block of many."""
    node = await LocalNode(await anvil(AnvilOptions(hardfork="prague"))).ready()
    token = await node.deploy(EMITTER)
    me, to = node.accounts[1], to_checksum_address("0x" + "ab" * 20)
    await signed(node, {"to": to, "value": 5, "gasPrice": 3 * 10**9})
    access = [{"address": to_checksum_address(token), "storageKeys": ["0x" + "01" * 32, "0x" + "00" * 32]}]
    await signed(node, {"to": to, "value": 6, "gasPrice": 3 * 10**9, "accessList": access, "type": 1})
    fees = {"maxFeePerGas": 4 * 10**9, "maxPriorityFeePerGas": 1}
    await signed(node, {"to": to, "value": 7, "accessList": access, "type": 2, **fees})
    allowed = Account.from_key(KEY).sign_authorization({"chainId": 31337, "address": token, "nonce": 99})
    await signed(node, {"to": to, "value": 8, "type": 4, "authorizationList": [allowed], **fees})
    await node.ask("evm_setAutomine", False)
    for number in range(140):  # more than 128: the trie's keys take a second byte
        body = {"from": node.accounts[0], "to": token, "gas": hex(100_000)}
        topics = [TRANSFER[2:], word(me), word(to)] if number % 3 else [TRANSFER[2:], word(number), word(0)]
        await node.ask("eth_sendTransaction", {**body, "data": "0x" + "".join(topics) + word(number)})
    await node.ask("evm_mine")
    await node.ask("evm_setAutomine", True)
    await node.ask("evm_mine")
    return node


async def whole(node: LocalNode, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    block = await node.ask("eth_getBlockByNumber", hex(number), True)
    return block, await node.ask("eth_getBlockReceipts", hex(number))


async def test_a_real_chain_is_computed_to_the_byte(node: LocalNode) -> None:
    kinds: set[str] = set()
    most = 0
    for number in range(int(await node.ask("eth_blockNumber"), 16) + 1):
        block, receipts = await whole(node, number)
        assert block_hash(block) == block["hash"]
        assert transactions_root(block["transactions"]) == block["transactionsRoot"]
        assert receipts_root(receipts) == block["receiptsRoot"]
        kinds |= {tx["type"] for tx in block["transactions"]}
        most = max(most, len(receipts))
    assert {"0x0", "0x1", "0x2", "0x4"} <= kinds
    assert most == 140
    assert transactions_root([]) == receipts_root([]) == EMPTY_ROOT


async def test_whatever_is_changed_is_seen(node: LocalNode) -> None:
    block, receipts = await whole(node, int(await node.ask("eth_blockNumber"), 16) - 1)
    txs = block["transactions"]
    for changed in (txs[:-1], txs[1:], txs[::-1], [*txs, txs[0]], [{**txs[0], "value": "0x1"}, *txs[1:]]):
        assert transactions_root(changed) not in {block["transactionsRoot"], None}
    other = copy.deepcopy(receipts)
    other[70]["logs"][0]["data"] = "0x" + word(1)
    for left in (receipts[:-1], [{**receipts[0], "logs": []}, *receipts[1:]], other, receipts[::-1]):
        assert receipts_root(left) not in {block["receiptsRoot"], None}
    for name in ("parentHash", "stateRoot", "receiptsRoot", "parentBeaconBlockRoot"):
        assert block_hash({**block, name: "0x" + "7" * 64}) != block["hash"]
    assert block_hash({**block, "timestamp": "0x1"}) != block["hash"]
    assert transactions_root([{**txs[0], "type": "0x6a"}]) is None  # a kind of some chain's own
    assert block_hash({"number": "0x1"}) is None


@pytest.mark.parametrize("name", ["hash", "parentHash", "transactionsRoot"])
async def test_an_endpoint_that_lies_about_a_block_is_passed_over(node: LocalNode, name: str) -> None:
    """Every time, about every block: the honest one is asked and believed."""

    def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_getBlockByNumber":
            return reply
        return {**reply, "result": {**reply["result"], name: "0x" + "6" * 64}}

    async with proxy(node.url) as liar:
        liar.twist = twist
        pool = Pool(spec_of(liar.url, node.url))
        try:
            asking = Node(pool)
            for number in (0, 3, 5):
                true = (await node.ask("eth_getBlockByNumber", hex(number), False))["hash"]
                assert (await asking.headers([number]))[number].hash == true
                assert await asking.block_hash(number) == true
            assert (await asking.head()).hash == (await node.ask("eth_getBlockByNumber", "latest", False))[
                "hash"
            ]
            assert pool.endpoints[0].doubted > 0
            assert pool.endpoints[1].doubted == 0
            assert not pool.door.off
        finally:
            await pool.close()


async def test_a_lie_that_is_never_the_same_is_never_believed(node: LocalNode) -> None:
    turn = 0

    def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        nonlocal turn
        turn += 1
        if call["method"] != "eth_getBlockByNumber":
            return reply
        return {**reply, "result": {**reply["result"], "hash": f"0x{turn:064x}"}}

    async with proxy(node.url) as liar:
        liar.twist = twist
        pool = Pool(spec_of(liar.url))
        try:
            with pytest.raises(RetryableError, match="does not fit its hash"):
                await Node(pool).headers([3])
        finally:
            await pool.close()


async def test_a_chain_with_headers_of_its_own_is_read_and_named(
    node: LocalNode, caplog: pytest.LogCaptureFixture
) -> None:
    """What a chain's only endpoint tells alike is believed; after some blocks the check is off, with one warning."""

    def foreign(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_getBlockByNumber" or not reply["result"]:
            return reply
        return {**reply, "result": {**reply["result"], "extraData": "0xee"}}

    async with proxy(node.url) as middle:
        middle.twist = foreign
        pool = Pool(spec_of(middle.url))
        try:
            with caplog.at_level(logging.WARNING):
                for number in range(6):
                    true = (await node.ask("eth_getBlockByNumber", hex(number), False))["hash"]
                    assert (await Node(pool).headers([number]))[number].hash == true
            assert pool.door.off == ("block hash",)
        finally:
            await pool.close()
    told = [r.getMessage() for r in caplog.records if "block hash" in r.getMessage()]
    assert told == ["Local: no block fits its block hash here; endpoints are believed about it from now on"]


def misfit(door: Door, number: int) -> dict[str, Any]:
    receipt = {"transactionHash": hex(number), "logs": [], "logsBloom": "0x1"}
    for _ in range(ALIKE_BY_ONE - 1):
        assert door.complaint("a", 1, "eth_getTransactionReceipt", [hex(number)], receipt)
    assert door.complaint("a", 1, "eth_getTransactionReceipt", [hex(number)], receipt) is None
    return receipt


def test_wrong_blooms_are_switched_off_after_some_of_them(caplog: pytest.LogCaptureFixture) -> None:
    door = Door("Odd")
    for number in range(OFF_AFTER):
        assert not door.off
        receipt = misfit(door, number)
        assert (
            door.complaint("a", 1, "eth_getTransactionReceipt", [hex(number)], receipt) is None
        )  # known by now
    assert door.off == ("logs bloom",)
    assert door.complaint("b", 1, "eth_getTransactionReceipt", ["0x9"], receipt) is None
    assert "Odd: no block fits its logs bloom here" in caplog.text


def test_a_check_that_has_fitted_is_not_switched_off_by_a_few() -> None:
    door = Door("Sound")
    for number in range(OFF_AFTER - 1):
        misfit(door, number)
    log = {"address": "0x" + "1" * 40, "topics": []}
    digest = keccak(hexstr=log["address"])  # type: ignore[arg-type]
    bloom = hex(sum({1 << (int.from_bytes(digest[at : at + 2]) & 2047) for at in (0, 2, 4)}))
    sound = {"transactionHash": "0x2", "logs": [log], "logsBloom": bloom}
    assert door.complaint("a", 1, "eth_getTransactionReceipt", [], sound) is None
    for number in range(10, 10 + OFF_AFTER):
        misfit(door, number)
    assert not door.off


def test_two_endpoints_that_tell_the_same_are_believed() -> None:
    door = Door("Two")
    receipt = {"transactionHash": "0x5", "logs": [], "logsBloom": "0x1"}
    assert door.complaint("a", 2, "eth_getTransactionReceipt", ["0x5"], receipt)
    assert door.complaint("b", 2, "eth_getTransactionReceipt", ["0x5"], receipt) is None


def logs_at(block: int, first: int, topics: list[Any]) -> list[Call]:
    query = {"fromBlock": hex(first), "toBlock": hex(block), "topics": topics}
    return [Call("eth_getLogs", [query]), Call("eth_getBlockByNumber", [hex(block), False])]


@pytest.mark.parametrize("what", ["left out", "of another block", "invented"])
async def test_logs_that_do_not_fit_the_header_beside_them_are_asked_again(
    node: LocalNode, what: str
) -> None:
    last = int(await node.ask("eth_blockNumber"), 16) - 1
    struck = 0

    def twist(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        nonlocal struck
        if call["method"] != "eth_getLogs" or struck:
            return reply
        struck += 1
        found = {
            "left out": [],
            "of another block": [{**log, "blockHash": "0x" + "5" * 64} for log in reply["result"]],
            "invented": [{**log, "topics": [TRANSFER, "0x" + "7" * 64]} for log in reply["result"]],
        }[what]
        return {**reply, "result": found}

    topics = [[TRANSFER], ["0x" + word(1), "0x" + word(3)]]
    async with proxy(node.url) as middle:
        middle.twist = twist
        pool = Pool(spec_of(middle.url))
        try:
            endpoint = await pool.pick()
            logs, _ = await pool.send(endpoint, logs_at(last, 0, topics))
            assert struck == 1
            assert [int(log.topics[1], 16) for log in logs] == [3]
            assert endpoint.doubted == (what != "left out")  # a silence is no lie
            assert middle.asked["eth_getLogs"] == 2  # and the header was not asked for again
            assert middle.asked["eth_getBlockByNumber"] == 1
        finally:
            await pool.close()


async def test_no_logs_are_believed_where_the_header_has_none(node: LocalNode) -> None:
    last = int(await node.ask("eth_blockNumber"), 16)
    async with proxy(node.url) as middle:
        pool = Pool(spec_of(middle.url))
        try:
            endpoint = await pool.pick()
            stranger = [[TRANSFER], ["0x" + "9" * 64]]
            for block in (last, last - 1, 1):
                logs, _ = await pool.send(endpoint, logs_at(block, block, stranger))
                assert logs == []
            assert (endpoint.doubted, middle.asked["eth_getLogs"]) == (0, 3)
        finally:
            await pool.close()


async def test_notes_of_the_chain_itself_stand_under_no_root(node: LocalNode) -> None:
    """Polygon lists its state syncs with the transactions of a block; they have no gas, and the root leaves them out."""
    block, receipts = await whole(node, 3)
    note = {**block["transactions"][0], "gas": "0x0", "hash": "0x" + "1" * 64, "from": "0x" + "0" * 40}
    told = {**receipts[0], "gasUsed": "0x0", "transactionHash": note["hash"], "logs": []}
    told |= {"logsBloom": "0x" + "0" * 512, "cumulativeGasUsed": "0x0"}
    door = Door("Polygon")
    with_note = {**block, "transactions": [*block["transactions"], note]}
    assert door.complaint("a", 1, "eth_getBlockByNumber", ["0x3", True], with_note) is None
    assert door.complaint("a", 1, "eth_getBlockReceipts", ["0x3"], [*receipts, told]) is None
    lost = {**block, "transactions": [note]}
    assert door.complaint("a", 1, "eth_getBlockByNumber", ["0x3", True], lost)
    assert door.complaint("a", 1, "eth_getBlockReceipts", ["0x3"], [told])
