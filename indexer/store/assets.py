"""What is known of assets grows: what is unknown never replaces what is known."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from indexer.model.asset import Asset
from indexer.model.facts import Transfer
from indexer.store.rows import asset_columns
from indexer.store.tables import asset
from indexer.store.transaction import Transaction, Values, as_dict, chunks


async def put_assets(
    transaction: Transaction, assets: Iterable[Asset], transfers: Iterable[Transfer]
) -> bool:
    """Keep what is known of assets; True when one that was known changed.

    What is unknown never replaces what is known. An asset that a transfer names and the page does not describe is
    entered as unknown, so that nothing refers to nothing.
    """
    described = {item.id: item for item in assets}
    named = {fact.asset for fact in transfers} - described.keys()
    if not described and not named:
        return False
    blank = [
        asset_columns(Asset(id=name, symbol="", decimals=None)) for name in sorted(named | described.keys())
    ]
    for part in chunks(blank):
        await transaction.run(transaction.insert(asset).on_conflict_do_nothing(), part)
    changed = False
    for ids in chunks(sorted(described)):
        stored = await transaction.rows(select(asset).where(asset.c.id.in_(ids)))
        better = [
            {f"new_{name}": value for name, value in merged.items()}
            for row in stored
            if (merged := _merge(row, described[row.id])) is not None
        ]
        if better:
            columns: dict[str, Any] = {
                column.name: bindparam(f"new_{column.name}") for column in asset.c if not column.primary_key
            }
            await transaction.run(
                update(asset).where(asset.c.id == bindparam("new_id")).values(columns), better
            )
            changed = True
    return changed


def _merge(stored: Row[Any], described: Asset) -> Values | None:
    """The stored row with what is newly known; None when it stays as it is."""
    merged, said = as_dict(stored), dict(asset_columns(described))
    if described.unnamed and merged["symbol"]:
        said["symbol"] = ""
    merged["spam"] = bool(merged["spam"])
    before = dict(merged)
    merged |= {
        name: value for name, value in said.items() if value not in (None, "") and not name.startswith("spam")
    }
    if said["spam"] or said["spam_reason"]:
        merged["spam"], merged["spam_reason"] = said["spam"], said["spam_reason"]
    return merged if merged != before else None
