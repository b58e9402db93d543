"""Engines: how connections of each kind behave. One kind reads snapshots, one writes, one migrates.

SQLite runs in WAL mode with `isolation_level=None`, so that nobody but us begins transactions: writers say
`BEGIN IMMEDIATE` (the driver's own deferred transactions lose concurrent read-modify-writes), readers a plain
`BEGIN`, which is a snapshot. PostgreSQL reads in REPEATABLE READ, which is the same promise.
"""

import asyncio
import sqlite3
import time
from enum import Enum
from typing import Any, cast

import aiosqlite
import psycopg
from sqlalchemy import Connection, ExceptionContext, event
from sqlalchemy.engine.interfaces import AdaptedConnection, DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from indexer.store.exact import ExactSum
from indexer.store.place import Place

LOCK_SECONDS = 15
"""How long a statement waits for another process or transaction before the database counts as locked."""

RETRY_SECONDS = 0.02
"""How long after a lock that SQLite does not wait for itself it is tried again."""

TURN_SECONDS = 60
"""How long a task waits for a connection, or for its turn to write, behind other tasks of this process."""

READERS = 8
POSTGRES_POOL = 5


class Purpose(Enum):
    """What a connection is for."""

    READ = "read"
    WRITE = "write"
    MIGRATE = "migrate"


class _Connection(sqlite3.Connection):
    """A connection as every part of the store expects it; set up on the connection's own thread."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # typeshed knows aggregates of integers only; this one takes and gives text
        self.create_aggregate("exact_sum", 1, cast("Any", ExactSum))
        for pragma in ("trusted_schema=OFF", "temp_store=MEMORY", "cache_size=-8000"):
            self.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        """Let go of the write lock too: while a cancelled task still holds a cursor, sqlite3 alone would keep it."""
        if self.in_transaction:
            self.rollback()
        super().close()


class _Writer(_Connection):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # FULL: a judgment that was acknowledged survives a power cut
        # a bulk of transfers touches pages all over its indexes; readers are many, and the system caches the file
        # threads: the rows of an index that is built are sorted beside reading them
        pragmas = (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000",
            "threads=2",
            # of 32 MB: a load commits more than the usual 4 at once, and a page that changes again is copied once
            "wal_autocheckpoint=4000",
        )
        for pragma in pragmas:
            self.execute(f"PRAGMA {pragma}")


class _Reader(_Connection):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.execute("PRAGMA query_only=ON")


class _Migrator(_Connection):
    """Rebuilding a table, SQLite's only way to alter one, must not cascade to what refers to it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # pages of 8 KB, in a file that is made now: rows are wide, and a load into it takes 6 % less processor time
        self.execute("PRAGMA page_size=8192")
        self._keep_a_log()
        for pragma in ("synchronous=FULL", "foreign_keys=OFF"):
            self.execute(f"PRAGMA {pragma}")

    def _keep_a_log(self) -> None:
        """Turn to WAL, when nobody else is at the file: SQLite itself does not wait for a lock where the mode changes
        (https://www.sqlite.org/wal.html), and two processes may begin with a new ledger at once.
        """
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                self.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return


async def _connect(database: str, **options: Any) -> aiosqlite.Connection:
    """Open a connection on its own thread; when that fails, see the thread out.

    aiosqlite leaves it running, and it would report its end to an event loop that may be closed by then.
    """
    connection = aiosqlite.connect(database, **options)
    thread = connection._thread  # noqa: SLF001 - the only way to it; SQLAlchemy sets `daemon` on it likewise
    thread.daemon = True
    try:
        return await connection
    except BaseException:
        await asyncio.to_thread(thread.join)
        raise


_FACTORY = {Purpose.READ: _Reader, Purpose.WRITE: _Writer, Purpose.MIGRATE: _Migrator}


def open_engine(place: Place, purpose: Purpose) -> AsyncEngine:
    """An engine whose connections serve one purpose. Parameters never appear in errors: they may be private."""
    if place.file is not None:
        return _open_sqlite(place, purpose)
    return _open_postgresql(place, purpose)


def _open_sqlite(place: Place, purpose: Purpose) -> AsyncEngine:
    engine = create_async_engine(
        place.url,
        hide_parameters=True,
        # one writer at a time is what SQLite allows; `SqlLedger.write` makes tasks queue for it in order
        pool_size=READERS if purpose is Purpose.READ else 1,
        max_overflow=0,
        pool_timeout=TURN_SECONDS,
        connect_args={
            "isolation_level": None,
            "timeout": LOCK_SECONDS,
            "factory": _FACTORY[purpose],
            "async_creator_fn": _connect,
        },
    )
    begin = "BEGIN" if purpose is Purpose.READ else "BEGIN IMMEDIATE"

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _open_postgresql(place: Place, purpose: Purpose) -> AsyncEngine:
    engine = create_async_engine(
        place.url,
        hide_parameters=True,
        pool_size=1 if purpose is Purpose.MIGRATE else POSTGRES_POOL,
        max_overflow=0 if purpose is Purpose.MIGRATE else 2 * POSTGRES_POOL,
        pool_timeout=TURN_SECONDS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": LOCK_SECONDS, "application_name": "gleaner"},
    )
    event.listen(engine.sync_engine, "connect", _use_own_cursors)
    event.listen(engine.sync_engine, "handle_error", _close_cancelled)
    # Both end with the transaction, so they also work behind a transaction pooler. As an execution option SQLAlchemy
    # would set the isolation while it takes a connection out, and lose the connection to whoever is cancelled then.
    begin = (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        if purpose is Purpose.READ
        else f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"
    )

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


class _ServerCursor(psycopg.AsyncServerCursor[Any]):
    """A server's cursor that counts as closed even if its closing is cancelled: it ends with the transaction anyway."""

    async def close(self) -> None:
        try:
            await super().close()
        finally:
            self._close()


def _use_own_cursors(connection: DBAPIConnection, _record: object) -> None:
    adapted = cast("AdaptedConnection", connection)
    adapted.driver_connection.server_cursor_factory = _ServerCursor


def _close_cancelled(context: ExceptionContext) -> None:
    """Close a server's cursor whose query was cancelled.

    SQLAlchemy then gives the connection up and leaves the cursor to the garbage collector, where psycopg complains
    of it. psycopg has already told the server to stop, so that this waits for nothing.
    """
    running = context.execution_context  # `context.cursor`, though documented, is never set
    if isinstance(context.original_exception, asyncio.CancelledError) and running is not None:
        cursor = running.cursor
        if cursor is not None:
            cursor.close()
