"""Source `logs`: token history by `eth_getLogs`, every touched transaction with its receipt."""

from collections.abc import AsyncIterator, Mapping

from indexer.chains.evm.assemble import Assembler, Touched
from indexer.chains.evm.decode import DEPOSIT, WITHDRAWAL, Log
from indexer.chains.evm.node import Node
from indexer.chains.evm.scan import LogScanner, Scanned
from indexer.model.facts import BlockRef, FactPage

NAME = "logs"
CHUNK = 200
"""Transactions fetched and committed together."""


class LogSource:
    """Pages of token facts of one address."""

    def __init__(self, node: Node, assembler: Assembler) -> None:
        self.node = node
        self.spec = node.spec
        self.assembler = assembler
        self.scanner = LogScanner(node)

    async def pages(
        self, address: str, cursor: Mapping[str, object] | None, until: BlockRef
    ) -> AsyncIterator[FactPage]:
        """See `ChainReader.pages`. The cursor is `{"next": <first block not yet read>}`.

        Raises:
            RefusedError: no endpoint serves `eth_getLogs`.
        """
        first = start_of(cursor, self.spec.start_block)
        if first > until.number:
            yield self._page(address, until, first - 1)
            return
        while first <= until.number:
            scanned = await self.scanner.next(address, first, until)
            async for page in self._of(address, scanned, until):
                yield page
            first = scanned.end.number + 1

    async def _of(self, address: str, scanned: Scanned, until: BlockRef) -> AsyncIterator[FactPage]:
        touched = self._touched(scanned.logs)
        for chunk, covered in by_blocks(touched, scanned.end.number, CHUNK):
            built = await self.assembler.build(address, NAME, chunk)
            anchors = (scanned.end.ref,) if covered == scanned.end.number else ()
            yield FactPage(
                chain=self.spec.id,
                address=address,
                source=NAME,
                transfers=built.transfers,
                cursor={"next": covered + 1},
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

    def _page(self, address: str, until: BlockRef, covered: int) -> FactPage:
        return FactPage(
            self.spec.id,
            address,
            NAME,
            (),
            {"next": covered + 1},
            covered,
            anchors=(until,),
            target=until.number,
        )


def start_of(cursor: Mapping[str, object] | None, start_block: int) -> int:
    """First block to read: where the cursor stopped, not above the block after a rollback."""
    if cursor is None:
        return start_block
    stored = cursor.get("next", start_block)
    first = stored if isinstance(stored, int) else start_block
    rewind = cursor.get("rewind_to")
    return min(first, rewind + 1) if isinstance(rewind, int) else first


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
