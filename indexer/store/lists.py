"""Conditions on long lists of values: one parameter however many there are, one statement for thousands."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, any_, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import NullType

from indexer.store.transaction import Transaction


def among(transaction: Transaction, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """The column is one of these strings, which go as one text: of a list the driver would quote each by itself."""
    if transaction.is_sqlite:
        each: Any = func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
        return column.in_(select(each.c.value))
    # a plain value to the planner: whatever way it takes, it looks rows up in a hash of the elements or in an index;
    # elements that a subquery tells are compared with every row one by one
    return column == any_(cast(literal(_array(values), NullType()), ARRAY(Text)))


def _array(values: Iterable[str]) -> str:
    """PostgreSQL's text of an array: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO."""
    listed = list(values)
    together = "".join(listed)
    if "\\" in together or '"' in together:
        listed = [text.replace("\\", "\\\\").replace('"', '\\"') for text in listed]
    return '{"' + '","'.join(listed) + '"}' if listed else "{}"
