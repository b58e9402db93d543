"""What a source could not know is asked again later, and once it is known the history is read anew.

The cursor carries a few of the transactions whose receipt nobody served and the first block whose internal calls
were not processed. When one of them is served, the source starts from the first block and its first page replaces all its
gaps: every gap is judged again, and facts that are known stay as they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from indexer.chains.evm.node import Node
from indexer.model.facts import Gap, GapCode
from indexer.model.ports import Clock

SAMPLE = 3
"""Transactions that are asked again; a node that serves one old receipt serves its neighbours."""
PATIENCE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Doubts:
    """The open questions of one source about one address, as its cursor keeps them."""

    receipts: tuple[str, ...] = ()
    pending: int | None = None
    """First block whose internal calls the explorer had not processed."""
    asked_at: datetime | None = None

    def after(self, gaps: Iterable[Gap], now: datetime) -> "Doubts":
        """The questions that remain after a page with these gaps."""
        receipts, pending = list(self.receipts), self.pending
        for gap in gaps:
            plain = gap.code is GapCode.RECEIPT_UNAVAILABLE and len(gap.subject) == 66
            if plain and len(receipts) < SAMPLE and gap.subject not in receipts:
                receipts.append(gap.subject)
            if gap.code is GapCode.INTERNALS_UNKNOWN and pending is None:
                pending = gap.from_block
        asked = self.asked_at or (now if receipts or pending is not None else None)
        return Doubts(tuple(receipts), pending, asked)

    def due(self, now: datetime) -> bool:
        """Whether it is time to ask again."""
        return self.asked_at is not None and now - self.asked_at >= PATIENCE

    def cursor(self) -> dict[str, object]:
        """The part of a cursor that keeps them; empty when there are none."""
        kept: dict[str, object] = {}
        if self.receipts:
            kept["receipts"] = list(self.receipts)
        if self.pending is not None:
            kept["pending"] = self.pending
        if kept and self.asked_at is not None:
            kept["asked_at"] = self.asked_at.isoformat()
        return kept


def doubts_of(cursor: Mapping[str, object] | None) -> Doubts:
    """Read them from a cursor."""
    if cursor is None:
        return Doubts()
    receipts, pending, asked = cursor.get("receipts"), cursor.get("pending"), cursor.get("asked_at")
    return Doubts(
        tuple(str(tx) for tx in receipts) if isinstance(receipts, list) else (),
        pending if isinstance(pending, int) else None,
        datetime.fromisoformat(asked).astimezone(UTC) if isinstance(asked, str) else None,
    )


async def receipts_served(node: Node, doubts: Doubts) -> bool:
    """Whether an endpoint now serves a receipt that none served before."""
    if not doubts.receipts:
        return False
    found = await node.transactions(doubts.receipts)
    return any(got.receipt is not None for got in found.values())


@dataclass(slots=True)
class Start:
    """Where a run begins and what it still doubts. `anew`: its first page replaces the source's gaps."""

    first: int
    doubts: Doubts
    anew: bool
    clock: Clock

    def cursor(self, covered: int, gaps: Iterable[Gap] = ()) -> dict[str, object]:
        """The cursor after a page that covers up to a block."""
        self.doubts = self.doubts.after(gaps, self.clock.now())
        return {"next": covered + 1, **self.doubts.cursor()}

    def replaces(self) -> bool:
        """True once, for the first page of a history that is read anew."""
        anew, self.anew = self.anew, False
        return anew

    def restart(self, block: int) -> None:
        """Read the history anew: something that was not served before is served now."""
        self.first, self.doubts, self.anew = block, Doubts(), True

    def waited(self) -> None:
        """Nothing has changed: ask again after another while."""
        self.doubts = replace(self.doubts, asked_at=self.clock.now())


def start(cursor: Mapping[str, object] | None, start_block: int, clock: Clock) -> Start:
    """Where to begin: where the cursor stopped, not above the block after a rollback."""
    first = start_block
    if cursor is not None:
        stored, rewind = cursor.get("next"), cursor.get("rewind_to")
        first = stored if isinstance(stored, int) else start_block
        if isinstance(rewind, int):
            first = min(first, rewind + 1)
    return Start(first, doubts_of(cursor), cursor is None, clock)
