"""Column types that mean the same on SQLite and PostgreSQL, and the exact sum of amounts."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Double, Integer, LargeBinary, Numeric, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine

from indexer.store.exact import decode, encode

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Key = Text(collation="C").with_variant(Text(), "sqlite")
"""Identifiers. Collation C on PostgreSQL, so that both databases sort and page them by bytes."""

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer; SQLite's STRICT tables know no BIGINT."""

Flag = Boolean().with_variant(Integer(), "sqlite")
"""True or false; STRICT tables know no BOOLEAN."""

Ratio: TypeEngine[float] = Double().with_variant(sqlite.REAL(), "sqlite")
"""A float that is a degree of confidence, never money."""

Blob = LargeBinary()


class ExactInteger(TypeDecorator[int]):
    """An integer of up to `precision` digits (None: 999): NUMERIC on PostgreSQL, sortable text on SQLite.

    SQLAlchemy's own Numeric goes through binary floats on SQLite: 2**255 - 1 would come back wrong.
    """

    impl = Text
    cache_ok = True

    def __init__(self, precision: int | None = None) -> None:
        super().__init__()
        self.precision = precision

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Numeric(self.precision, 0) if self.precision else Numeric())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | Decimal | None:
        if value is None:
            return None
        if self.precision is not None and abs(value) >= 10**self.precision:
            raise OverflowError(f"{value} has more than {self.precision} digits")
        return encode(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        return decode(value) if dialect.name == "sqlite" else int(value)


class ExactDecimal(TypeDecorator[Decimal]):
    """A `Decimal` that comes back with the digits it had: NUMERIC on PostgreSQL, plain text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | Decimal | None:
        if value is None:
            return None
        if not value.is_finite():
            raise ValueError(f"{value} is not a price")
        return str(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, _dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def instant(value: datetime) -> datetime:
    """The time, if it says where it is.

    Raises:
        ValueError: it has no time zone.
    """
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone: the ledger keeps UTC instants only")
    return value


def microseconds(value: datetime) -> int:
    """An instant as SQLite keeps it: microseconds since 1970."""
    return (instant(value) - EPOCH) // MICROSECOND


class UtcTime(TypeDecorator[datetime]):
    """An instant: TIMESTAMPTZ on PostgreSQL, microseconds since 1970 on SQLite. Naive times are refused."""

    impl = Integer
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | datetime | None:
        if value is None:
            return None
        return microseconds(value) if dialect.name == "sqlite" else instant(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return EPOCH + int(value) * MICROSECOND
        found: datetime = value
        return found.astimezone(UTC)


class Day(TypeDecorator[date]):
    """A calendar day as ISO 8601 text, which sorts by time."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, _dialect: Dialect) -> str | None:
        return None if value is None else value.isoformat()

    def process_result_value(self, value: Any, _dialect: Dialect) -> date | None:
        return None if value is None else date.fromisoformat(value)


class Prose(TypeDecorator[str]):
    """Text from strangers (token names, messages of nodes): what the databases refuse in it is replaced.

    PostgreSQL takes no NUL character and neither database takes half a surrogate pair, and a token's name may
    hold both.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        if value is None or (value.isascii() and "\0" not in value):
            return value
        whole = value.replace("\0", "\ufffd")
        return whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Document(TypeDecorator[Any]):
    """A JSON value as text with sorted keys: equal values, equal bytes. Integers of any size stay exact."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: Any, _dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class exact_sum(GenericFunction[int]):  # noqa: N801 - SQLAlchemy names SQL functions after their class
    """SUM without rounding. SQLite: the aggregate that every connection of the store registers."""

    type = ExactInteger()
    inherit_cache = True


@compiles(exact_sum)
def _sum(element: exact_sum, compiler: SQLCompiler, **options: Any) -> str:
    return f"sum({compiler.process(element.clauses, **options)})"


@compiles(exact_sum, "sqlite")
def _sum_sqlite(element: exact_sum, compiler: SQLCompiler, **options: Any) -> str:
    return f"exact_sum({compiler.process(element.clauses, **options)})"
