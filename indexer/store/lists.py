"""Conditions on long lists of values: one parameter however many there are, one statement for thousands."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import JSON, ColumnElement, Text, any_, cast, func, select, type_coerce

from indexer.store.transaction import Transaction


def among(transaction: Transaction, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """The column is one of these strings, which go as one JSON text: as an array the driver quotes each by itself."""
    listed: Any = orjson.dumps(list(values)).decode()
    if transaction.is_sqlite:
        each: Any = func.json_each(listed).table_valued("value")
        return column.in_(select(each.c.value))
    unpacked = select(func.json_array_elements_text(cast(type_coerce(listed, Text), JSON)))
    # ARRAY, because an index is searched for the elements of one, and not for the rows of a query
    return column == any_(func.array(unpacked.scalar_subquery()))
