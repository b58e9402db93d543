"""Source `receipts`: what else the transactions did whose token transfers are known, each asked for once.

The coins they carried, their fees, tokens that no query finds, and the payload that later decoders read.
"""

from collections.abc import Mapping, Sequence

from indexer.chains.evm.assemble import Assembled, Assembler, Gathered, Touched
from indexer.chains.evm.node import Node
from indexer.chains.evm.settle_many import settle_many
from indexer.chains.evm.tokens import Tokens
from indexer.model.facts import BlockRef, Sweep
from indexer.model.stored import RECEIPTS, Undetailed

NAME = RECEIPTS
FIRM = 128
"""Blocks below the last one that was read from which on the ledger's word for a block is enough, where the transaction
and its receipt repeat the hash. Nearer to the head, where two branches may be about, every header is asked."""


class Details:
    """Transactions with their receipts, settled for all addresses they touch."""

    def __init__(self, node: Node, tokens: Tokens, assembler: Assembler) -> None:
        self.node = node
        self.spec = node.spec
        self.tokens = tokens
        self.assembler = assembler

    async def sweep(self, txs: Sequence[Undetailed], watched: frozenset[str], target: int) -> Sweep:
        """See `ChainReader.details`.

        Raises:
            RetryableError: nodes do not answer, or hashes show that the chain is being reorganised.
        """
        gathered = await self._gather(txs, target - FIRM)
        known = {item.tx: item.parties for item in txs}
        told = await settle_many(self.spec, self.tokens, NAME, gathered.found, watched, known=known)
        whole = [item.tx for item, got in gathered.placed if got.receipt is not None]
        return Sweep(
            self.spec.id,
            NAME,
            None,
            told.transfers,
            raws=told.raws,
            assets=told.assets,
            gaps=told.gaps,
            retold=[*whole, *(item.tx for item, _ in gathered.homeless)],
            settled_for=watched,
            target=target,
        )

    async def of(self, txs: Mapping[str, BlockRef], watched: frozenset[str]) -> Assembled:
        """Transactions of these blocks, settled as far as anybody knows; raises as `sweep` does."""
        undetailed = [Undetailed(tx, block, frozenset()) for tx, block in txs.items()]
        gathered = await self._gather(undetailed, -1, remember=True)
        return await settle_many(self.spec, self.tokens, NAME, gathered.found, watched)

    async def _gather(self, txs: Sequence[Undetailed], firm: int, *, remember: bool = False) -> Gathered:
        return await self.assembler.gather(
            [
                Touched(
                    tx,
                    ref.number,
                    ref.hash,
                    int(ref.time.timestamp()),
                    firm=ref if ref.number <= firm else None,
                )
                for tx, ref, _ in txs
            ],
            remember=remember,
        )
