"""The hot path of facts: plain tuples into SQLite, COPY into a stage on PostgreSQL.

What SQLAlchemy does for every value of every row costs several times what the databases need for the row itself.
Values are encoded here as `types` encodes them; a test proves both ways equal.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn

import orjson
import psycopg
from sqlalchemy import Row, select, text
from sqlalchemy.exc import DBAPIError

from indexer.model.facts import Transfer
from indexer.store.exact import encode
from indexer.store.lists import among
from indexer.store.rows import rank_of, to_transfer
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
_STAGE = "transfer_stage"
_NOT_NEW = text(
    f"WITH new AS (INSERT INTO transfer ({_NAMES}) SELECT {_NAMES} FROM {_STAGE} ORDER BY tx, position, chain "  # noqa: S608 - our own names
    "ON CONFLICT DO NOTHING RETURNING tx, position) "
    f"SELECT s.tx, s.position FROM {_STAGE} s "
    "WHERE NOT EXISTS (SELECT 1 FROM new WHERE new.tx = s.tx AND new.position = s.position)"
)
_SAID = ("block_number", "sender", "recipient", "asset", "amount", "l1_fee")

AMOUNT_BOUND = 10 ** (AMOUNT.precision or 0)

_rank = lru_cache(maxsize=1 << 14)(rank_of)


async def insert_plain(
    transaction: Transaction, chain: str, offered: Mapping[Key, Transfer]
) -> tuple[list[Transfer], list[Pair]]:
    """Insert what SQLite does not have; returns that, and what it has and was told otherwise."""
    txs = orjson.dumps(sorted({key[1] for key in offered})).decode()
    found: Any = await transaction.connection.exec_driver_sql(_KNOWN, (txs, chain))
    stored: dict[tuple[str, str], tuple[Any, ...]] = {(row[0], row[1]): tuple(row[2:]) for row in found.all()}
    times: dict[int, int] = {}
    new: list[Transfer] = []
    rows: list[tuple[Any, ...]] = []
    otherwise: list[Transfer] = []
    for fact in offered.values():
        amount = _encoded(fact.amount)
        l1_fee = None if fact.l1_fee is None else _encoded(fact.l1_fee)
        block = fact.block
        if stored and (known := stored.get((fact.tx, fact.position))) is not None:
            if known != (block.number, fact.sender, fact.recipient, fact.asset, amount, l1_fee):
                otherwise.append(fact)
            continue
        time = times.get(id(block))
        if time is None:
            time = times[id(block)] = microseconds(block.time)
        fee = None if fact.execution_fee is None else _encoded(fact.execution_fee)
        new.append(fact)
        rows.append(
            (
                fact.tx, fact.position, chain, _rank(fact.position), block.number, block.hash, time, fact.sender,
                fact.recipient, fact.asset, amount, fact.kind.value, fee, l1_fee,
            )
        )  # fmt: skip
    if rows:
        await transaction.connection.exec_driver_sql(_INSERT, rows)
    return new, await _pairs(transaction, chain, otherwise)


async def insert_staged(
    transaction: Transaction, chain: str, offered: Mapping[Key, Transfer]
) -> tuple[list[Transfer], list[Pair]]:
    """As `insert_plain`, on PostgreSQL. What others are inserting meanwhile is waited for and counts as known."""
    await transaction.run(text(f"DROP TABLE IF EXISTS pg_temp.{_STAGE}"))
    await transaction.run(text(f"CREATE TEMP TABLE {_STAGE} (LIKE transfer) ON COMMIT DROP"))
    await _copy(
        transaction, f"COPY {_STAGE} ({_NAMES}) FROM STDIN", [_line(fact) for fact in offered.values()]
    )
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


async def of_transactions(transaction: Transaction, chain: str, txs: Iterable[str]) -> list[Row[Any]]:
    """Rows of `transfer` of these transactions.

    The chain is compared here: SQLite, asked for it, would go through everything that the chain has.
    """
    rows = await transaction.rows(select(transfer).where(among(transaction, transfer.c.tx, sorted(txs))))
    return [row for row in rows if row.chain == chain]


def _encoded(value: int) -> str:
    if not -AMOUNT_BOUND < value < AMOUNT_BOUND:
        raise OverflowError(f"{value} has more than {AMOUNT.precision} digits")
    return encode(value)


def _line(fact: Transfer) -> list[str | None]:
    """The fields of one row for COPY, in the order of the columns."""
    block = fact.block
    for value in (fact.amount, fact.execution_fee, fact.l1_fee):
        if value is not None and not -AMOUNT_BOUND < value < AMOUNT_BOUND:
            raise OverflowError(f"{value} has more than {AMOUNT.precision} digits")
    return [
        fact.tx, fact.position, fact.chain, str(_rank(fact.position)), str(block.number), block.hash,
        instant(block.time).isoformat(), fact.sender, fact.recipient, fact.asset, str(fact.amount), fact.kind.value,
        None if fact.execution_fee is None else str(fact.execution_fee),
        None if fact.l1_fee is None else str(fact.l1_fee),
    ]  # fmt: skip


_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _joined(lines: Iterable[Sequence[str | None]]) -> str:
    """COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html."""
    return "".join(
        "\t".join("\\N" if field is None else field.translate(_ESCAPED) for field in line) + "\n"
        for line in lines
    )


async def _copy(transaction: Transaction, statement: str, lines: Sequence[Sequence[str | None]]) -> None:
    raw: Any = (await transaction.connection.get_raw_connection()).driver_connection
    try:
        async with raw.cursor() as cursor, cursor.copy(statement) as copy:
            for start in range(0, len(lines), 2000):
                await copy.write(_joined(lines[start : start + 2000]))
    except psycopg.Error as error:
        _raise(transaction, statement, error)


def _raise(transaction: Transaction, statement: str, error: psycopg.Error) -> NoReturn:
    """As SQLAlchemy would: whoever explains errors to users knows its own alone."""
    raise DBAPIError.instance(
        statement, None, error, psycopg.Error, hide_parameters=True, dialect=transaction.connection.dialect
    ) from error
