"""What a database says when it fails, turned into what a user should do about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from indexer.model.errors import ConflictError, InputError, StorageError
from indexer.store.place import Place

NOTHING_LOST = "Nothing was half written; what was committed before is safe."

# SQLite result codes by their primary name: https://www.sqlite.org/rescode.html
_SQLITE = {
    "FULL": "{place} cannot grow: the disk (or its quota) is full. Free some space and start again.",
    "IOERR": "{place} could not be read or written: check the disk, its free space and its quota ({said}).",
    "BUSY": "{place} stays locked by another process: stop the other Gleaner, or wait until it is done.",
    "LOCKED": "{place} stays locked by another connection: stop the other Gleaner, or wait until it is done.",
    "READONLY": "{place} is read-only: give this user the right to write the file and its folder.",
    "PERM": "{place} may not be opened by this user: check the rights of the file and its folder.",
    "CANTOPEN": "{place} cannot be opened: check that the folder exists and that this user may write to it.",
    "CORRUPT": "{place} is damaged ({said}): restore a backup, or move it away and collect anew.",
    "NOTADB": "{place} is not a SQLite database: GLEANER_DATABASE_URL points to some other file.",
    "TOOBIG": "a value is too large for {place} ({said}).",
    "NOMEM": "there is not enough memory to use {place}.",
}

# SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "53100": "{place} cannot grow: its disk is full. Free some space and start again.",
    "53200": "{place} is out of memory.",
    "53300": "{place} has no connection left: raise max_connections, or stop what holds them.",
    "55P03": "{place} stays locked by another transaction: stop what holds the lock, or wait until it is done.",
    "40P01": "{place} broke a deadlock with another transaction: try again.",
    "40001": "{place} met a conflicting transaction: try again.",
    "25006": "{place} is read-only: connect to the primary server.",
    "28P01": "{place} refuses the password in GLEANER_DATABASE_URL.",
    "28000": "{place} refuses the user in GLEANER_DATABASE_URL: check pg_hba.conf and the user's rights.",
    "3D000": "{place} does not exist: make it with `createdb`.",
    "42501": "{place} does not give this user the rights it needs: grant them on the schema and its tables.",
    "42P01": "{place} lacks a table: run `gleaner db upgrade`.",
    "57P03": "{place} is starting up or shutting down: try again.",
    "57014": "{place} cancelled a statement that took too long.",
    "XX001": "{place} is damaged: restore a backup.",
    "XX002": "{place} has a damaged index: run REINDEX.",
}


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """Turn errors of the database inside the block into errors that say what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        explain(error, place)


def explain(error: SQLAlchemyError, place: Place) -> NoReturn:
    """Raise the error that belongs to a failure of the database.

    Raises:
        ConflictError: a row contradicts one that exists.
        InputError: a value holds what no database can keep.
        StorageError: everything else; the text says what to do.
    """
    if isinstance(error, PoolTimeoutError):
        raise StorageError(f"every connection to {place.name} stayed in use: try again.") from error
    if isinstance(error, IntegrityError):
        raise ConflictError(f"this contradicts what the ledger holds: {_said(error)}") from error
    if isinstance(error, DataError):
        raise InputError(
            "a value holds characters that a database cannot keep (NUL): leave them out"
        ) from error
    if not isinstance(error, DBAPIError):
        raise error
    raise StorageError(_sentence(error, place)) from error


def _sentence(error: DBAPIError, place: Place) -> str:
    said = _said(error)
    name = str(getattr(error.orig, "sqlite_errorname", "")).removeprefix("SQLITE_").partition("_")[0]
    state = getattr(error.orig, "sqlstate", None)
    text = _SQLITE.get(name) or _POSTGRESQL.get(str(state))
    if text is None and "no such table" in said:
        text = "{place} lacks a table: run `gleaner db upgrade`."
    if text is None and (state is None or str(state).startswith("08")) and place.file is None:
        text = (
            "{place} cannot be reached: check that the server runs and that host and port are right ({said})."
        )
    if text is None:
        text = "{place} failed: {said}."
    return f"{_capital(text.format(place=place.name, said=said))} {NOTHING_LOST}"


def _said(error: DBAPIError) -> str:
    """The first line of the database's own words; the statement and its values stay out."""
    return (str(error.orig).strip().splitlines() or ["no reason given"])[0].rstrip(".")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
