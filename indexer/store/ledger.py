"""The ledger: it opens transactions and hands out the repositories that work in them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from sqlalchemy import Index
from sqlalchemy.ext.asyncio import AsyncEngine

from indexer.model.errors import StorageError
from indexer.store.books import SqlBooks
from indexer.store.engines import TURN_SECONDS, Purpose, open_engine
from indexer.store.facts import SqlFacts
from indexer.store.failures import explained
from indexer.store.judgments import SqlJudgments
from indexer.store.links import SqlLinks
from indexer.store.loading import build, is_filled, leave_out, missing, put_back
from indexer.store.place import Place
from indexer.store.quotes import SqlQuoteCache
from indexer.store.staleness import settle
from indexer.store.targets import SqlTargets
from indexer.store.tenants import SqlTenants
from indexer.store.transaction import Transaction
from indexer.store.wallets import SqlWallets

_LOAD: ContextVar[object | None] = ContextVar("load", default=None)
"""The load that a task is part of: tasks that it starts are part of it, too."""


class SqlUnitOfWork:
    """Implements `indexer.model.ledger.UnitOfWork` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.tenants = SqlTenants(transaction)
        self.wallets = SqlWallets(transaction)
        self.targets = SqlTargets(transaction)
        self.facts = SqlFacts(transaction)
        self.links = SqlLinks(transaction)
        self.judgments = SqlJudgments(transaction)
        self.books = SqlBooks(transaction)


class SqlLedger:
    """Implements `indexer.model.ledger.Ledger`. `open_ledger` makes one."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._reader: AsyncEngine = open_engine(place, Purpose.READ)
        self._writer: AsyncEngine = open_engine(place, Purpose.WRITE)
        self._turn = _Turn(place)
        self._whole = True
        """Whether all indexes are there, as far as this process knows; a load that could not build them tries again."""
        self._load: object | None = None
        """The load that left them out, and adds rows without looking for them."""
        self.quotes = SqlQuoteCache(self)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """A snapshot."""
        with explained(self._place):
            async with self._reader.begin() as connection:
                yield Transaction(connection, writing=False)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """A transaction that is committed when the block ends without an error."""
        async with self._turn.taken():
            with explained(self._place):
                async with self._writer.begin() as connection:
                    loads = self._load is not None and _LOAD.get() is self._load
                    transaction = Transaction(connection, writing=True, loads=loads)
                    yield transaction
                    await settle(transaction)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlUnitOfWork]:
        """A read-only snapshot."""
        async with self.reading() as transaction:
            yield SqlUnitOfWork(transaction)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[SqlUnitOfWork]:
        """One transaction. Raises `StorageError` when the disk is full or the database stays locked."""
        async with self.writing() as transaction:
            yield SqlUnitOfWork(transaction)

    @asynccontextmanager
    async def loading(self) -> AsyncIterator[None]:
        """Much is about to be written: into an empty ledger it goes without indexes, which are built behind it."""
        async with self.reading() as transaction:
            filled = await is_filled(transaction)
        mine = False
        if not filled:
            async with self.writing() as transaction:
                mine = await leave_out(transaction)
        if mine:
            self._whole, self._load = False, object()
            token = _LOAD.set(self._load)
        try:
            yield
        finally:
            if mine:
                self._load = None
                _LOAD.reset(token)
            if not self._whole:
                await self.heal()

    async def heal(self) -> None:
        """Build the indexes that a load, or a process which was killed while loading, has left out."""
        async with self.reading() as transaction:
            absent = await missing(transaction)
        if absent:  # who only opens the ledger takes no turn of a writer
            if self._place.file is None:
                await self._build_side_by_side(absent)
            async with self.writing() as transaction:
                await put_back(transaction)
        self._whole = True

    async def _build_side_by_side(self, absent: list[Index]) -> None:
        """Each sorts on one processor, mostly; a transaction that held the table for all would keep them apart."""
        try:
            async with asyncio.TaskGroup() as building:
                for index in absent:
                    building.create_task(self._build(index))
        except* StorageError:  # raised again by `put_back`, if it lasts
            pass

    async def _build(self, index: Index) -> None:
        async with self.writing() as transaction:
            await build(transaction, index)

    async def close(self) -> None:
        """Release connections."""
        await self._reader.dispose()
        await self._writer.dispose()


class _Turn:
    """SQLite takes one writer: tasks of this process queue in order instead of polling the file's lock."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = asyncio.Lock() if place.file is not None else None
        self._holder: asyncio.Task[object] | None = None

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        if self._lock is None:
            yield
            return
        task = asyncio.current_task()
        if task is not None and task is self._holder:
            raise RuntimeError("this task already writes: a flow opens one writing transaction at a time")
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._lock.acquire()
        except TimeoutError as error:
            raise StorageError(
                f"another task of this process has been writing to {self._place.name} for a minute: try again."
            ) from error
        self._holder = task
        try:
            yield
        finally:
            self._holder = None
            self._lock.release()
