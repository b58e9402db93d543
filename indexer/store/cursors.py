"""Opaque list cursors: the key of the last row shown, so that rows inserted meanwhile shift nothing."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_

from indexer.model.errors import InputError
from indexer.store.types import EPOCH, MICROSECOND


def write(kind: str, keys: Sequence[str | int | datetime]) -> str:
    """Write a cursor of the list `kind`."""
    plain = [(key - EPOCH) // MICROSECOND if isinstance(key, datetime) else key for key in keys]
    text = json.dumps([kind, *plain], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(kind: str, cursor: str, shape: Sequence[type]) -> list[Any]:
    """Read a cursor of the list `kind` back into values of the given types.

    Raises:
        InputError: this list did not give out the cursor.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
        if not isinstance(found, list) or len(found) != len(shape) + 1 or found[0] != kind:
            raise _foreign()
        return [_value(value, wanted) for value, wanted in zip(found[1:], shape, strict=True)]
    except (binascii.Error, UnicodeError, ValueError, OverflowError, RecursionError) as error:
        raise _foreign() from error


def beyond(columns: Sequence[ColumnElement[Any]], keys: Sequence[Any]) -> ColumnElement[bool]:
    """The rows behind a key, in ascending order of the columns. Keys are bound with their columns' types."""
    typed = (literal(key, column.type) for key, column in zip(keys, columns, strict=True))
    return tuple_(*columns) > tuple_(*typed)


def _value(value: object, wanted: type) -> str | int | datetime:
    if wanted is datetime and type(value) is int:
        return EPOCH + timedelta(microseconds=value)
    if (
        wanted in {str, int}
        and type(value) is wanted
        and not (isinstance(value, int) and abs(value) >= 2**63)
    ):
        return value
    raise _foreign()


def _foreign() -> InputError:
    return InputError("the cursor is not one that this list gave out: start again without a cursor")
