"""Source `blocks`: everything an address did, from whole blocks, receipts and traces. Needs no explorer."""

from collections.abc import AsyncIterator, Mapping

from indexer.chains.evm.assemble import Assembled, settle_all
from indexer.chains.evm.decode import ZERO
from indexer.chains.evm.doubts import start
from indexer.chains.evm.endpoint import Call
from indexer.chains.evm.feed import Block, BlockFeed
from indexer.chains.evm.node import Node
from indexer.chains.evm.settlement import Evidence
from indexer.chains.evm.tokens import Tokens
from indexer.model.errors import RetryableError
from indexer.model.facts import BlockRef, FactPage, Gap, GapCode, Transfer, TransferKind
from indexer.model.ports import Clock

NAME = "blocks"


class BlockSource:
    """Pages of the full history of one address."""

    def __init__(self, node: Node, tokens: Tokens, feed: BlockFeed, clock: Clock) -> None:
        self.node = node
        self.spec = node.spec
        self.tokens = tokens
        self.feed = feed
        self.clock = clock

    async def pages(
        self, address: str, cursor: Mapping[str, object] | None, until: BlockRef
    ) -> AsyncIterator[FactPage]:
        """See `ChainReader.pages`. The cursor is `{"next": <first block not yet read>}`."""
        first = start(cursor, self.spec.start_block, self.clock).first
        tracer = await self.feed.probe(until.number)
        granted = await self._granted(address) if first == 0 else 0
        if first > until.number:
            yield self._page(address, until, first - 1)
            return
        while first <= until.number:
            blocks, end = await self.feed.stretch(address, first, until)
            last = end.number
            opening = self._genesis(address, granted)
            built = await self._settle(address, blocks, opening)
            gaps = list(built.gaps)
            if tracer is None:
                gaps.append(self._blind(address, last))
            gaps += [
                self._untraced(address, b.header.number) for b in blocks if b.internals is None and tracer
            ]
            granted = 0
            first = last + 1
            yield self._page(address, until, last, built=built, gaps=tuple(gaps), anchor=end)

    async def _settle(self, address: str, blocks: list[Block], opening: list[Transfer]) -> Assembled:
        found: list[Evidence] = []
        granted = list(opening)
        for block in blocks:
            ref = block.header.ref
            for tx in block.touching.get(address, ()):
                internals = None if block.internals is None else tuple(block.internals.get(tx, ()))
                found.append(Evidence(tx, ref, block.txs[tx], block.receipts.get(tx), internals=internals))
            granted += [
                self._grant(ref, name, address, amount)
                for recipient, name, amount in block.grants
                if recipient == address and amount
            ]
        return await settle_all(self.spec, self.tokens, address, NAME, found, granted=granted)

    async def _granted(self, address: str) -> int:
        """Coins given at the start of the chain, where the node still tells its first state."""
        reply = (await self.node.pool.ask([Call("eth_getBalance", [address, "0x0"])]))[0]
        return int(reply, 16) if isinstance(reply, str) else 0

    def _genesis(self, address: str, amount: int) -> list[Transfer]:
        """The opening credit, in block 0 as its successor names it: a header by itself could be a lie."""
        if not amount:
            return []
        if self.feed.genesis is None:
            raise RetryableError(f"{self.spec.name}: block 0 is not served yet")
        return [self._grant(self.feed.genesis, f"genesis:{address}", address, amount)]

    def _grant(self, ref: BlockRef, name: str, address: str, amount: int) -> Transfer:
        """A credit without a transaction: it bears a name in the transaction's place."""
        kind = TransferKind.NATIVE
        return Transfer(self.spec.id, name, kind.value, ref, ZERO, address, self.spec.native_id, amount, kind)

    def _blind(self, address: str, last: int) -> Gap:
        return Gap(
            self.spec.id,
            address,
            GapCode.INTERNALS_UNKNOWN,
            NAME,
            "traces",
            "No endpoint traces blocks and no explorer is configured: coins that contracts sent are not seen. "
            "Add an explorer or an endpoint with trace_block to the chains file.",
            self.spec.start_block,
            last,
        )

    def _untraced(self, address: str, number: int) -> Gap:
        return Gap(
            self.spec.id,
            address,
            GapCode.INTERNALS_UNKNOWN,
            NAME,
            f"block:{number}",
            "No endpoint traces this block: coins that contracts sent in it are not seen.",
            number,
            number,
        )

    def _page(
        self,
        address: str,
        until: BlockRef,
        covered: int,
        *,
        built: Assembled | None = None,
        gaps: tuple[Gap, ...] = (),
        anchor: BlockRef | None = None,
    ) -> FactPage:
        return FactPage(
            self.spec.id,
            address,
            NAME,
            built.transfers if built else (),
            {"next": covered + 1},
            covered,
            raws=built.raws if built else (),
            assets=built.assets if built else (),
            gaps=gaps,
            anchors=(anchor,) if anchor else (),
            target=until.number,
        )
