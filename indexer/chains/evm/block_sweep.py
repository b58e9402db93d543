"""Source `blocks`, and the head follower: everything that addresses did, from whole blocks, receipts and traces.

A block is read once, however many addresses are watched; each transaction is settled for those it touches.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from indexer.chains.evm.assemble import Assembled
from indexer.chains.evm.endpoint import Call
from indexer.chains.evm.feed import STEP, Block, BlockFeed
from indexer.chains.evm.mending import grant, together
from indexer.chains.evm.node import Node
from indexer.chains.evm.settle_many import settle_many
from indexer.chains.evm.settlement import Evidence
from indexer.chains.evm.tokens import Tokens
from indexer.model.errors import RetryableError
from indexer.model.facts import BlockRef, Gap, GapCode, Sweep, Transfer

NAME = "blocks"
ENOUGH = 5_000
"""Transfers that are committed together."""
LONG_STRETCH = 2_000
"""Blocks that are committed together, when they hold less."""


class BlockSweep:
    """Sweeps of the full history, native coins included. Needs no explorer."""

    def __init__(self, node: Node, tokens: Tokens, feed: BlockFeed, source: str = NAME) -> None:
        self.node = node
        self.spec = node.spec
        self.tokens = tokens
        self.feed = feed
        self.source = source

    async def sweep(
        self, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Sweep]:
        """See `ChainReader.sweep`."""
        tracer = await self.feed.probe(head.number)
        anew = first <= self.spec.start_block
        opening = await self._openings(addresses) if first == 0 else {}
        start, waiting = first, []
        facts = 0
        async for blocks in self._stretches(first, last, head):
            waiting.append(await self._settle(addresses, blocks, self._genesis(opening)))
            opening = {}
            facts += len(waiting[-1].transfers)
            end = blocks[-1].header
            gaps = [gap for block in blocks for gap in self._untraced(addresses, block, tracer)]
            if end.number == last and tracer is None:
                gaps += [self._blind(address, last) for address in sorted(addresses)]
            waiting[-1] = replace(waiting[-1], gaps=(*waiting[-1].gaps, *gaps))
            if facts >= ENOUGH or end.number == last or end.number - start >= LONG_STRETCH:
                yield together(waiting).swept(self.spec.id, self.source, end.ref, last, anew=anew)
                start, waiting, facts, anew = end.number + 1, [], 0, False

    async def _stretches(self, first: int, last: int, head: BlockRef) -> AsyncIterator[list[Block]]:
        """Blocks in stretches; the next one is read while the last one is settled and committed."""
        following: asyncio.Task[list[Block]] | None = None
        before: str | None = None
        try:
            for low in range(first, last + 1, STEP):
                reading = following or self._reading(low, last, head)
                following = self._reading(low + STEP, last, head) if low + STEP <= last else None
                blocks = await reading
                if before not in {None, blocks[0].header.parent}:
                    raise RetryableError(f"{self.spec.name} was reorganised at block {low} while it was read")
                before = blocks[-1].header.hash
                yield blocks
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    def _reading(self, low: int, last: int, head: BlockRef) -> asyncio.Task[list[Block]]:
        return asyncio.create_task(self.feed.read(low, min(last, low + STEP - 1), head))

    async def _settle(
        self, addresses: frozenset[str], blocks: Sequence[Block], opening: Sequence[Transfer]
    ) -> Assembled:
        found: list[Evidence] = []
        granted = list(opening)
        for block in blocks:
            ref = block.header.ref
            touched = {tx for address in _both(block.touching, addresses) for tx in block.touching[address]}
            for tx in block.txs:
                if tx in touched:
                    internals = None if block.internals is None else tuple(block.internals.get(tx, ()))
                    found.append(
                        Evidence(tx, ref, block.txs[tx], block.receipts.get(tx), internals=internals)
                    )
            granted += [
                grant(self.spec, ref, name, recipient, amount)
                for recipient, name, amount in block.grants
                if recipient in addresses and amount
            ]
        return await settle_many(self.spec, self.tokens, self.source, found, addresses, granted=granted)

    async def _openings(self, addresses: frozenset[str]) -> dict[str, int]:
        """Coins given at the start of the chain, where the node still tells its first state."""
        named = sorted(addresses)
        replies = await self.node.pool.ask([Call("eth_getBalance", [address, "0x0"]) for address in named])
        return {
            address: int(reply, 16)
            for address, reply in zip(named, replies, strict=True)
            if isinstance(reply, str) and int(reply, 16)
        }

    def _genesis(self, opening: dict[str, int]) -> list[Transfer]:
        """The opening credits, in block 0 as its successor names it: a header by itself could be a lie."""
        if not opening:
            return []
        if self.feed.genesis is None:
            raise RetryableError(f"{self.spec.name}: block 0 is not served yet")
        ref = self.feed.genesis
        return [
            grant(self.spec, ref, f"genesis:{address}", address, amount)
            for address, amount in opening.items()
        ]

    def _blind(self, address: str, last: int) -> Gap:
        return Gap(
            self.spec.id,
            address,
            GapCode.INTERNALS_UNKNOWN,
            self.source,
            "traces",
            "No endpoint traces blocks and no explorer is configured: coins that contracts sent are not seen. "
            "Add an explorer or an endpoint with trace_block to the chains file.",
            self.spec.start_block,
            last,
        )

    def _untraced(self, addresses: frozenset[str], block: Block, tracer: str | None) -> list[Gap]:
        if block.internals is not None or tracer is None:
            return []
        number = block.header.number
        return [
            Gap(
                self.spec.id,
                address,
                GapCode.INTERNALS_UNKNOWN,
                self.source,
                f"block:{number}",
                "No endpoint traces this block: coins that contracts sent in it are not seen.",
                number,
                number,
            )
            for address in sorted(addresses)
        ]


def _both(some: Iterable[str], others: frozenset[str]) -> frozenset[str]:
    """Common elements; the cost is that of the smaller side, so that a block costs the same for everyone."""
    return others.intersection(some)  # iterates over `some`
