"""The hot path of facts: plain tuples into SQLite, COPY into a stage on PostgreSQL.

What SQLAlchemy does for every value of every row costs several times what the databases need for the row itself.
Values are encoded here as `types` encodes them; a test proves both ways equal.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Column, Row, select, text
from sqlalchemy.exc import IntegrityError

from indexer.model.facts import Transfer
from indexer.store.exact import encode
from indexer.store.lists import among
from indexer.store.rows import rank_of, to_transfer
from indexer.store.stage import NULL, as_line, copy_into, fill_stage, stage_of
from indexer.store.tables import AMOUNT, transfer
from indexer.store.transaction import Transaction
from indexer.store.types import instant, microseconds

Key = tuple[str, str, str]
Pair = tuple[Transfer, Transfer]
"""What the ledger knows, and what was said."""

COLUMNS = tuple(column.name for column in transfer.columns)
_NAMES = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO transfer ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own names
_KNOWN = (
    "SELECT tx, position, block_number, sender, recipient, asset, amount, l1_fee FROM transfer "
    "WHERE tx IN (SELECT value FROM json_each(?)) AND +chain = ?"  # the plus keeps SQLite off the index by chain alone
)
_STAGE = stage_of(transfer).name
_NOT_NEW = text(
    f"WITH new AS (INSERT INTO transfer ({_NAMES}) SELECT {_NAMES} FROM {_STAGE} ORDER BY tx, position, chain "  # noqa: S608 - our own names
    "ON CONFLICT DO NOTHING RETURNING tx, position) "
    f"SELECT s.tx, s.position FROM {_STAGE} s "
    "WHERE NOT EXISTS (SELECT 1 FROM new WHERE new.tx = s.tx AND new.position = s.position)"
)
_SAID = ("block_number", "sender", "recipient", "asset", "amount", "l1_fee")

STAGED = 100
"""So many rows are worth a temporary table on PostgreSQL."""

AMOUNT_BOUND = 10 ** (AMOUNT.precision or 0)

_identity = attrgetter("tx", "position")
_rank = lru_cache(maxsize=1 << 14)(rank_of)


async def insert_plain(
    transaction: Transaction, chain: str, offered: Mapping[Key, Transfer]
) -> tuple[list[Transfer], list[Pair]]:
    """Insert what SQLite does not have; returns that, and what it has and was told otherwise."""
    txs = orjson.dumps(list({key[1] for key in offered})).decode()
    found: Any = await transaction.connection.exec_driver_sql(_KNOWN, (txs, chain))
    stored: dict[tuple[str, str], tuple[Any, ...]] = {(row[0], row[1]): tuple(row[2:]) for row in found.all()}
    times: dict[int, int] = {}
    new: list[Transfer] = []
    rows: list[tuple[Any, ...]] = []
    otherwise: list[Transfer] = []
    for fact in offered.values():
        amount = encode(_bounded(fact.amount))
        l1_fee = None if fact.l1_fee is None else encode(_bounded(fact.l1_fee))
        block = fact.block
        if stored and (known := stored.get((fact.tx, fact.position))) is not None:
            if known != (block.number, fact.sender, fact.recipient, fact.asset, amount, l1_fee):
                otherwise.append(fact)
            continue
        time = times.get(id(block))
        if time is None:
            time = times[id(block)] = microseconds(block.time)
        fee = None if fact.execution_fee is None else encode(_bounded(fact.execution_fee))
        new.append(fact)
        rows.append(
            (
                fact.tx, fact.position, chain, _rank(fact.position), block.number, block.hash, time, fact.sender,
                fact.recipient, fact.asset, amount, fact.kind.value, fee, l1_fee,
            )
        )  # fmt: skip
    if rows:
        rows.sort()  # their keys come first: neighbours go into the same pages
        await transaction.connection.exec_driver_sql(_INSERT, rows)
    return new, await _pairs(transaction, chain, otherwise)


async def insert_unheard(transaction: Transaction, facts: Iterable[Transfer]) -> bool:
    """Copy transfers right into their table on PostgreSQL. False, and nothing is written, where one is known."""
    try:
        async with transaction.connection.begin_nested():
            await copy_into(transaction, transfer.name, transfer, _lines(sorted(facts, key=_identity)))
    except IntegrityError:
        return False
    return True


async def insert_staged(
    transaction: Transaction, chain: str, offered: Mapping[Key, Transfer]
) -> tuple[list[Transfer], list[Pair]]:
    """As `insert_plain`, on PostgreSQL. What others are inserting meanwhile is waited for and counts as known."""
    await fill_stage(transaction, transfer, _lines(offered.values()))
    old = {(chain, row.tx, row.position) for row in await transaction.rows(_NOT_NEW)}
    if not old:
        return list(offered.values()), []
    told = text(
        f"SELECT t.tx, t.position FROM transfer t JOIN {_STAGE} s USING (tx, position, chain) WHERE "  # noqa: S608 - our own names
        + " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in _SAID)
    )
    otherwise = [offered[chain, row.tx, row.position] for row in await transaction.rows(told)]
    new = [fact for key, fact in offered.items() if key not in old]
    return new, await _pairs(transaction, chain, otherwise)


async def _pairs(transaction: Transaction, chain: str, said: Sequence[Transfer]) -> list[Pair]:
    """What is stored under the same identity."""
    if not said:
        return []
    by_key = {fact.key: fact for fact in said}
    rows = await of_transactions(transaction, chain, {fact.tx for fact in said})
    stored = map(to_transfer, rows)
    pairs = [(known, by_key[known.key]) for known in stored if known.key in by_key]
    return sorted(pairs, key=lambda pair: pair[0].key)


async def of_transactions(
    transaction: Transaction, chain: str, txs: Iterable[str], columns: Sequence[Column[Any]] = ()
) -> list[Row[Any]]:
    """Rows of `transfer` of these transactions: all columns, or the chain and some.

    The chain is compared here: SQLite, asked for it, would go through everything that the chain has.
    """
    chosen = select(transfer.c.chain, *columns) if columns else select(transfer)
    rows = await transaction.rows(chosen.where(among(transaction, transfer.c.tx, sorted(txs))))
    return [row for row in rows if row.chain == chain]


def _bounded(value: int) -> int:
    if not -AMOUNT_BOUND < value < AMOUNT_BOUND:
        raise OverflowError(f"{value} has more than {AMOUNT.precision} digits")
    return value


def _lines(facts: Iterable[Transfer]) -> Iterator[str]:
    """Rows for COPY, in the order of the columns."""
    blocks: dict[int, str] = {}
    for fact in facts:
        block = fact.block
        when = blocks.get(id(block))
        if when is None:
            when = blocks[id(block)] = as_line(str(block.number), block.hash, instant(block.time).isoformat())
        fee = NULL if fact.execution_fee is None else _bounded(fact.execution_fee)
        l1_fee = NULL if fact.l1_fee is None else _bounded(fact.l1_fee)
        names = as_line(fact.tx, fact.position, fact.chain)
        sides = as_line(fact.sender, fact.recipient, fact.asset)
        yield (
            f"{names}\t{_rank(fact.position)}\t{when}\t{sides}\t{_bounded(fact.amount)}\t{fact.kind.value}\t{fee}"
            f"\t{l1_fee}"
        )
