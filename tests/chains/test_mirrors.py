"""A contract that logs moves of the coin, as zkSync's and OP Mainnet's did, beside a real node: counted once, read in bulk."""

import pytest

from indexer.chains.evm.decode import BOOTLOADER, TRANSFER
from indexer.model.chain import Quirk
from indexer.model.facts import TransferKind
from tests.chains.node import EMITTER, LocalNode, read, reader_of, word
from tests.chains.proxy import proxy
from tests.fixtures.anvil import StartAnvil


async def test_a_fee_that_is_logged_tells_of_the_transaction_that_cost_it(anvil: StartAnvil) -> None:
    node = await LocalNode(await anvil()).ready()
    me = node.accounts[0]
    mirror = await node.deploy(EMITTER)
    tx = await node.emit(mirror, [TRANSFER, me, BOOTLOADER], word(900))
    quirks = frozenset({Quirk.NATIVE_TRANSFER_LOGS})
    reader = reader_of(node.url, native_token_contract=mirror, quirks=quirks)
    try:
        book = await read(reader, me, "logs")
    finally:
        await reader.close()
    assert [(t.tx, t.kind) for t in book.transfers.values()] == [(tx, TransferKind.GAS)]


@pytest.mark.parametrize("moves", [3, 40])
async def test_transactions_with_mirrored_moves_are_fetched_together(anvil: StartAnvil, moves: int) -> None:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1:3]
    mirror = await node.deploy(EMITTER)
    for amount in range(1, moves + 1):
        await node.emit(mirror, [TRANSFER, friend, me], word(amount))
    quirks = frozenset({Quirk.NATIVE_TRANSFER_LOGS})
    async with proxy(node.url) as middle:
        reader = reader_of(middle.url, native_token_contract=mirror, quirks=quirks, log_window=1_000)
        try:
            book = await read(reader, me, "logs")
        finally:
            await reader.close()
    coins = [t for t in book.transfers.values() if t.kind is TransferKind.INTERNAL]
    assert sorted(t.amount for t in coins) == list(range(1, moves + 1))
    assert {t.asset for t in coins} == {reader.spec.native_id}
    assert middle.asked["eth_getTransactionReceipt"] == moves
    assert middle.requests < 20
