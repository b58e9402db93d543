"""Temporary tables that rows are copied into on PostgreSQL, on their way into the table of the same columns."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import psycopg
from sqlalchemy import Table, TableClause, column, table, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from indexer.store.transaction import Transaction, chunks

NULL = "~"
"""Stands for a value that is not there; no column holds it."""
STAGED = 100
"""So many rows are worth a temporary table, or a savepoint."""
COPIED_AT_ONCE = 1_000
"""Rows in one message of COPY."""

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def stage_of(target: Table) -> TableClause:
    """The temporary table of a table; it is there behind `fill_stage`, for this transaction."""
    return table(f"{target.name}_stage", *(column(each.name, each.type) for each in target.columns))


def escaped(field: str) -> str:
    """A field of COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html."""
    return field if field.isalnum() else field.translate(_ESCAPED)


def as_line(*fields: str) -> str:
    """Fields side by side in COPY's text format."""
    return "\t".join(map(escaped, fields))


def as_texts(lines: Iterable[str]) -> Iterator[str]:
    """Lines put together into messages of COPY."""
    for part in chunks(lines, COPIED_AT_ONCE):
        yield "\n".join([*part, ""])


async def fill_stage(transaction: Transaction, target: Table, texts: Iterable[str]) -> None:
    """Copy rows, each a line of all the table's columns in their order, into its stage, which held nothing before."""
    stage = f"{target.name}_stage"
    await transaction.run(
        text(f"CREATE TEMP TABLE IF NOT EXISTS {stage} (LIKE {target.name}) ON COMMIT DELETE ROWS")
    )
    await transaction.run(text(f"TRUNCATE {stage}"))
    await copy_into(transaction, stage, target, texts)


async def copy_unless_known(transaction: Transaction, target: Table, texts: Iterable[str]) -> bool:
    """Copy rows right into their table. False, and nothing is written, where one of them is there already."""
    try:
        async with transaction.connection.begin_nested():
            await copy_into(transaction, target.name, target, texts)
    except IntegrityError:
        return False
    return True


async def copy_into(transaction: Transaction, name: str, target: Table, texts: Iterable[str]) -> None:
    """Copy rows, each a line of all columns of `target` in their order, into the table of a name.

    Raises:
        IntegrityError: a row is there already; the transaction takes nothing more but a rollback to a savepoint.
    """
    columns = ", ".join(each.name for each in target.columns)
    statement = f"COPY {name} ({columns}) FROM STDIN (NULL '{NULL}')"
    copying = asyncio.ensure_future(_copy(transaction, statement, texts))
    try:
        await asyncio.shield(copying)
    except asyncio.CancelledError:
        # a connection in the middle of COPY takes no other command, not even the one that rolls back
        await asyncio.wait([copying])
        copying.exception()  # the cancellation says more
        raise
    except psycopg.Error as error:
        _raise(transaction, statement, error)


async def _copy(transaction: Transaction, statement: str, texts: Iterable[str]) -> None:
    raw: Any = (await transaction.connection.get_raw_connection()).driver_connection
    async with raw.cursor() as cursor, cursor.copy(statement) as copy:
        for rows in texts:
            await copy.write(rows)


def _raise(transaction: Transaction, statement: str, error: psycopg.Error) -> NoReturn:
    """As SQLAlchemy would: whoever explains errors to users knows its own alone."""
    raise DBAPIError.instance(
        statement, None, error, psycopg.Error, hide_parameters=True, dialect=transaction.connection.dialect
    ) from error
