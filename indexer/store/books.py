"""The last book of each portfolio, and which of them are stale."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import Row, Table, delete, or_, select

from indexer.model.errors import InputError
from indexer.model.lots import BookGap, BookGapCode, Disposal, Income, Lot, Term
from indexer.model.prices import DisputedPrice
from indexer.model.stored import BookedMovement, BookSnapshot, DisposalFilter, MovementFilter, Page
from indexer.store import cursors, movements
from indexer.store.staleness import raise_version, settle, watchers
from indexer.store.tables import (
    book,
    book_disposal,
    book_gap,
    book_income,
    book_lot,
    book_movement,
    book_poison,
    book_price_conflict,
)
from indexer.store.tables import portfolio as table
from indexer.store.transaction import CHUNK, Transaction, as_dict, chunks

T = TypeVar("T", Lot, Disposal, Income, BookGap, DisputedPrice)

# What a column's plain value is in the model, where that is another type on one of the databases.
_MEANING: dict[str, Callable[[Any], Any]] = {"term": Term, "code": BookGapCode, "basis_known": bool}


SCAN = 1_000
"""Movements read at a time, at most, while looking for those of some wallets."""


class SqlBooks:
    """Implements `indexer.model.ledger.Books`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def save(
        self,
        saved: BookSnapshot,
        made_of: Sequence[BookedMovement] = (),
        poison: Mapping[tuple[str, str, str], str] = MappingProxyType({}),
    ) -> None:
        """Replace the portfolio's book, its movements and its verdicts on transfers."""
        await self._transaction.hold(saved.portfolio)
        await self._transaction.run(delete(book).where(book.c.portfolio_id == saved.portfolio))
        await self._transaction.run(
            book.insert().values(
                portfolio_id=saved.portfolio,
                fingerprint=saved.fingerprint,
                currency=saved.currency,
                built_at=saved.built_at,
                as_of_block=dict(saved.as_of_block),
                facts_version=saved.facts_version,
            )
        )
        await self._fill(saved.portfolio, book_lot, saved.lots)
        await self._fill(saved.portfolio, book_disposal, saved.disposals)
        await self._fill(saved.portfolio, book_income, saved.income)
        await self._fill(saved.portfolio, book_gap, saved.gaps)
        await self._fill(saved.portfolio, book_price_conflict, saved.disputed)
        for part in chunks(enumerate(made_of), 10 * CHUNK):
            rows = [movements.columns(saved.portfolio, place, booked) for place, booked in part]
            await self._transaction.run(book_movement.insert(), rows)
        for marked in chunks(sorted(poison.items())):
            rows = [
                {
                    "portfolio_id": saved.portfolio,
                    "chain": chain,
                    "tx": tx,
                    "position": position,
                    "reason": why,
                }
                for (chain, tx, position), why in marked
            ]
            await self._transaction.run(book_poison.insert(), rows)

    async def load(self, portfolio: str) -> BookSnapshot | None:
        """The portfolio's book, None before the first one."""
        head = await self.head(portfolio)
        if head is None:
            return None
        return dataclasses.replace(
            head,
            lots=await self._read(portfolio, book_lot, Lot),
            disposals=await self._read(portfolio, book_disposal, Disposal),
            income=await self._read(portfolio, book_income, Income),
            gaps=await self._read(portfolio, book_gap, BookGap),
            disputed=await self._read(portfolio, book_price_conflict, DisputedPrice),
        )

    async def head(self, portfolio: str) -> BookSnapshot | None:
        """The book without its rows."""
        found = await self._transaction.row(select(book).where(book.c.portfolio_id == portfolio))
        if found is None:
            return None
        return BookSnapshot(
            portfolio=portfolio,
            fingerprint=found.fingerprint,
            currency=found.currency,
            built_at=found.built_at,
            as_of_block=found.as_of_block,
            lots=(),
            disposals=(),
            income=(),
            gaps=(),
            facts_version=found.facts_version,
        )

    async def gaps_of(self, portfolio: str, movements: Iterable[str]) -> tuple[BookGap, ...]:
        """Gaps of these movements, in the book's order."""
        columns = [book_gap.c[field.name] for field in dataclasses.fields(BookGap)]
        found: list[Row[Any]] = []
        for part in chunks(sorted(set(movements))):
            found += await self._transaction.rows(
                select(book_gap.c.place, *columns).where(
                    book_gap.c.portfolio_id == portfolio, book_gap.c.movement.in_(part)
                )
            )
        found.sort(key=lambda row: row.place)
        return tuple(
            BookGap(row.movement, BookGapCode(row.code), row.asset, row.quantity, row.detail) for row in found
        )

    async def disposals(
        self, portfolio: str, where: DisposalFilter, cursor: str | None, limit: int
    ) -> Page[Disposal]:
        """Disposals of the present book, oldest first."""
        head = await self.head(portfolio)
        place = -1 if cursor is None else _place("disposals", cursor, head)
        if head is None:
            return Page((), None)
        columns = [book_disposal.c[field.name] for field in dataclasses.fields(Disposal)]
        query = select(book_disposal.c.place, *columns).where(
            book_disposal.c.portfolio_id == portfolio, book_disposal.c.place > place
        )
        if where.pool is not None:
            query = query.where(book_disposal.c.asset == where.pool)
        if where.term is not None:
            query = query.where(book_disposal.c.term == where.term.value)
        if where.since is not None:
            query = query.where(book_disposal.c.disposed_at >= where.since)
        if where.until is not None:
            query = query.where(book_disposal.c.disposed_at < where.until)
        rows = await self._transaction.rows(query.order_by(book_disposal.c.place).limit(limit + 1))
        shown = rows[:limit]
        after = None
        if len(rows) > limit and shown:
            after = cursors.write("disposals", (head.fingerprint, shown[-1].place))
        return Page(tuple(_value(Disposal, row) for row in shown), after)

    async def movements(
        self, portfolio: str, where: MovementFilter, cursor: str | None, limit: int
    ) -> Page[BookedMovement]:
        """Movements of the present book, oldest first.

        The wallets are looked for in the rows read: what a movement touches is in its document. Few rows are read
        at first, since a page is small, and ever more, up to `SCAN`, while nothing is found.
        """
        head = await self.head(portfolio)
        place = -1 if cursor is None else _place("movements", cursor, head)
        if head is None:
            return Page((), None)
        query = movements.chosen(portfolio, where)
        found: list[tuple[int, BookedMovement]] = []
        batch, exhausted = min(SCAN, limit + 1), False
        while len(found) <= limit and not exhausted:
            rows = await self._transaction.rows(
                query.where(book_movement.c.place > place).order_by(book_movement.c.place).limit(batch)
            )
            exhausted, batch = len(rows) < batch, min(SCAN, 2 * batch)
            place = rows[-1].place if rows else place
            found += [
                (row.place, booked) for row in rows if movements.touches(booked := movements.read(row), where)
            ]
        more = len(found) > limit
        after = cursors.write("movements", (head.fingerprint, found[limit - 1][0])) if more else None
        return Page(tuple(booked for _, booked in found[:limit]), after)

    async def movements_of(self, portfolio: str, ids: Iterable[str]) -> dict[str, BookedMovement]:
        """The movements among these ids."""
        found: dict[str, BookedMovement] = {}
        for part in chunks(sorted(set(ids))):
            rows = await self._transaction.rows(
                select(book_movement).where(
                    book_movement.c.portfolio_id == portfolio, book_movement.c.id.in_(part)
                )
            )
            found.update((row.id, movements.read(row)) for row in rows)
        return found

    async def version(self, portfolio: str) -> int:
        """Counts the changes to the portfolio's facts, judgments and wallets; 0 before the first."""
        await settle(self._transaction)
        row = await self._transaction.row(select(table.c.facts_version).where(table.c.id == portfolio))
        return 0 if row is None else int(row.facts_version)

    async def mark_stale(self, addresses: Iterable[str]) -> None:
        """Raise the version of every portfolio that watches one of these addresses."""
        await raise_version(self._transaction, await watchers(self._transaction, addresses))

    async def stale(self) -> tuple[str, ...]:
        """Portfolios whose version is not the one their book was built from (or that have no book yet)."""
        await settle(self._transaction)
        rows = await self._transaction.rows(
            select(table.c.id)
            .select_from(table.outerjoin(book, book.c.portfolio_id == table.c.id))
            .where(or_(book.c.portfolio_id.is_(None), book.c.facts_version != table.c.facts_version))
            .order_by(table.c.id)
        )
        return tuple(row.id for row in rows)

    async def _fill(self, portfolio: str, table: Table, values: Sequence[T]) -> None:
        for part in chunks(enumerate(values), 10 * CHUNK):
            await self._transaction.run(
                table.insert(),
                [{"portfolio_id": portfolio, "place": place, **_columns(value)} for place, value in part],
            )

    async def _read(self, portfolio: str, table: Table, kind: type[T]) -> tuple[T, ...]:
        names = [field.name for field in dataclasses.fields(kind)]
        rows = await self._transaction.rows(
            select(*(table.c[name] for name in names))
            .where(table.c.portfolio_id == portfolio)
            .order_by(table.c.place)
        )
        return tuple(_value(kind, row) for row in rows)


def _place(kind: str, cursor: str, head: BookSnapshot | None) -> int:
    stamp, place = cursors.read(kind, cursor, (str, int))
    if head is None or stamp != head.fingerprint:
        raise InputError("the book has changed since this cursor was given: start again without a cursor")
    return int(place)


def _columns(value: Lot | Disposal | Income | BookGap | DisputedPrice) -> dict[str, Any]:
    fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    return {name: item.value if isinstance(item, Enum) else item for name, item in fields}


def _value(kind: type[T], row: Row[Any]) -> T:
    return kind(
        **{
            name: _MEANING[name](item) if name in _MEANING else item
            for name, item in as_dict(row).items()
            if name != "place"
        }
    )
