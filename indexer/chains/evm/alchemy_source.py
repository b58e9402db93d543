"""Source `alchemy`: native history from `alchemy_getAssetTransfers`, where an endpoint serves it.

https://www.alchemy.com/docs/data/transfers-api/transfers-endpoints/alchemy-get-asset-transfers. The list names
transactions; amounts, fees and success come from the node. It tells no head of its index, no withdrawals and no fees,
and internal calls on some chains only: with an archive behind it every stretch is held against the balance, without
one the newest blocks are left for the next run.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from indexer.chains.evm.assemble import Assembled, Assembler, Touched, by_blocks
from indexer.chains.evm.closing import Closer
from indexer.chains.evm.decode import Value
from indexer.chains.evm.doubts import Start, receipts_served, start
from indexer.chains.evm.endpoint import Call, Failure
from indexer.chains.evm.node import Node
from indexer.model.errors import LyingSourceError, RefusedError
from indexer.model.facts import BlockRef, FactPage, Gap, GapCode
from indexer.model.ports import Clock

NAME = "alchemy"
METHOD = "alchemy_getAssetTransfers"
PAGE = 1_000
"""Rows of one answer, the most there are."""
LAG = 64
"""Blocks below the head that an index may lack; without an archive they are not believed."""
CHUNK = 200
SIDES = ("fromAddress", "toAddress")


@dataclass(slots=True)
class _List:
    """One direction of a stretch: complete up to block `horizon`."""

    horizon: int
    rows: list[Mapping[str, Any]] = field(default_factory=list)


class AlchemySource:
    """Pages of native facts of one address."""

    def __init__(self, assembler: Assembler, closer: Closer, clock: Clock) -> None:
        self.node: Node = assembler.node
        self.spec = assembler.spec
        self.assembler = assembler
        self.closer = closer
        self.clock = clock
        self._internal: bool | None = None

    async def works(self) -> bool:
        """Whether an endpoint serves the list; notes whether it knows internal calls.

        Raises:
            RetryableError: nobody answers now.
        """
        head = (await self.node.head()).number
        query = {"fromBlock": hex(head), "toBlock": hex(head), "maxCount": "0x1"}
        calls = [Call(METHOD, [{**query, "category": [kind]}]) for kind in ("external", "internal")]
        external, internal = await self.node.pool.ask(calls)
        self._internal = isinstance(internal, Mapping)
        return isinstance(external, Mapping) and isinstance(external.get("transfers"), list)

    async def pages(
        self, address: str, cursor: Mapping[str, object] | None, until: BlockRef
    ) -> AsyncIterator[FactPage]:
        """See `ChainReader.pages`. The cursor is `{"next": <first block not yet read>}` with open doubts.

        Raises:
            RefusedError: no endpoint serves the list.
        """
        run = start(cursor, self.spec.start_block, self.clock)
        if run.doubts.due(self.clock.now()):
            if await receipts_served(self.node, run.doubts):
                run.restart(self.spec.start_block)
            else:
                run.waited()
        if self._internal is None and not await self.works():
            raise RefusedError(f"{self.spec.name}: no endpoint serves {METHOD}")
        archive = await self.closer.states.archive(self.spec.start_block)
        last = until.number if archive else until.number - LAG
        first = run.first
        if first > last:
            yield self._page(address, run, until, first - 1)
            return
        while first <= last:
            touched, horizon = await self._list(address, first, last)
            for chunk, covered in by_blocks(touched, horizon, CHUNK):
                built = await self.assembler.build(address, NAME, chunk)
                told = {item.tx: item.internals for item in chunk if item.internals is not None}
                built = await self.closer.close(NAME, frozenset({address}), (first, covered), built, told)
                gaps = () if archive or self._internal else (self._blind(address, covered),)
                yield self._page(address, run, until, covered, built=built, gaps=gaps)
                first = covered + 1

    async def _list(self, address: str, first: int, last: int) -> tuple[list[Touched], int]:
        """Transactions from block `first` on, and the block up to which both directions are complete."""
        sides = {side: await self._side(side, address, first, last) for side in SIDES}
        horizon = min(one.horizon for one in sides.values())
        found: dict[str, Touched] = {}
        for side, one in sides.items():
            for row in one.rows:
                block = int(row["blockNum"], 16)
                to_self = str(row.get("to") or "").lower() == address
                if block > horizon or (side == "fromAddress" and to_self):
                    continue  # what goes to itself stands in the other list, too
                tx = str(row["hash"]).lower()
                item = found.setdefault(tx, Touched(tx, block, internals=[] if self._internal else None))
                if row["category"] == "internal":
                    item.internals = [*(item.internals or ()), _value(row)]
        return list(found.values()), horizon

    async def _side(self, side: str, address: str, first: int, last: int) -> _List:
        """One direction, oldest first, in as many pages as its first block takes."""
        query: dict[str, object] = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            side: address,
            "category": ["external", "internal"] if self._internal else ["external"],
            "order": "asc",
            "withMetadata": False,
            "excludeZeroValue": False,  # a call without value pays its fee
            "maxCount": hex(PAGE),
        }
        rows: list[Mapping[str, Any]] = []
        while True:
            reply = (await self.node.pool.ask([Call(METHOD, [query])]))[0]
            if isinstance(reply, Failure):
                raise RefusedError(f"{self.spec.name}: {METHOD} is refused ({reply.message})")
            rows += _checked(reply, side, address, (first, last))
            key = reply.get("pageKey")
            if not key:
                return _List(last, rows)
            newest = int(rows[-1]["blockNum"], 16) if rows else first
            if newest > first:
                # the page may end in the middle of a block: that block is read again as a whole
                return _List(newest - 1, [row for row in rows if int(row["blockNum"], 16) < newest])
            query["pageKey"] = key

    def _blind(self, address: str, covered: int) -> Gap:
        return Gap(
            self.spec.id,
            address,
            GapCode.INTERNALS_UNKNOWN,
            NAME,
            "internal",
            "The transfers list of this chain knows no internal calls and no endpoint serves old balances: coins that "
            "contracts sent are not seen. Add an explorer or an archive endpoint to the chains file.",
            self.spec.start_block,
            covered,
        )

    def _page(
        self,
        address: str,
        run: Start,
        until: BlockRef,
        covered: int,
        *,
        built: Assembled | None = None,
        gaps: Sequence[Gap] = (),
    ) -> FactPage:
        every = (*(built.gaps if built else ()), *gaps)
        asked_again = [gap for gap in every if gap.code is GapCode.RECEIPT_UNAVAILABLE]
        return FactPage(
            self.spec.id,
            address,
            NAME,
            built.transfers if built else (),
            run.cursor(covered, asked_again),
            covered,
            raws=built.raws if built else (),
            assets=built.assets if built else (),
            gaps=every,
            replaces_gaps=run.replaces(),
            anchors=(until,) if covered == until.number else (),
            target=until.number,
        )


def _checked(reply: Any, side: str, address: str, span: tuple[int, int]) -> list[Mapping[str, Any]]:
    """The rows of an answer, each of them about what was asked, oldest first.

    Raises:
        LyingSourceError: they are not.
    """
    try:
        rows: list[Mapping[str, Any]] = list(reply["transfers"])
        blocks = [int(row["blockNum"], 16) for row in rows]
        parties = {str(row.get("from" if side == "fromAddress" else "to") or "").lower() for row in rows}
        hashes = all(len(str(row["hash"])) == 66 and row["category"] for row in rows)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LyingSourceError(f"{METHOD} was answered without its fields") from None
    created = {""} if side == "toAddress" else set()  # a creation has no recipient
    if not hashes or parties - {address} - created or blocks != sorted(blocks):
        raise LyingSourceError(f"{METHOD} was answered with rows that were not asked for")
    if blocks and not span[0] <= blocks[0] <= blocks[-1] <= span[1]:
        raise LyingSourceError(f"{METHOD} was answered with blocks outside the range asked for")
    return rows


def _value(row: Mapping[str, Any]) -> Value:
    """An internal movement, in base units."""
    try:
        amount = int(row["rawContract"]["value"], 16)
        return Value(str(row["from"]).lower(), str(row["to"]).lower(), amount)
    except (KeyError, TypeError, ValueError):
        raise LyingSourceError(
            f"{METHOD} was answered with an internal movement without its amount"
        ) from None
