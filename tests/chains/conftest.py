"""Fixtures of the tests of chains."""

from collections.abc import AsyncIterator

import pytest

from indexer.chains.evm.decode import TRANSFER
from tests.chains.node import EMITTER, LocalNode, read, reader_of, word
from tests.chains.world import World
from tests.fixtures.anvil import StartAnvil


@pytest.fixture
async def world(anvil: StartAnvil) -> AsyncIterator[World]:
    node = await LocalNode(await anvil()).ready()
    me, friend = node.accounts[1], node.accounts[2]
    token = await node.deploy(EMITTER)
    for amount in range(12):
        await node.emit(token, [TRANSFER, friend, me], word(amount))
        await node.ask("anvil_mine", hex(60))
    reader = reader_of(node.url)
    try:
        yield World(node, token, me, await read(reader, me, "logs"))
    finally:
        await reader.close()
