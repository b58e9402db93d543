"""Take transfers in: new ones are inserted, known ones are compared with what the ledger has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, update

from indexer.model.facts import Transfer
from indexer.store.bulk import (
    Key,
    Pair,
    append,
    insert_plain,
    insert_staged,
    of_transactions,
    sorted_by_key,
)
from indexer.store.conflicts import contradict
from indexer.store.rows import to_transfer, transfer_columns
from indexer.store.stage import STAGED
from indexer.store.tables import transfer
from indexer.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of the transfers of one page: new ones, those whose L1 fee became known, contradictions."""

    new: Sequence[Transfer]
    completed: Sequence[Transfer]
    conflicts: Sequence[tuple[Transfer, Transfer]]
    """What the ledger knows, which stays, and what was said."""


async def take_in(
    transaction: Transaction,
    chain: str,
    transfers: Iterable[Transfer],
    *,
    unheard: bool = False,
    bare: bool = False,
) -> Intake:
    """Write what is not there. Rows go in sorted, so that workers cannot deadlock.

    `unheard`: nothing of it should be there; it is tried in the way that is faster then. `bare`: the table has no key,
    and nothing of it is there.
    """
    offered, conflicts = _once(transfers)
    if not offered:
        return Intake((), (), conflicts)
    no_pairs: list[Pair] = []
    if bare and await append(transaction, offered.values()):
        new, differing = list(offered.values()), no_pairs
    elif transaction.is_sqlite:
        new, differing = await insert_plain(transaction, chain, offered)
    elif unheard and len(offered) >= STAGED and await append(transaction, sorted_by_key(offered.values())):
        new, differing = list(offered.values()), no_pairs
    elif len(offered) >= STAGED:
        new, differing = await insert_staged(transaction, chain, offered)
    else:
        new, differing = await _insert_few(transaction, chain, offered)
    completed = [
        said
        for known, said in differing
        if not contradict(known, said) and known.l1_fee is None and said.l1_fee is not None
    ]
    await _complete(transaction, completed)
    return Intake(new, completed, [*conflicts, *(pair for pair in differing if contradict(*pair))])


def _once(transfers: Iterable[Transfer]) -> tuple[dict[Key, Transfer], list[tuple[Transfer, Transfer]]]:
    """Transfers by identity, and those that contradict another of the same page."""
    told = list(transfers)
    offered: dict[Key, Transfer] = {fact[:3]: fact for fact in told}
    conflicts: list[tuple[Transfer, Transfer]] = []
    if len(offered) == len(told):
        return offered, conflicts
    offered.clear()
    for fact in told:
        first = offered.setdefault(fact.key, fact)
        if first is not fact and contradict(first, fact):
            conflicts.append((first, fact))
        elif first.l1_fee is None and fact.l1_fee is not None:
            offered[fact.key] = fact
    return offered, conflicts


async def _insert_few(
    transaction: Transaction, chain: str, offered: dict[Key, Transfer]
) -> tuple[list[Transfer], list[Pair]]:
    """Insert what is not there; returns that, and pairs of what is there and was said. Any database can."""
    statement = (
        transaction.insert(transfer)
        .on_conflict_do_nothing()
        .returning(transfer.c.chain, transfer.c.tx, transfer.c.position)
    )
    result = await transaction.run(statement, [transfer_columns(offered[key]) for key in sorted(offered)])
    keys = {(row.chain, row.tx, row.position) for row in result}
    old = {fact.tx for key, fact in offered.items() if key not in keys}
    pairs: list[Pair] = []
    if old:
        stored = map(to_transfer, await of_transactions(transaction, chain, old))
        pairs = [
            (known, offered[known.key]) for known in stored if known.key in offered and known.key not in keys
        ]
    return [fact for key, fact in offered.items() if key in keys], sorted(pairs, key=lambda pair: pair[0].key)


async def _complete(transaction: Transaction, completed: Sequence[Transfer]) -> None:
    """Write what became known of facts that were there."""
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
