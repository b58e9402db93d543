"""Many rows in one statement, for SQLite.

Between two statements, and between two rows of `executemany`, the writer's thread asks for Python's lock: beside a task
that reads on it waits up to 5 ms each time, which is 40 times as long as a row takes.
"""

from functools import lru_cache

from sqlalchemy import Table

from indexer.store.transaction import Transaction

PARAMETERS = 32_766
"""As many as one statement may have: https://www.sqlite.org/limits.html."""


def rows_at_once(table: Table) -> int:
    """Rows of all columns in one statement."""
    return PARAMETERS // len(table.columns)


async def insert_wide(
    transaction: Transaction, table: Table, values: list[object], *, unless_known: bool = False
) -> int:
    """Insert rows, whose values stand one behind another in the order of the columns; returns how many were new."""
    width = len(table.columns)
    ending = " ON CONFLICT DO NOTHING" if unless_known else ""
    step, new = rows_at_once(table) * width, 0
    for start in range(0, len(values), step):
        part = tuple(values[start : start + step])
        statement = _statement(table, len(part) // width, ending)
        new += (await transaction.connection.exec_driver_sql(statement, part)).rowcount
    return new


@lru_cache(maxsize=16)
def _statement(table: Table, rows: int, ending: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join('?' * len(table.columns))})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([row] * rows)}{ending}"  # noqa: S608 - our own names
