"""One run of the whole story, read back from its chains before they stop."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from indexer.demo.artifacts import call_data
from indexer.demo.node import Node
from indexer.demo.story import demo_world
from indexer.demo.world import DemoChain, DemoWorld


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A played story as data that outlives its chains, so that one playing serves many tests."""

    world: DemoWorld
    progress: tuple[tuple[str, int, int], ...]
    head_hashes: dict[str, str]
    finalized: dict[str, int]
    blocks: dict[str, list[dict[str, Any]]]
    """Every block with its transactions, by chain."""
    receipts: dict[tuple[str, str], dict[str, Any]]
    """By (chain, hash), for the scenes."""
    traces: dict[tuple[str, str], list[dict[str, Any]]]
    balances: dict[tuple[str, str, str], int]
    """By (chain, wallet, symbol) at the head."""
    genesis: dict[tuple[str, str], int]
    reserves: dict[tuple[str, str, int], tuple[int, int]]
    """(token, stable) in a pool by (chain, symbol, block), at every block from the pool's opening on."""

    def scenes(self, kind: str) -> list[tuple[str, str]]:
        return [(each.chain, each.tx) for each in self.world.narrative if each.kind == kind]


async def take_snapshot() -> Snapshot:
    progress: list[tuple[str, int, int]] = []
    async with (
        demo_world(lambda *what: progress.append(what)) as world,
        aiohttp.ClientSession() as session,
    ):
        taken = Snapshot(world, (), {}, {}, {}, {}, {}, {}, {}, {})
        for chain in world.chains:
            node = Node(chain.rpc_url, session)
            await _read_chain(node, chain, world, taken)
            for scene in world.narrative:
                if scene.chain == chain.caip2:
                    key = (chain.caip2, scene.tx)
                    taken.receipts[key] = await node.ask("eth_getTransactionReceipt", scene.tx)
                    taken.traces[key] = await node.ask("trace_transaction", scene.tx)
    return Snapshot(
        world, tuple(progress), taken.head_hashes, taken.finalized, taken.blocks, taken.receipts, taken.traces,
        taken.balances, taken.genesis, taken.reserves,
    )  # fmt: skip


async def _read_chain(node: Node, chain: DemoChain, world: DemoWorld, into: Snapshot) -> None:
    head = int(await node.ask("eth_blockNumber"), 16)
    blocks = [await node.ask("eth_getBlockByNumber", hex(number), True) for number in range(head + 1)]
    into.blocks[chain.caip2] = blocks
    into.head_hashes[chain.caip2] = blocks[-1]["hash"]
    into.finalized[chain.caip2] = int(
        (await node.ask("eth_getBlockByNumber", "finalized", False))["number"], 16
    )
    for wallet in world.wallets:
        into.genesis[chain.caip2, wallet] = int(await node.ask("eth_getBalance", wallet, "0x0"), 16)
        into.balances[chain.caip2, wallet, "ETH"] = int(
            await node.ask("eth_getBalance", wallet, "latest"), 16
        )
        for token in chain.tokens:
            held = await node.view(token.address, call_data("balanceOf(address)", wallet))
            into.balances[chain.caip2, wallet, token.symbol] = int.from_bytes(held, "big")
    for token in chain.tokens:
        if token.symbol == "USDC" or not token.priced:
            continue
        pair = await node.view(
            chain.factory, call_data("getPair(address,address)", token.address, chain.stable)
        )
        for number in range(head + 1):
            data = {"to": "0x" + pair[-20:].hex(), "data": "0x" + call_data("getReserves()").hex()}
            answer = bytes.fromhex((await node.ask("eth_call", data, hex(number)))[2:])
            if answer:
                first, second = int.from_bytes(answer[:32], "big"), int.from_bytes(answer[32:64], "big")
                token_first = int(token.address, 16) < int(chain.stable, 16)
                into.reserves[chain.caip2, token.symbol, number] = (
                    (first, second) if token_first else (second, first)
                )
