"""Many rows in one statement and many statements at once, for SQLite.

Between two rows of `executemany` the writer's thread asks for Python's lock, and between two statements it waits for the task that
sends them: beside one that reads, up to 5 ms each time, which is 40 times as long as a row takes.
"""

from functools import lru_cache

from sqlalchemy import Table

from indexer.store.transaction import Transaction

PARAMETERS = 32_766
"""As many as one statement may have: https://www.sqlite.org/limits.html."""
SMALLER = (512, 64, 8, 1)
"""Rows of the statements for the rest: every connection keeps the programs of its statements, up to a megabyte each."""


async def insert_wide(
    transaction: Transaction, table: Table, values: list[object], *, unless_known: bool = False
) -> int:
    """Insert rows, whose values stand one behind another in the order of the columns; returns how many were new."""
    width = len(table.columns)
    ending = " ON CONFLICT DO NOTHING" if unless_known else ""
    start = new = 0
    for rows in (PARAMETERS // width, *SMALLER):
        size = rows * width
        end = start + (len(values) - start) // size * size
        if parts := [tuple(values[place : place + size]) for place in range(start, end, size)]:
            statement = _statement(table, rows, ending)
            new += (await transaction.connection.exec_driver_sql(statement, parts)).rowcount
        start = end
    return new


@lru_cache(maxsize=32)
def _statement(table: Table, rows: int, ending: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join('?' * len(table.columns))})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([row] * rows)}{ending}"  # noqa: S608 - our own names
