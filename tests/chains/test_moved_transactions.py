"""A transaction that a reorg moved is read where it is now, whatever was remembered of it."""

import pytest

from indexer.chains.evm import details
from indexer.chains.evm import node as node_module
from indexer.chains.evm.decode import TRANSFER
from indexer.chains.evm.node import NOTHING, Node, block_ref
from indexer.chains.evm.pool import Pool
from indexer.model.errors import RetryableError
from indexer.model.stored import Undetailed
from tests.chains.node import EMITTER, LocalNode, reader_of, spec_of, word
from tests.chains.proxy import proxy
from tests.fixtures.anvil import StartAnvil


async def test_what_was_remembered_of_a_moved_transaction_is_forgotten(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1:3]
    body = {
        "from": me,
        "to": friend,
        "value": "0x5",
        "nonce": "0x0",
        "gas": hex(21_000),
        "gasPrice": hex(10**10),
    }
    pool = Pool(spec_of(node.url))
    ours = Node(pool)
    try:
        tx = await node.mined(body)
        before = (await ours.transactions([tx]))[tx].receipt
        await node.ask("anvil_reorg", 1, [])  # an empty block takes the place of its block
        assert await node.mined(body) == tx
        assert before is not None
        assert (await ours.transactions([tx]))[tx].receipt == before  # remembered
        with pytest.raises(RetryableError, match="two hashes"):
            await ours.block_refs([(1, before["blockHash"])])
        after = (await ours.transactions([tx]))[tx].receipt
        head = await ours.head()
    finally:
        await pool.close()
    assert after is not None
    assert (after["blockHash"], int(after["blockNumber"], 16)) == (head.hash, head.number)
    assert head.number > 1


async def test_a_block_that_lies_deep_is_believed_once_the_transaction_repeats_its_hash(
    anvil: StartAnvil,
) -> None:
    """Nearer to the head, and where the hashes differ, the header decides."""
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1:3]
    token = await node.deploy(EMITTER)
    tx = await node.emit(token, [TRANSFER, friend, me], word(7))
    receipt = await node.ask("eth_getTransactionReceipt", tx)
    block = int(receipt["blockNumber"], 16)
    await node.ask("anvil_mine", hex(details.FIRM + 10))
    stamp = int((await node.ask("eth_getBlockByNumber", hex(block), False))["timestamp"], 16)
    known = block_ref(block, receipt["blockHash"], stamp)
    other = block_ref(block, "0x" + "1" * 64, stamp)
    deep = block + details.FIRM
    async with proxy(node.url) as middle:
        for ref, target, headers in ((known, deep, 0), (other, deep, 1), (known, deep - 1, 1)):
            reader = reader_of(middle.url)
            middle.asked.clear()
            try:
                todo = [Undetailed(tx, ref, frozenset({me}))]
                told = await reader.details(todo, frozenset({me}), target)
            finally:
                await reader.close()
            assert {transfer.block for transfer in told.transfers} == {known}
            assert middle.asked["eth_getBlockByNumber"] == headers


async def test_many_transactions_are_asked_for_in_lanes(
    anvil: StartAnvil, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests are on their way at once; every answer stays with its question."""
    monkeypatch.setattr(node_module, "LONG_LANE", 2)
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1:3]
    txs = [await node.send(me, friend, amount) for amount in range(1, 8)]
    batches: list[int] = []

    def slow(body: object) -> float:
        batches.append(len(body) if isinstance(body, list) else 1)
        return 0.05

    async with proxy(node.url) as middle:
        middle.slow = slow
        pool = Pool(spec_of(middle.url))
        try:
            found = await Node(pool).transactions([*txs, "0x" + "9" * 64], remember=False)
            again = await Node(pool).transactions(txs[:1])
        finally:
            await pool.close()
    bodies = [found[tx].tx or {} for tx in txs]
    assert [int(body["value"], 16) for body in bodies] == list(range(1, 8))
    assert [(found[tx].receipt or {})["transactionHash"] for tx in txs] == txs
    assert found["0x" + "9" * 64] == NOTHING
    assert again == {txs[0]: found[txs[0]]}
    assert [size for size in batches if size > 1] == [8, 8, 2]
