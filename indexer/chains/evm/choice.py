"""Which sources a chain is read through: found out by asking its endpoints, never configured.

Token facts come by topic from every node. Native facts come from the first of these that is there: whole blocks where
the chain is short and traced; `trace_filter`; Alchemy's transfers; an explorer; whole blocks where it is of middling
length and traced; bisection on an archive; whole blocks without traces. Where there is nothing, the explorer source
says by name what is missing. See docs/decisions/0420-sources-are-probed.md.
"""

from indexer.chains.evm import (
    alchemy_source,
    bisect_sweep,
    block_sweep,
    details,
    explorer_source,
    log_sweep,
    trace_sweep,
)
from indexer.chains.evm.alchemy_source import AlchemySource
from indexer.chains.evm.feed import BlockFeed
from indexer.chains.evm.node import Node
from indexer.chains.evm.state import States

TOKENS = (log_sweep.NAME, details.NAME)
SHORT_BLOCKS = 5_000
"""A chain that is not longer is read whole, where it is traced and no explorer was configured."""
WALKABLE_BLOCKS = 2_000_000
"""A chain that is longer is never read block by block."""


class Choice:
    """Chooses for one chain."""

    def __init__(self, node: Node, feed: BlockFeed, states: States, alchemy: AlchemySource) -> None:
        self.node = node
        self.spec = node.spec
        self.feed = feed
        self.states = states
        self.alchemy = alchemy

    async def sources(self) -> tuple[str, ...]:
        """Names of the sources that every address of the chain is read through.

        Raises:
            RetryableError: the endpoints do not say now what they can do.
        """
        head = (await self.node.head()).number
        length = head - self.spec.start_block
        traced = not self.spec.explorers and length <= WALKABLE_BLOCKS and await self.feed.probe(head)
        if traced and length <= SHORT_BLOCKS:
            return (block_sweep.NAME,)
        native = await self._listed()
        if native is None and traced:
            return (block_sweep.NAME,)
        if native is None and await self.states.archive(self.spec.start_block):
            native = bisect_sweep.NAME
        if native is None and length <= WALKABLE_BLOCKS:
            return (block_sweep.NAME,)
        return (*TOKENS, native or explorer_source.NAME)

    async def _listed(self) -> str | None:
        """A source that lists the transactions of an address; None when there is none."""
        if await trace_sweep.works(self.node):
            return trace_sweep.NAME
        if await self.alchemy.works():
            return alchemy_source.NAME
        return explorer_source.NAME if self.spec.explorers else None
