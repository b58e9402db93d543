"""One open transaction, as the repositories see it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, Executable, Row, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

CHUNK = 1000
"""Values of one IN list: far below the parameter limits of both databases."""

Values = Mapping[str, Any]


class Transaction:
    """A connection inside a transaction, with what the two databases do differently."""

    def __init__(self, connection: AsyncConnection, *, writing: bool, loads: bool = False) -> None:
        self.connection = connection
        self.loads = loads
        """Whether it belongs to the task that has left out the ledger's indexes."""
        self.is_sqlite = connection.dialect.name == "sqlite"
        self._writing = writing
        self._held: set[str] = set()
        self.stale: set[str] = set()
        """Portfolios whose version is raised when the transaction ends."""

    async def run(
        self, statement: Executable, values: Values | Sequence[Values] | None = None
    ) -> CursorResult[Any]:
        """Execute a statement once, or once for every element of a sequence."""
        return await self.connection.execute(statement, values)

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a query."""
        return (await self.connection.execute(statement)).all()

    async def row(self, statement: Executable) -> Row[Any] | None:
        """The first row of a query."""
        return (await self.connection.execute(statement)).first()

    def insert(self, table: Table) -> postgresql.Insert:
        """An insert that knows ON CONFLICT. Both dialects speak it alike; the type is PostgreSQL's."""
        if self.is_sqlite:
            return cast("postgresql.Insert", sqlite.insert(table))
        return postgresql.insert(table)

    async def hold(self, *names: str) -> None:
        """Let no other writing transaction pass here with the same name until this one ends.

        On SQLite there is only one writer anyway. On PostgreSQL this makes read-modify-write within a portfolio
        as safe as there, without making collectors of other portfolios wait.
        """
        if self.is_sqlite or not self._writing:
            return
        for name in sorted(set(names) - self._held):
            await self.connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
            self._held.add(name)


def as_dict(row: Row[Any]) -> dict[str, Any]:
    """A row by its column names."""
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public way has a private name


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut values into lists of at most `size`."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part
