"""Reads the fields of a source's JSON at the door. Behind it the types are trusted."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from indexer.model.errors import LyingSourceError


def as_object(value: Any, name: str) -> Mapping[str, Any]:
    """A JSON object, or `LyingSourceError`."""
    if not isinstance(value, dict):
        raise LyingSourceError(f"{name} answered with {type(value).__name__} where an object belongs.")
    return value


def as_list(value: Any, name: str) -> Sequence[Any]:
    """A JSON array, or `LyingSourceError`."""
    if not isinstance(value, list):
        raise LyingSourceError(f"{name} answered with {type(value).__name__} where a list belongs.")
    return value


def as_number(value: Any, name: str) -> Decimal:
    """A number given as a number or as text, NaN included: the judge throws those away."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal | float):
        raise LyingSourceError(f"{name} answered with {type(value).__name__} where a number belongs.")
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise LyingSourceError(f"{name} answered with a text that is no number.") from error


def as_instant(value: Any, name: str, per_second: int = 1) -> datetime:
    """A Unix time in seconds, or in parts of a second when `per_second` says so."""
    stamp = as_number(value, name)
    try:
        return datetime.fromtimestamp(float(stamp) / per_second, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise LyingSourceError(f"{name} answered with a time that is none.") from error
