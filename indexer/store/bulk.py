"""The hot path of facts: plain tuples into SQLite, COPY into a stage on PostgreSQL.

What SQLAlchemy does for every value of every row costs several times what the databases need for the row itself.
Values are encoded here as `types` encodes them; a test proves both ways equal.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Column, Row, select, text

from indexer.model.facts import Transfer, TransferKind
from indexer.store.exact import encode
from indexer.store.lists import among
from indexer.store.rows import FACT, rank_of, to_transfer
from indexer.store.stage import (
    COPIED_AT_ONCE,
    NULL,
    as_line,
    as_texts,
    copy_unless_known,
    fill_stage,
    stage_of,
)
from indexer.store.tables import AMOUNT, transfer
from indexer.store.transaction import Transaction, chunks
from indexer.store.types import instant, microseconds
from indexer.store.wide import insert_wide

Key = tuple[str, str, str]
Pair = tuple[Transfer, Transfer]
"""What the ledger knows, and what was said."""

COLUMNS = tuple(column.name for column in transfer.columns)
_NAMES = ", ".join(COLUMNS)
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

AMOUNT_BOUND = 10 ** (AMOUNT.precision or 0)

_identity = itemgetter(1, 2)
_rank = lru_cache(maxsize=1 << 14)(rank_of)
_TABS = len(COLUMNS) - 1
_word = {kind: kind.value for kind in TransferKind}.__getitem__


async def insert_plain(
    transaction: Transaction, chain: str, offered: Mapping[Key, Transfer]
) -> tuple[list[Transfer], list[Pair]]:
    """Insert what SQLite does not have; returns that, and what it has and was told otherwise."""
    txs = orjson.dumps(list({key[1] for key in offered})).decode()
    found: Any = await transaction.connection.exec_driver_sql(_KNOWN, (txs, chain))
    stored: dict[tuple[str, str], tuple[Any, ...]] = {(row[0], row[1]): tuple(row[2:]) for row in found.all()}
    new: list[Transfer] = []
    otherwise: list[Transfer] = []
    for fact in offered.values():
        known = stored.get((fact.tx, fact.position)) if stored else None
        if known is None:
            new.append(fact)
        elif known != _told(fact):
            otherwise.append(fact)
    if new:
        # sorted by their key: neighbours go into the same pages
        await _insert(transaction, sorted_by_key(new))
    return new, await _pairs(transaction, chain, otherwise)


async def append(transaction: Transaction, facts: Iterable[Transfer]) -> bool:
    """Add transfers that should not be there. False, and nothing is written, where one is known after all."""
    if not transaction.is_sqlite:
        return await copy_unless_known(transaction, transfer, _texts(facts))
    await _insert(transaction, facts)  # nobody else writes meanwhile
    return True


async def _insert(transaction: Transaction, facts: Iterable[Transfer]) -> None:
    await insert_wide(transaction, transfer, _values(facts))


def sorted_by_key(facts: Iterable[Transfer]) -> list[Transfer]:
    """In the order of the key's index."""
    return sorted(facts, key=_identity)


async def insert_staged(
    transaction: Transaction, chain: str, offered: Mapping[Key, Transfer]
) -> tuple[list[Transfer], list[Pair]]:
    """As `insert_plain`, on PostgreSQL. What others are inserting meanwhile is waited for and counts as known."""
    await fill_stage(transaction, transfer, _texts(offered.values()))
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
    """Transfers of these transactions: rows of `FACT`, or the chain and some columns of `transfer`.

    The chain is compared here: SQLite, asked for it, would go through everything that the chain has.
    """
    chosen = select(transfer.c.chain, *columns) if columns else FACT
    rows = await transaction.rows(chosen.where(among(transaction, transfer.c.tx, sorted(txs))))
    return [row for row in rows if row.chain == chain]


def _bounded(value: int) -> int:
    if not -AMOUNT_BOUND < value < AMOUNT_BOUND:
        raise OverflowError(f"{value} has more than {AMOUNT.precision} digits")
    return value


def _told(fact: Transfer) -> tuple[object, ...]:
    """What `_KNOWN` reads of a transfer, as SQLite has it."""
    amount, l1_fee = encode(fact.amount), None if fact.l1_fee is None else encode(fact.l1_fee)
    return (fact.block.number, fact.sender, fact.recipient, fact.asset, amount, l1_fee)


def _values(facts: Iterable[Transfer]) -> list[object]:
    """Rows for SQLite one behind another, in the order of the columns."""
    blocks: dict[int, tuple[int, int]] = {}
    values: list[object] = []
    for chain, tx, position, block, sender, recipient, asset, amount, kind, execution_fee, l1_fee in facts:
        placed = blocks.get(id(block))
        if placed is None:
            placed = blocks[id(block)] = (block.number, microseconds(block.time))
        fee = None if execution_fee is None else encode(_bounded(execution_fee))
        l1 = None if l1_fee is None else encode(_bounded(l1_fee))
        moved = encode(_bounded(amount))
        values += (tx, position, chain, _rank(position), *placed, sender, recipient, asset)
        values += (moved, _word(kind), fee, l1)
    return values


def _texts(facts: Iterable[Transfer]) -> Iterator[str]:
    """Rows for COPY, in the order of the columns, many in one text."""
    blocks: dict[int, str] = {}
    for part in chunks(facts, COPIED_AT_ONCE):
        lines = []
        for chain, tx, position, block, sender, recipient, asset, amount, kind, execution_fee, l1_fee in part:
            placed = blocks.get(id(block))
            if placed is None:
                placed = blocks[id(block)] = f"{block.number}\t{instant(block.time).isoformat()}"
            fee = NULL if execution_fee is None else _bounded(execution_fee)
            l1 = NULL if l1_fee is None else _bounded(l1_fee)
            lines.append(
                f"{tx}\t{position}\t{chain}\t{_rank(position)}\t{placed}\t{sender}\t{recipient}\t{asset}"
                f"\t{_bounded(amount)}\t{_word(kind)}\t{fee}\t{l1}\n"
            )
        text = "".join(lines)
        # next to no fact holds a character that means something to COPY: looked for once in many
        ends = text.count("\t") == _TABS * len(part) and text.count("\n") == len(part)
        if ends and "\\" not in text and "\r" not in text:
            yield text
        else:
            yield from as_texts(map(_escaped, part))


def _escaped(fact: Transfer) -> str:
    block, fees = fact.block, (fact.execution_fee, fact.l1_fee)
    return as_line(
        fact.tx,
        fact.position,
        fact.chain,
        *map(str, (_rank(fact.position), block.number, instant(block.time).isoformat())),
        fact.sender,
        fact.recipient,
        fact.asset,
        *(str(fact.amount), fact.kind.value),
        *(NULL if fee is None else str(fee) for fee in fees),
    )
