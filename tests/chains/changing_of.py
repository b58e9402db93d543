"""Contracts of the tests' own that move balances otherwise than their logs say, and a random native history.

`changing/Changing.json` is compiled by `tests/simulation/contracts/compile.mjs`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import orjson
from eth_abi.abi import encode

from indexer.chains.open import open_reader
from indexer.demo.artifacts import call_data
from indexer.model.facts import Gap, Transfer
from indexer.model.ports import ChainReader
from tests.chains.clock import FixedClock
from tests.chains.node import FORWARDER, LocalNode, spec_of, word
from tests.chains.proxy import Proxy, proxy

FOLDER = Path(__file__).parent / "changing"
REFUSED = {"code": -32601, "message": "the method does not exist/is not available"}


@cache
def code_of(name: str) -> bytes:
    """Creation code of one of the contracts."""
    return bytes.fromhex(orjson.loads((FOLDER / "Changing.json").read_bytes())["bytecode"][name][2:])


async def deploy(node: LocalNode, name: str, types: Sequence[str] = (), *arguments: object) -> str:
    """Deploy from the first account; returns the lower-case address."""
    data = "0x" + (code_of(name) + encode(list(types), list(arguments))).hex()
    body = {"from": node.accounts[0], "data": data, "gas": hex(3_000_000)}
    tx = await node.ask("eth_sendTransaction", body)
    for _ in range(500):  # a busy machine mines a moment later
        receipt = await node.ask("eth_getTransactionReceipt", tx)
        if receipt:
            return str(receipt["contractAddress"]).lower()
        await asyncio.sleep(0.01)
    raise RuntimeError(f"{name} was not deployed")


async def call(
    node: LocalNode, sender: str, to: str, signature: str, *arguments: object, value: int = 0
) -> str:
    """Send a call."""
    return await node.send(sender, to, value, "0x" + call_data(signature, *arguments).hex())


def without(*prefixes: str) -> Any:
    """A twist that refuses methods."""

    def twist(asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if asked["method"].startswith(prefixes):
            return {"jsonrpc": "2.0", "id": reply["id"], "error": REFUSED}
        return reply

    return twist


@asynccontextmanager
async def reading(url: str, **changes: Any) -> AsyncIterator[ChainReader]:
    """A reader of one endpoint."""
    reader = open_reader(spec_of(url, **changes), FixedClock())
    try:
        yield reader
    finally:
        await reader.close()


@asynccontextmanager
async def twisted(url: str, twist: Any) -> AsyncIterator[Proxy]:
    """A proxy that twists answers."""
    async with proxy(url) as middle:
        middle.twist = twist
        yield middle


@dataclass(slots=True)
class Told:
    """What one source told of some addresses."""

    transfers: dict[tuple[str, str, str], Transfer] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    covered: int = -1
    steps: int = 0

    def native(self, asset: str) -> dict[tuple[str, str, str], Transfer]:
        """The facts about the coin."""
        return {key: t for key, t in self.transfers.items() if t.asset == asset}

    def sum_of(self, address: str, asset: str) -> int:
        """Received minus sent."""
        return sum(
            t.amount * ((t.recipient == address) - (t.sender == address))
            for t in self.transfers.values()
            if t.asset == asset
        )


async def swept(reader: ChainReader, source: str, addresses: frozenset[str], first: int = 0) -> Told:
    """Sweep from a block to the head."""
    told = Told(covered=first - 1)
    head = await reader.head()
    async for sweep in reader.sweep(source, addresses, first, head.number, head):
        assert sweep.covered_to is not None
        assert sweep.covered_to > told.covered
        told.covered, told.steps = sweep.covered_to, told.steps + 1
        told.gaps += sweep.gaps
        for transfer in sweep.transfers:
            assert told.transfers.setdefault(transfer.key, transfer) == transfer
    assert told.covered == head.number
    return told


async def native_history(node: LocalNode, random: Random, steps: int) -> frozenset[str]:
    """Random coin movements of every kind among four accounts; each transaction in a block of its own."""
    people = node.accounts[1:5]
    forwarder, splitter = await node.deploy(FORWARDER), await deploy(node, "Splitter")
    for _ in range(steps):
        me, other = random.sample(people, 2)
        value = random.randrange(1, 10**15)
        calldata = "0x" + word(other) + word(value)
        kind = random.randrange(8)
        if kind == 0:
            await node.send(me, random.choice([me, other]), value)
        elif kind == 1:
            await node.send(me, forwarder, value, calldata + word(0))
        elif kind == 2:  # fails as a whole
            await node.send(me, forwarder, value, calldata + word(1))
        elif kind == 3:  # keeps the value in a new contract
            await node.send(me, None, value, "0x00")
        elif kind == 4:
            doomed = await node.deploy(f"73{other[2:]}ff")
            await node.send(me, doomed, value)
        elif kind == 5:  # a frame that fails inside a transaction that does not
            await call(node, me, splitter, "payInVain(address,uint256)", other, value, value=value)
        elif kind == 6:
            await call(node, me, splitter, "pay(address[],uint256[])", [other, me], [value, 0], value=value)
        else:  # equal movements in one transaction
            twice = [[other, other], [value, value]]
            await call(node, me, splitter, "pay(address[],uint256[])", *twice, value=2 * value)
        if random.random() < 0.3:
            await node.ask("anvil_mine", hex(random.randrange(1, 60)))
    return frozenset(people)
