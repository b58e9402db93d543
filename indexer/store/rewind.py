"""After a reorg: where every target of the chain goes on, and under which epoch."""

from collections import defaultdict
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Row, and_, select, update

from indexer.model.errors import FencedError
from indexer.model.stored import DISCOVER, EVERYONE, FOLLOW, SyncState, TargetKey
from indexer.store.handover import NEVER, covers_seam, orphaned
from indexer.store.lists import among
from indexer.store.tables import sync_target as table
from indexer.store.transaction import Transaction
from indexer.store.types import EPOCH

AT_ONCE = EPOCH
"""Due since ever: a rolled back target is the first that is collected."""


class _Place(NamedTuple):
    """Where targets of one source go on; most of them at the same place."""

    source: str
    cursor: bytes
    covered_to: int
    seam: int | None
    rests: bool
    kept: bool


async def rewind(
    transaction: Transaction, chain: str, to_block: int, keep: tuple[TargetKey, int] | None
) -> None:
    """Rewind and fence the chain's targets. Those that cover all below their seams, and that below the fork, are left alone.

    A seam above the fork falls to it where the target had covered more: the follower reads the rest for it.

    Raises:
        FencedError: another epoch rules the target that was to be kept.
    """
    orphans = await orphaned(transaction)
    spared = and_(covers_seam(orphans), table.c.covered_to <= to_block)
    rows = await transaction.rows(
        select(table)
        .where(table.c.chain == chain, table.c.source != DISCOVER, ~spared)
        .order_by(*table.primary_key.columns)
        .with_for_update()
    )
    kept, epoch = keep if keep is not None else (None, 0)
    places: dict[_Place, list[str]] = defaultdict(list)
    for row in rows:
        mine = kept == TargetKey(row.address, row.chain, row.source)
        if mine and row.epoch != epoch:
            kept = None
            break
        followed = chain not in orphans
        places[_place(row, to_block, followed=followed, kept=mine)].append(row.address)
    if keep is not None and not any(place.kept for place in places):
        raise FencedError(f"another worker has taken over {keep[0].address} on {chain} ({keep[0].source})")
    for place, addresses in places.items():
        await transaction.run(
            update(table)
            .where(
                table.c.chain == chain,
                table.c.source == place.source,
                among(transaction, table.c.address, addresses),
            )
            .values(_values(place))
        )


def _values(place: _Place) -> dict[str, Any]:
    values: dict[str, Any] = {
        "cursor": orjson.loads(place.cursor),
        "covered_to": place.covered_to,
        "seam": place.seam,
    }
    if not place.kept:
        values |= {
            "next_due_at": NEVER if place.rests else AT_ONCE,
            "epoch": table.c.epoch + 1,
            "state": SyncState.PENDING.value,
            "leased_until": None,
        }
    return values


def _place(row: Row[Any], to_block: int, *, followed: bool, kept: bool) -> _Place:
    covered, seam = min(row.covered_to, to_block), row.seam
    if seam is not None and row.covered_to > to_block:
        seam = min(seam, to_block + 1)
    if (row.address, row.source) == (EVERYONE, FOLLOW):
        cursor = {"next": to_block + 1} if row.covered_to > to_block else row.cursor
    else:
        cursor = _rewound(row.cursor, to_block)
    rests = followed and seam is not None and covered >= seam - 1
    return _Place(row.source, orjson.dumps(cursor), covered, seam, rests, kept)


def _rewound(cursor: dict[str, object] | None, to_block: int) -> dict[str, object] | None:
    """The cursor with the note that its source must read again above `to_block`; the lowest note stays."""
    if cursor is None:
        return None
    before = cursor.get("rewind_to")
    return {**cursor, "rewind_to": min(before, to_block) if isinstance(before, int) else to_block}
