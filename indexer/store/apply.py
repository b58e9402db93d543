"""Write one page of facts with its cursor, fenced by the target's epoch, all in the caller's transaction."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, case, delete, or_, select, update

from indexer.model.asset import Asset
from indexer.model.errors import TornChainError
from indexer.model.facts import BlockRef, FactPage, Gap, GapCode, RawTransaction, Transfer
from indexer.model.stored import TargetKey
from indexer.store.gaps import put_gaps, remove_gaps
from indexer.store.reorg import thin
from indexer.store.rows import asset_columns, inspect_payload, to_transfer, transfer_columns
from indexer.store.staleness import raise_version, watchers, watchers_of_chain
from indexer.store.tables import asset, block, gap, raw_transaction, transfer
from indexer.store.targets import write_fenced
from indexer.store.transaction import Transaction, Values, as_dict, chunks

Key = tuple[str, str, str]


async def apply_page(transaction: Transaction, page: FactPage, epoch: int) -> int:
    """Write a page; returns how many transfers were new. Rows go in sorted, so that workers cannot deadlock.

    Raises:
        FencedError: the target's epoch is another one.
        TornChainError: the page contradicts a remembered block hash; the reorg has to be followed first.
    """
    key = TargetKey(page.address, page.chain, page.source)
    progress: dict[str, Any] = {"cursor": page.cursor, "covered_to": page.covered_to}
    if page.target:
        progress["target_block"] = page.target
    await write_fenced(transaction, key, epoch, **progress)
    await _remember(transaction, page)
    stale: set[str] = set()
    if await _put_assets(transaction, page):
        stale |= await watchers_of_chain(transaction, page.chain)
    offered, conflicts = _once(page.transfers)
    new = await _insert(transaction, offered)
    changed = [offered[key] for key in new]
    if len(new) < len(offered):
        old = [fact for key, fact in offered.items() if key not in new]
        completed, contradicted = await _meet(transaction, page, old)
        changed += completed
        conflicts += contradicted
    touched = {party for fact in changed for party in (fact.sender, fact.recipient)}
    if await _put_raws(transaction, page.raws):
        touched.add(page.address)
    await _put_page_gaps(transaction, page, conflicts)
    stale |= await watchers(transaction, touched, page.chain)
    await raise_version(transaction, stale)
    return len(new)


async def _remember(transaction: Transaction, page: FactPage) -> None:
    """Keep the hash of every block of the page; one number has one hash, whoever says it."""
    seen: dict[int, BlockRef] = {}
    for ref in (*(fact.block for fact in page.transfers), *page.anchors):
        if not ref.hash:
            continue  # a source that does not say hashes cannot vouch for a block
        known = seen.setdefault(ref.number, ref)
        if known.hash != ref.hash:
            raise _torn(page, ref.number, known.hash, ref.hash)
    for part in chunks(sorted(seen)):
        rows: list[Values] = [
            {"chain": page.chain, "number": number, "hash": seen[number].hash, "time": seen[number].time}
            for number in part
        ]
        await transaction.run(transaction.insert(block).on_conflict_do_nothing(), rows)
        stored = await transaction.rows(
            select(block.c.number, block.c.hash).where(block.c.chain == page.chain, block.c.number.in_(part))
        )
        for row in stored:
            if row.hash != seen[row.number].hash:
                raise _torn(page, row.number, row.hash, seen[row.number].hash)
    if page.anchors:
        await thin(transaction, page.chain, [ref.number for ref in page.anchors])


def _torn(page: FactPage, number: int, known: str, said: str) -> TornChainError:
    return TornChainError(
        f"{page.source} says that block {number} of {page.chain} is {said}, the ledger knows it as {known}: the chain "
        "is reorganising, or one source is on another fork. Nothing of this page was kept; it is read again.",
        number,
    )


async def _put_assets(transaction: Transaction, page: FactPage) -> bool:
    """Keep what is known of assets; True when one that was known changed.

    What is unknown never replaces what is known. An asset that a transfer names and the page does not describe is
    entered as unknown, so that nothing refers to nothing.
    """
    described = {item.id: item for item in page.assets}
    named = {fact.asset for fact in page.transfers} - described.keys()
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
            if (merged := _merge(row, asset_columns(described[row.id]))) is not None
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


def _merge(stored: Row[Any], said: Values) -> Values | None:
    """The stored row with what is newly known; None when it stays as it is."""
    merged = as_dict(stored)
    merged["spam"] = bool(merged["spam"])
    before = dict(merged)
    merged |= {
        name: value for name, value in said.items() if value not in (None, "") and not name.startswith("spam")
    }
    if said["spam"] or said["spam_reason"]:
        merged["spam"], merged["spam_reason"] = said["spam"], said["spam_reason"]
    return merged if merged != before else None


def _once(transfers: Iterable[Transfer]) -> tuple[dict[Key, Transfer], list[tuple[Transfer, Transfer]]]:
    """Transfers by identity in the order of their keys, and those that contradict another of the same page."""
    offered: dict[Key, Transfer] = {}
    conflicts: list[tuple[Transfer, Transfer]] = []
    for fact in transfers:
        first = offered.setdefault(fact.key, fact)
        if first is not fact and _contradict(first, fact):
            conflicts.append((first, fact))
        elif first.l1_fee is None and fact.l1_fee is not None:
            offered[fact.key] = fact
    return dict(sorted(offered.items())), conflicts


def _contradict(one: Transfer, other: Transfer) -> bool:
    """Whether two tellings of one fact cannot both be true. An unknown L1 fee leaves the amount open."""
    if one.block.number != other.block.number:
        return True
    if one.asset != other.asset or one.sender != other.sender or one.recipient != other.recipient:
        return True
    return one.amount != other.amount and (one.l1_fee is None) == (other.l1_fee is None)


async def _insert(transaction: Transaction, offered: dict[Key, Transfer]) -> set[Key]:
    """Insert what is not there; returns the keys that were new."""
    if not offered:
        return set()
    statement = (
        transaction.insert(transfer)
        .on_conflict_do_nothing()
        .returning(transfer.c.chain, transfer.c.tx, transfer.c.position)
    )
    result = await transaction.run(statement, [transfer_columns(fact) for fact in offered.values()])
    return {(row.chain, row.tx, row.position) for row in result}


async def _meet(
    transaction: Transaction, page: FactPage, old: Sequence[Transfer]
) -> tuple[list[Transfer], list[tuple[Transfer, Transfer]]]:
    """Compare with what was there: facts whose L1 fee became known (written), and contradictions (left alone)."""
    stored: dict[Key, Transfer] = {}
    for part in chunks(sorted({fact.tx for fact in old})):
        rows = await transaction.rows(
            select(transfer).where(transfer.c.chain == page.chain, transfer.c.tx.in_(part))
        )
        stored.update(((row.chain, row.tx, row.position), to_transfer(row)) for row in rows)
    completed: list[Transfer] = []
    conflicts: list[tuple[Transfer, Transfer]] = []
    for fact in old:
        known = stored[fact.key]
        if _contradict(known, fact):
            conflicts.append((known, fact))
        elif known.l1_fee is None and fact.l1_fee is not None:
            completed.append(fact)
    if completed:
        await transaction.run(
            update(transfer)
            .where(
                transfer.c.chain == bindparam("of_chain"),
                transfer.c.tx == bindparam("of_tx"),
                transfer.c.position == bindparam("of_position"),
            )
            .values(
                amount=bindparam("new_amount"),
                execution_fee=bindparam("new_execution_fee"),
                l1_fee=bindparam("new_l1_fee"),
            ),
            [
                {
                    "of_chain": fact.chain,
                    "of_tx": fact.tx,
                    "of_position": fact.position,
                    "new_amount": fact.amount,
                    "new_execution_fee": fact.execution_fee,
                    "new_l1_fee": fact.l1_fee,
                }
                for fact in completed
            ],
        )
    return completed, conflicts


async def _put_raws(transaction: Transaction, raws: Sequence[RawTransaction]) -> bool:
    """Keep raw payloads, compressed; the richest of one transaction stays. True when any was written."""
    rows: list[Values] = []
    for raw in sorted(raws, key=lambda raw: (raw.chain, raw.tx)):
        richness, tx_index = inspect_payload(raw.payload, raw.source)
        rows.append(
            {
                "chain": raw.chain,
                "tx": raw.tx,
                "block_hash": raw.block_hash,
                "tx_index": tx_index,
                "source": raw.source,
                "richness": richness,
                "payload": zlib.compress(raw.payload, 6),
            }
        )
    new = transaction.insert(raw_transaction)
    new_columns = ("block_hash", "source", "richness", "payload")
    statement = new.on_conflict_do_update(
        index_elements=["chain", "tx"],
        set_={name: new.excluded[name] for name in new_columns}
        | {
            "tx_index": case(
                (new.excluded.tx_index.is_(None), raw_transaction.c.tx_index), else_=new.excluded.tx_index
            )
        },
        where=or_(
            new.excluded.richness > raw_transaction.c.richness,
            new.excluded.block_hash != raw_transaction.c.block_hash,
        ),
    ).returning(raw_transaction.c.tx)
    written = False
    for part in _distinct(rows):
        written = bool((await transaction.run(statement, part)).all()) or written
    return written


def _distinct(rows: Sequence[Values]) -> Iterable[list[Values]]:
    """Batches in which no transaction appears twice: one statement may not touch a row twice."""
    rest = list(rows)
    while rest:
        batch: dict[tuple[str, str], Values] = {}
        again: list[Values] = []
        for row in rest:
            key = (row["chain"], row["tx"])
            if key in batch:
                again.append(row)
            else:
                batch[key] = row
        yield list(batch.values())
        rest = again


async def _put_page_gaps(
    transaction: Transaction, page: FactPage, conflicts: Sequence[tuple[Transfer, Transfer]]
) -> None:
    if page.replaces_gaps:
        await remove_gaps(transaction, page.address, page.chain, page.source)
    await put_gaps(transaction, page.gaps)
    source = f"conflict:{page.source}"
    agreed = sorted({fact.tx for fact in page.transfers} - {fact.tx for _, fact in conflicts})
    there = await transaction.row(
        select(gap.c.source).where(
            gap.c.address == page.address, gap.c.chain == page.chain, gap.c.source == source
        )
    )
    if there is not None:
        for part in chunks(agreed):
            await transaction.run(
                delete(gap).where(
                    gap.c.address == page.address,
                    gap.c.chain == page.chain,
                    gap.c.source == source,
                    gap.c.subject.in_(part),
                )
            )
    await put_gaps(transaction, [_conflict_gap(page, source, known, said) for known, said in conflicts])


def _conflict_gap(page: FactPage, source: str, known: Transfer, said: Transfer) -> Gap:
    return Gap(
        chain=page.chain,
        address=page.address,
        code=GapCode.SOURCE_CONFLICT,
        source=source,
        subject=said.tx,
        detail=(
            f"{page.source} tells {said.position} of transaction {said.tx} otherwise: {_tell(said)}; the ledger has "
            f"{_tell(known)} from another source and keeps it. Compare both with a block explorer."
        ),
        from_block=min(known.block.number, said.block.number),
        to_block=max(known.block.number, said.block.number),
    )


def _tell(fact: Transfer) -> str:
    return (
        f"{fact.amount} of {fact.asset} from {fact.sender} to {fact.recipient} in block {fact.block.number}"
    )
