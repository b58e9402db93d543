"""Frozen dataclasses to JSON values and back, by their type hints: for values that are stored as one document.

Fields that a stored document lacks take their defaults, fields that the class no longer has are left out, so
that a derived value survives until it is derived anew.
"""

import dataclasses
import typing
from collections.abc import Hashable
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")


def dump(value: Any) -> Any:
    """A JSON value: enums by value, instants and days as ISO 8601, integers of any size."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: dump(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [dump(item) for item in value]
    if isinstance(value, dict):
        return {str(dump(key)): dump(item) for key, item in value.items()}
    return value


def load(kind: type[T], value: Any) -> T:
    """Build a value of a dataclass from what `dump` made."""
    hints = _hints(cast("Hashable", kind))
    return kind(**{name: _load(hints[name], item) for name, item in value.items() if name in hints})


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    fields = dataclasses.fields(cast("Any", kind))
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields}


def _load(hint: Any, value: Any) -> Any:
    if typing.get_origin(hint) is not None:
        return _load_generic(typing.get_origin(hint), typing.get_args(hint), value)
    if not isinstance(hint, type):
        return value
    if dataclasses.is_dataclass(hint):
        return load(hint, value)
    if issubclass(hint, (datetime, date)):
        return hint.fromisoformat(value)
    return hint(value) if issubclass(hint, Enum) else value


def _load_generic(origin: Any, arguments: tuple[Any, ...], value: Any) -> Any:
    """`X | None`, `tuple[X, ...]` and `dict[K, V]`: what the model's values are made of."""
    if origin is tuple:
        return tuple(_load(arguments[0], item) for item in value)
    if origin is dict:
        return {_key(arguments[0], key): _load(arguments[1], item) for key, item in value.items()}
    if value is None:
        return None
    (hint,) = (argument for argument in arguments if argument is not type(None))
    return _load(hint, value)


def _key(hint: Any, key: str) -> Any:
    return int(key) if hint is int else _load(hint, key)
