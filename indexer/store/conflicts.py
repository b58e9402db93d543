"""Two sources that contradict each other: the first telling stays, with a named gap for whom it concerns."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import and_, bindparam, delete, select

from indexer.model.facts import FactPage, Gap, GapCode, Sweep, Transfer, TransferKind
from indexer.model.stored import EVERYONE
from indexer.store.bulk import of_transactions
from indexer.store.gaps import put_gaps
from indexer.store.handover import members
from indexer.store.lists import among
from indexer.store.rows import to_transfer
from indexer.store.tables import gap, transfer, wallet_chain
from indexer.store.transaction import Transaction

Conflict = tuple[Transfer, Transfer]
"""What the ledger knows and keeps, and what was said."""

TOKENS = frozenset({TransferKind.ERC20, TransferKind.ERC721, TransferKind.ERC1155, TransferKind.WRAP})

_IDENTITY = (transfer.c.tx, transfer.c.position, transfer.c.sender, transfer.c.recipient, transfer.c.kind)


def contradict(one: Transfer, other: Transfer) -> bool:
    """Whether two tellings of one fact cannot both be true. An unknown L1 fee leaves the amount open."""
    if one.block.number != other.block.number:
        return True
    if one.asset != other.asset or one.sender != other.sender or one.recipient != other.recipient:
        return True
    return one.amount != other.amount and (one.l1_fee is None) == (other.l1_fee is None)


async def watched_among(transaction: Transaction, chain: str, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that somebody watches on the chain."""
    named = sorted(set(addresses))
    if not named:
        return set()
    rows = await transaction.rows(
        select(wallet_chain.c.address)
        .distinct()
        .where(wallet_chain.c.chain == chain, among(transaction, wallet_chain.c.address, named))
    )
    return {row.address for row in rows}


async def tell_conflicts(
    transaction: Transaction, told: FactPage | Sweep, conflicts: Sequence[Conflict]
) -> None:
    """Put a gap for every contradiction, and remove those of transactions that are no longer told otherwise.

    A page speaks of its own address, a sweep of everybody who is watched.
    """
    name = f"conflict:{told.source}"
    query = select(gap.c.address, gap.c.subject).where(gap.c.chain == told.chain, gap.c.source == name)
    if isinstance(told, FactPage):
        query = query.where(gap.c.address == told.address)
    if before := {(row.address, row.subject) for row in await transaction.rows(query)}:
        agreed = _agreed(told.transfers, conflicts, before)
        await _remove(transaction, told.chain, name, agreed)
    await put_conflicts(
        transaction, told.source, conflicts, told.address if isinstance(told, FactPage) else None
    )


async def put_conflicts(
    transaction: Transaction, source: str, conflicts: Sequence[Conflict], address: str | None = None
) -> None:
    """Put a gap for every contradiction: for the address, or without one for every party that is watched."""
    for chain in sorted({said.chain for _, said in conflicts}):
        told = [pair for pair in conflicts if pair[1].chain == chain]
        named = {party for known, said in told for party in _parties(known, said)}
        concerned = {address} if address else await watched_among(transaction, chain, named)
        await put_gaps(
            transaction,
            [
                _conflict_gap(party, source, known, said)
                for known, said in told
                for party in sorted(concerned if address else concerned & _parties(known, said))
            ],
        )


def _agreed(
    transfers: Sequence[Transfer], conflicts: Sequence[Conflict], before: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those of the earlier gaps, as (address, transaction), that were told again without a contradiction."""
    subjects = {subject for _, subject in before}
    disputed = {(party, said.tx) for known, said in conflicts for party in _parties(known, said)}
    agreed = {
        (party, fact.tx)
        for fact in transfers
        if fact.tx in subjects
        for party in (fact.sender, fact.recipient)
    }
    return (agreed - disputed) & before


async def _remove(transaction: Transaction, chain: str, source: str, gone: Iterable[tuple[str, str]]) -> None:
    rows = [{"of_address": address, "of_subject": subject} for address, subject in sorted(gone)]
    if rows:
        await transaction.run(
            delete(gap).where(
                gap.c.address == bindparam("of_address"),
                gap.c.chain == chain,
                gap.c.source == source,
                gap.c.subject == bindparam("of_subject"),
            ),
            rows,
        )


async def retract(transaction: Transaction, sweep: Sweep, epochs: Mapping[str, int]) -> tuple[Transfer, ...]:
    """Take back token facts that transactions which were read whole do not hold; returns them.

    Judged are facts that touch whom the transactions were settled for. Earlier gaps of the source about these
    transactions are void.
    """
    if not sweep.retold:
        return ()
    retold = set(sweep.retold)
    mine = select(gap.c.address, gap.c.subject).where(
        gap.c.chain == sweep.chain, gap.c.source == sweep.source
    )
    # the subject is `<tx>` or `<tx>:<part>`
    void = [
        (row.address, row.subject) for row in await transaction.rows(mine) if _tx_of(row.subject) in retold
    ]
    await _remove(transaction, sweep.chain, sweep.source, void)
    told = {fact.key for fact in sweep.transfers}
    unsaid = [
        row
        for row in await of_transactions(transaction, sweep.chain, retold, _IDENTITY)
        if row.kind in TOKENS and (row.chain, row.tx, row.position) not in told
    ]
    judged = await _judged(transaction, sweep, epochs) if unsaid else frozenset()
    lying = {(row.tx, row.position) for row in unsaid if row.sender in judged or row.recipient in judged}
    if not lying:
        return ()
    stored = map(to_transfer, await of_transactions(transaction, sweep.chain, {tx for tx, _ in lying}))
    lies = sorted((fact for fact in stored if (fact.tx, fact.position) in lying), key=lambda fact: fact.key)
    await _take_back(transaction, sweep, lies)
    return tuple(lies)


def _tx_of(subject: str) -> str:
    return subject.partition(":")[0]


async def _judged(transaction: Transaction, sweep: Sweep, epochs: Mapping[str, int]) -> frozenset[str]:
    if sweep.settled_for is not None:
        return sweep.settled_for
    if EVERYONE in epochs:
        _, addresses = await members(transaction, sweep.chain)
        return addresses
    return frozenset(epochs)


async def _take_back(transaction: Transaction, sweep: Sweep, lies: Sequence[Transfer]) -> None:
    await transaction.run(
        delete(transfer).where(
            and_(
                transfer.c.tx == bindparam("of_tx"),
                transfer.c.position == bindparam("of_position"),
                transfer.c.chain == bindparam("of_chain"),
            )
        ),
        [{"of_tx": fact.tx, "of_position": fact.position, "of_chain": fact.chain} for fact in lies],
    )
    concerned = await watched_among(
        transaction, sweep.chain, (party for fact in lies for party in (fact.sender, fact.recipient))
    )
    await put_gaps(
        transaction,
        [
            Gap(
                chain=sweep.chain,
                address=address,
                code=GapCode.SOURCE_CONFLICT,
                source=sweep.source,
                subject=f"{fact.tx}:{fact.position}",
                detail=(
                    f"A source told {fact.position} of transaction {fact.tx}: {tell(fact)}. The transaction, read "
                    "whole, does not hold it: it is not counted."
                ),
                from_block=fact.block.number,
                to_block=fact.block.number,
            )
            for fact in lies
            for address in sorted({fact.sender, fact.recipient} & concerned)
        ],
    )


def _parties(known: Transfer, said: Transfer) -> set[str]:
    return {known.sender, known.recipient, said.sender, said.recipient}


def _conflict_gap(address: str, source: str, known: Transfer, said: Transfer) -> Gap:
    return Gap(
        chain=said.chain,
        address=address,
        code=GapCode.SOURCE_CONFLICT,
        source=f"conflict:{source}",
        subject=said.tx,
        detail=(
            f"{source} tells {said.position} of transaction {said.tx} otherwise: {tell(said)}; the ledger has "
            f"{tell(known)} from another source and keeps it. Compare both with a block explorer."
        ),
        from_block=min(known.block.number, said.block.number),
        to_block=max(known.block.number, said.block.number),
    )


def tell(fact: Transfer) -> str:
    """A transfer in words."""
    return (
        f"{fact.amount} of {fact.asset} from {fact.sender} to {fact.recipient} in block {fact.block.number}"
    )
