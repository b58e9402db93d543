"""Take transfers in: new ones are inserted, known ones are compared with what the ledger has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from indexer.model.facts import Transfer
from indexer.store.rows import to_transfer, transfer_columns
from indexer.store.tables import transfer
from indexer.store.transaction import Transaction, chunks

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of the transfers of one page: new ones, those whose L1 fee became known, contradictions."""

    new: Sequence[Transfer]
    completed: Sequence[Transfer]
    conflicts: Sequence[tuple[Transfer, Transfer]]
    """What the ledger knows, which stays, and what was said."""


async def take_in(transaction: Transaction, chain: str, transfers: Iterable[Transfer]) -> Intake:
    """Write what is not there. Rows go in sorted, so that workers cannot deadlock."""
    offered, conflicts = _once(transfers)
    keys = await _insert(transaction, offered)
    new = [offered[key] for key in keys]
    if len(keys) == len(offered):
        return Intake(new, (), conflicts)
    old = [fact for key, fact in offered.items() if key not in keys]
    completed, contradicted = await _meet(transaction, chain, old)
    return Intake(new, completed, [*conflicts, *contradicted])


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
    transaction: Transaction, chain: str, old: Sequence[Transfer]
) -> tuple[list[Transfer], list[tuple[Transfer, Transfer]]]:
    """Compare with what was there: facts whose L1 fee became known (written), and contradictions (left alone)."""
    stored: dict[Key, Transfer] = {}
    for part in chunks(sorted({fact.tx for fact in old})):
        rows = await transaction.rows(
            select(transfer).where(transfer.c.chain == chain, transfer.c.tx.in_(part))
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
