"""Many rows in one statement and many statements at once, for SQLite.

Between two rows of `executemany` the writer's thread asks for Python's lock, and between two statements it waits for the task that
sends them: beside one that reads, up to 5 ms each time, which is 40 times as long as a row takes.
"""

from functools import lru_cache

from sqlalchemy import Table

from indexer.store.transaction import Transaction

PARAMETERS = 32_766
"""As many as one statement may have: https://www.sqlite.org/limits.html."""


async def insert_wide(
    transaction: Transaction, table: Table, values: list[object], *, unless_known: bool = False
) -> int:
    """Insert rows, whose values stand one behind another in the order of the columns; returns how many were new."""
    width = len(table.columns)
    rows = PARAMETERS // width
    ending = " ON CONFLICT DO NOTHING" if unless_known else ""
    parts = [tuple(values[start : start + rows * width]) for start in range(0, len(values), rows * width)]
    alike = parts if len(values) % (rows * width) == 0 else parts[:-1]
    new = 0
    if alike:
        new += await _run(transaction, _statement(table, rows, ending), alike)
    for rest in parts[len(alike) :]:
        new += await _run(transaction, _statement(table, len(rest) // width, ending), [rest])
    return new


async def _run(transaction: Transaction, statement: str, parameters: list[tuple[object, ...]]) -> int:
    result = await transaction.connection.exec_driver_sql(statement, parameters)
    return result.rowcount


@lru_cache(maxsize=16)
def _statement(table: Table, rows: int, ending: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    row = f"({', '.join('?' * len(table.columns))})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([row] * rows)}{ending}"  # noqa: S608 - our own names
