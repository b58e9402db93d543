"""Source `explorer`: native and internal history from account APIs, proved by the node's receipts."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from indexer.chains.evm import explorer_rows
from indexer.chains.evm.assemble import Assembler, Touched, by_blocks
from indexer.chains.evm.decode import ZERO
from indexer.chains.evm.doubts import Start, receipts_served, start
from indexer.chains.evm.explorer import ExplorerClient, ListQuery, WindowError
from indexer.chains.evm.node import Node
from indexer.chains.evm.tokens import TokenFacts
from indexer.model.errors import LyingSourceError, RefusedError
from indexer.model.facts import BlockRef, FactPage, Gap, GapCode, Transfer, TransferKind
from indexer.model.ports import Clock

log = logging.getLogger(__name__)

NAME = "explorer"
PAGE = 1_000
"""Rows of one request; every service serves at least as many."""
CHUNK = 200


@dataclass(slots=True)
class _List:
    """One account list as far as it has been read: complete up to block `horizon`."""

    action: str
    horizon: int
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    pending: bool = False
    gaps: list[str] = field(default_factory=list)

    def take(self, last: int) -> list[Mapping[str, Any]]:
        """Remove and return the rows up to a block."""
        taken = [row for row in self.rows if explorer_rows.block_of(row) <= last]
        self.rows = [row for row in self.rows if explorer_rows.block_of(row) > last]
        return taken


class ExplorerSource:
    """Pages of an address's history from the first explorer that serves the chain."""

    def __init__(
        self, node: Node, assembler: Assembler, clients: Sequence[ExplorerClient], clock: Clock
    ) -> None:
        self.node = node
        self.spec = node.spec
        self.assembler = assembler
        self.clients = list(clients)
        self.clock = clock

    async def pages(
        self, address: str, cursor: Mapping[str, object] | None, until: BlockRef
    ) -> AsyncIterator[FactPage]:
        """See `ChainReader.pages`. The cursor is `{"next": <first block not yet read>}` with open doubts.

        Raises:
            RefusedError: no explorer of the chain serves it to this instance.
        """
        run = start(cursor, self.spec.start_block, self.clock)
        refusals: list[str] = []
        for client in self.clients:
            try:
                if run.doubts.due(self.clock.now()):
                    await self._reconsider(client, address, run)
                async for page in self._through(client, address, run, until):
                    yield page
                    run.first = page.covered_to + 1
            except RefusedError as refusal:
                refusals.append(str(refusal))
                log.warning("%s: %s", self.spec.name, refusal)
                continue
            return
        raise RefusedError(
            f"{self.spec.name}: no explorer serves native and internal history: {'; '.join(refusals)}. "
            "Add a Blockscout or an Etherscan plan for this chain to the chains file."
        )

    async def _reconsider(self, client: ExplorerClient, address: str, run: Start) -> None:
        """Ask again what was not known; when something is served now, the history is read anew."""
        served = await receipts_served(self.node, run.doubts)
        block = run.doubts.pending
        if not served and block is not None:
            query = ListQuery("txlistinternal", address, block, block, 1, PAGE)
            served = not (await client.page(self.node.pool.session(), query)).pending
        if served:
            run.restart(self.spec.start_block)
        else:
            run.waited()

    async def _through(
        self, client: ExplorerClient, address: str, run: Start, until: BlockRef
    ) -> AsyncIterator[FactPage]:
        session, first = self.node.pool.session(), run.first
        lists = [_List(action, first - 1) for action in explorer_rows.LISTS]
        # an explorer that is behind is believed up to its own head and no further
        head = await client.head(session)
        last = until.number if head is None else min(until.number, head)
        if first > last:
            yield self._page(address, until, run)
            return
        while first <= last:
            for one in lists:
                while one.horizon < last and one.horizon <= min(other.horizon for other in lists):
                    await self._extend(client, one, address, last)
            horizon = min(one.horizon for one in lists)
            async for page in self._of(address, lists, (first, horizon), until, run):
                yield page
            first = horizon + 1

    async def _extend(self, client: ExplorerClient, one: _List, address: str, last: int) -> None:
        """Read one more page of a list and move its horizon to the last block that is whole."""
        first, number = one.horizon + 1, 1
        rows: list[Mapping[str, Any]] = []
        while True:
            session = self.node.pool.session()
            try:
                got = await client.page(session, ListQuery(one.action, address, first, last, number, PAGE))
            except WindowError as full:
                block = explorer_rows.block_of(rows[-1])
                one.gaps.append(f"{full} in block {block}")
                one.horizon = block
                break
            one.pending = one.pending or got.pending
            rows += got.rows
            if len(got.rows) < PAGE:
                one.horizon = last
                break
            newest, oldest = explorer_rows.block_of(rows[-1]), explorer_rows.block_of(rows[0])
            if newest < oldest:
                raise LyingSourceError(f"{client.label} does not answer {one.action} oldest first")
            if newest > oldest:
                # the page may end in the middle of a block: that block is read again as a whole
                one.horizon = newest - 1
                break
            number += 1
        one.rows += [row for row in rows if first <= explorer_rows.block_of(row) <= one.horizon]

    async def _of(
        self, address: str, lists: Sequence[_List], span: tuple[int, int], until: BlockRef, run: Start
    ) -> AsyncIterator[FactPage]:
        first, horizon = span
        taken = {one.action: one.take(horizon) for one in lists}
        touched, told, genesis = read_rows(taken)
        extra = self._list_gaps(address, lists, first, horizon)
        allocations = await self._allocations(address, genesis) if genesis else []
        for chunk, covered in by_blocks(touched, horizon, CHUNK):
            built = await self.assembler.build(address, NAME, chunk, told)
            transfers = built.transfers + tuple(allocations)
            gaps = built.gaps + tuple(extra)
            yield FactPage(
                chain=self.spec.id,
                address=address,
                source=NAME,
                transfers=transfers,
                cursor=run.cursor(covered, gaps),
                replaces_gaps=run.replaces(),
                covered_to=covered,
                raws=built.raws,
                assets=built.assets
                + (await self.assembler.tokens.assets([self.spec.native_id]) if allocations else ()),
                gaps=gaps,
                target=until.number,
            )
            extra, allocations = [], []

    async def _allocations(self, address: str, rows: Iterable[Mapping[str, Any]]) -> list[Transfer]:
        """Coins given at the start of the chain have no transaction: they get a name of their own."""
        ref = (await self.node.block_refs([(0, None)])).get(0)
        if ref is None:
            return []
        return [
            Transfer(
                chain=self.spec.id,
                tx=f"genesis:{address}",
                position=TransferKind.NATIVE.value,
                block=ref,
                sender=ZERO,
                recipient=address,
                asset=self.spec.native_id,
                amount=int(row["value"]),
                kind=TransferKind.NATIVE,
            )
            for row in rows
            if int(row["value"]) > 0
        ][:1]

    def _list_gaps(self, address: str, lists: Sequence[_List], first: int, horizon: int) -> list[Gap]:
        gaps = []
        for one in lists:
            if one.pending:
                one.pending = False
                gaps.append(
                    Gap(
                        self.spec.id,
                        address,
                        GapCode.INTERNALS_UNKNOWN,
                        NAME,
                        f"{one.action}:{first}",
                        "The explorer has not processed all internal calls of these blocks yet.",
                        first,
                        horizon,
                    )
                )
            gaps += [
                Gap(
                    self.spec.id,
                    address,
                    GapCode.SOURCE_UNAVAILABLE,
                    NAME,
                    f"{one.action}:{first}",
                    text,
                    first,
                    horizon,
                )
                for text in one.gaps
            ]
            one.gaps = []
        return gaps

    def _page(self, address: str, until: BlockRef, run: Start) -> FactPage:
        covered = run.first - 1
        return FactPage(self.spec.id, address, NAME, (), run.cursor(covered), covered, target=until.number)


def read_rows(
    taken: Mapping[str, Sequence[Mapping[str, Any]]],
) -> tuple[list[Touched], dict[str, TokenFacts], list[Mapping[str, Any]]]:
    """Join the rows of all lists by transaction: (transactions, what is told of tokens, genesis rows)."""
    found: dict[str, Touched] = {}
    told: dict[str, TokenFacts] = {}
    genesis: list[Mapping[str, Any]] = []
    for action, rows in taken.items():
        for row in rows:
            tx = explorer_rows.tx_of(row)
            if tx.startswith(explorer_rows.GENESIS):
                genesis.append(row)
                continue
            if len(tx) != 66:
                raise LyingSourceError(f"an explorer answered a row with the transaction {tx[:80]!r}")
            item = found.setdefault(tx, Touched(tx, explorer_rows.block_of(row)))
            item.block_hash = item.block_hash or explorer_rows.hash_of(row)
            item.stamp = item.stamp if item.stamp is not None else explorer_rows.stamp_of(row)
            if action == "txlist":
                item.row = row
            elif action == "txlistinternal":
                value = explorer_rows.internal_value(row)
                item.internals = (item.internals or []) + ([value] if value else [])
            else:
                facts = explorer_rows.token_facts(row)
                if facts:
                    told[facts[0]] = facts[1]
                move = explorer_rows.token_move(action, row)
                if move:
                    item.moves.append(move)
    for item in found.values():
        _drop_top_level(item)
    return list(found.values()), told, genesis


def _drop_top_level(item: Touched) -> None:
    """Some explorers list the transaction's own call among the internal ones."""
    row = item.row
    if row is None or not item.internals:
        return
    recipient = str(row.get("to") or row.get("contractAddress") or "").lower()
    top = (str(row["from"]).lower(), recipient, int(row["value"]))
    item.internals = [value for value in item.internals if tuple(value) != top]
