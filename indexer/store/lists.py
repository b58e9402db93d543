"""Conditions on long lists of values: one parameter however many there are, one statement for thousands."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import ARRAY, ColumnElement, Text, any_, bindparam, func, select

from indexer.store.transaction import Transaction


def among(transaction: Transaction, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """The column is one of these strings: an array on PostgreSQL, a JSON list on SQLite."""
    listed = list(values)
    if transaction.is_sqlite:
        each: Any = func.json_each(orjson.dumps(listed).decode()).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(bindparam(None, listed, type_=ARRAY(Text)))
