"""Source `logs`: token history by `eth_getLogs`, every touched transaction with its receipt."""

from collections.abc import AsyncIterator, Mapping

from indexer.chains.evm.assemble import Assembler, Touched
from indexer.chains.evm.decode import DEPOSIT, WITHDRAWAL, Log
from indexer.chains.evm.doubts import Start, receipts_served, start
from indexer.chains.evm.joint import JointScanner
from indexer.chains.evm.node import Node
from indexer.chains.evm.scan import LogScanner, Scanned
from indexer.model.facts import BlockRef, FactPage
from indexer.model.ports import Clock

NAME = "logs"
CHUNK = 200
"""Transactions fetched and committed together."""


class LogSource:
    """Pages of token facts of one address."""

    def __init__(self, node: Node, assembler: Assembler, clock: Clock) -> None:
        self.node = node
        self.spec = node.spec
        self.assembler = assembler
        self.clock = clock
        self.scanner = JointScanner(LogScanner(node))

    async def pages(
        self, address: str, cursor: Mapping[str, object] | None, until: BlockRef
    ) -> AsyncIterator[FactPage]:
        """See `ChainReader.pages`. The cursor is `{"next": <first block not yet read>}` with open doubts.

        Raises:
            RefusedError: no endpoint serves `eth_getLogs`.
        """
        run = start(cursor, self.spec.start_block, self.clock)
        if run.doubts.due(self.clock.now()):
            if await receipts_served(self.node, run.doubts):
                run.restart(self.spec.start_block)
            else:
                run.waited()
        first = run.first
        if first > until.number:
            yield self._page(address, until, run)
            return
        async with self.scanner.reading(address):
            while first <= until.number:
                scanned = await self.scanner.next(address, first, until)
                async for page in self._of(address, scanned, until, run):
                    yield page
                first = scanned.end.number + 1

    async def _of(
        self, address: str, scanned: Scanned, until: BlockRef, run: Start
    ) -> AsyncIterator[FactPage]:
        touched = self._touched(scanned.logs)
        for chunk, covered in by_blocks(touched, scanned.end.number, CHUNK):
            built = await self.assembler.build(address, NAME, chunk)
            anchors = (scanned.end.ref,) if covered == scanned.end.number else ()
            yield FactPage(
                chain=self.spec.id,
                address=address,
                source=NAME,
                transfers=built.transfers,
                cursor=run.cursor(covered, built.gaps),
                replaces_gaps=run.replaces(),
                covered_to=covered,
                raws=built.raws,
                assets=built.assets,
                gaps=built.gaps,
                anchors=anchors,
                target=until.number,
            )

    def _touched(self, logs: list[Log]) -> list[Touched]:
        """Transactions in chain order; wrap events of other contracts than the wrapped coin are none of ours."""
        found: dict[str, Touched] = {}
        for log in logs:
            if log.topics[0] in {DEPOSIT, WITHDRAWAL} and log.address != self.spec.wrapped_native:
                continue
            item = found.setdefault(log.tx, Touched(log.tx, log.block, log.block_hash, log.time))
            item.logs.append(log)
        return list(found.values())

    def _page(self, address: str, until: BlockRef, run: Start) -> FactPage:
        covered = run.first - 1
        return FactPage(
            self.spec.id,
            address,
            NAME,
            (),
            run.cursor(covered),
            covered,
            anchors=(until,),
            target=until.number,
        )


def by_blocks(touched: list[Touched], end: int, size: int) -> list[tuple[list[Touched], int]]:
    """Cut transactions into chunks of whole blocks, each with the block up to which it is complete."""
    ordered = sorted(touched, key=lambda t: t.block)
    chunks: list[tuple[list[Touched], int]] = []
    part: list[Touched] = []
    for number, item in enumerate(ordered):
        part.append(item)
        last = number + 1 == len(ordered)
        if len(part) >= size and not last and ordered[number + 1].block != item.block:
            chunks.append((part, item.block))
            part = []
    chunks.append((part, end))
    return chunks
