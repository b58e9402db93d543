"""A transaction that a reorg moved is read where it is now, whatever was remembered of it."""

import pytest

from indexer.chains.evm.node import Node
from indexer.chains.evm.pool import Pool
from indexer.model.errors import RetryableError
from tests.chains.node import LocalNode, spec_of
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
