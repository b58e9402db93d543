"""Stored quotes: facts shared by all portfolios."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from sqlalchemy import DateTime, Integer, Numeric, Text, bindparam, select, type_coerce

from indexer.model.prices import PriceNeed, PriceQuote
from indexer.store.tables import quote as table
from indexer.store.transaction import CHUNK, Transaction, chunks
from indexer.store.types import EPOCH, MICROSECOND

_NATIVE_TIME = DateTime(timezone=True).with_variant(Integer(), "sqlite")
_NATIVE_PRICE = Numeric().with_variant(Text(), "sqlite")

# As the driver hands them over: the types' own conversions, value by value, took half of a warm answer's time.
_BETWEEN = (
    select(
        type_coerce(table.c.instant, _NATIVE_TIME),
        table.c.source,
        type_coerce(table.c.price, _NATIVE_PRICE),
        table.c.distance,
        table.c.confidence,
        table.c.via,
        table.c.rival_source,
        type_coerce(table.c.rival_price, _NATIVE_PRICE),
    )
    .where(table.c.asset == bindparam("asset"), table.c.currency == bindparam("currency"))
    .where(table.c.instant.between(bindparam("first"), bindparam("last")))
    .order_by(table.c.instant)
)
"""The quotes of one asset in a range of time: one look-up in the table's key."""

_REPLACED = ("price", "distance", "confidence", "via", "rival_source", "rival_price")


class _Wanted(NamedTuple):
    """Needs of one asset in one currency, and their instants in microseconds since 1970."""

    needs: list[PriceNeed]
    instants: list[int]


class Transactions(Protocol):
    """What opens transactions: the ledger."""

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """A snapshot."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """A writing transaction."""
        ...


class SqlQuoteCache:
    """Implements `indexer.model.prices.QuoteCache`; every call is a transaction of its own."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def load(self, needs: Sequence[PriceNeed], within: timedelta) -> dict[PriceNeed, list[PriceQuote]]:
        """Stored quotes within the bound of each need: at most the nearest of each source."""
        found: dict[PriceNeed, list[PriceQuote]] = {}
        by_pair: dict[tuple[str, str], _Wanted] = {}
        for need in needs:
            asset, instant, currency = need
            wanted = by_pair.get((asset, currency))
            if wanted is None:
                wanted = by_pair[asset, currency] = _Wanted([], [])
            wanted.needs.append(need)
            wanted.instants.append((instant - EPOCH) // MICROSECOND)
        if not by_pair:
            return found
        async with self._transactions.reading() as transaction:
            for (asset, currency), wanted in by_pair.items():
                values = {
                    "asset": asset,
                    "currency": currency,
                    "first": EPOCH + min(wanted.instants) * MICROSECOND - within,
                    "last": EPOCH + max(wanted.instants) * MICROSECOND + within,
                }
                rows = (await transaction.run(_BETWEEN, values)).all()
                if rows:
                    _choose(rows, wanted, within // MICROSECOND, found)
        return found

    async def save(self, quotes: Sequence[PriceQuote]) -> None:
        """Keep quotes; one of the same (asset, currency, instant, source) is replaced."""
        rows = {
            (quote.asset, quote.currency, quote.instant, quote.source): {
                "asset": quote.asset,
                "currency": quote.currency,
                "instant": quote.instant,
                "source": quote.source,
                "price": quote.price,
                "distance": quote.distance // MICROSECOND,
                "confidence": quote.confidence,
                "via": quote.via,
                "rival_source": None if quote.rival is None else quote.rival.source,
                "rival_price": None if quote.rival is None else quote.rival.price,
            }
            for quote in quotes
        }
        if not rows:
            return
        ordered = [rows[key] for key in sorted(rows)]  # one order everywhere: two savers cannot deadlock
        async with self._transactions.writing() as transaction:
            new = transaction.insert(table)
            replaced = {name: new.excluded[name] for name in _REPLACED}
            statement = new.on_conflict_do_update(
                index_elements=["asset", "currency", "instant", "source"], set_=replaced
            )
            for part in chunks(ordered, 10 * CHUNK):
                await transaction.run(statement, part)


class _Series(NamedTuple):
    """What one source said about one asset: instants in microseconds since 1970, and the rest of each row."""

    source: str
    instants: list[int]
    said: list[Sequence[Any]]


def _by_source(rows: Iterable[Any]) -> list[_Series]:
    """Rows, which come in order of their instants, by source in order of the names."""
    found: dict[str, _Series] = {}
    for instant, source, *said in rows:
        series = found.get(source)
        if series is None:
            series = found[source] = _Series(source, [], [])
        series.instants.append(instant if type(instant) is int else (instant - EPOCH) // MICROSECOND)
        series.said.append(said)
    return [found[source] for source in sorted(found)]


def _choose(
    rows: Iterable[Any], wanted: _Wanted, within: int, found: dict[PriceNeed, list[PriceQuote]]
) -> None:
    """For each need the nearest row of each source."""
    several = _by_source(rows)
    for need, wish in zip(wanted.needs, wanted.instants, strict=True):
        near = []
        for source, instants, said in several:
            place = _nearest(instants, wish)
            off = instants[place] - wish
            if -within <= off <= within:
                near.append(_quote(need, off, source, said[place]))
        if near:
            found[need] = near


def _nearest(instants: Sequence[int], wish: int) -> int:
    """Place of the instant that is nearest in a sorted, non-empty list; the earlier one of two equally near."""
    at = bisect_left(instants, wish)
    if at == len(instants):
        return at - 1
    return at if at == 0 or instants[at] - wish < wish - instants[at - 1] else at - 1


def _quote(need: PriceNeed, off: int, source: str, said: Sequence[Any]) -> PriceQuote:
    """The quote of a row that stands `off` microseconds from the need."""
    price, distance, confidence, via, rival_source, rival_price = said
    instant = need.instant.astimezone(UTC)
    quote = PriceQuote(  # by position: with names it takes half as long again, and this runs for every lot
        need.asset,
        need.currency,
        instant + off * MICROSECOND if off else instant,
        Decimal(price),
        source,
        distance * MICROSECOND,
        confidence,
        via,
    )
    if rival_source is None:
        return quote
    rival = replace(quote, source=rival_source, price=Decimal(rival_price), confidence=None)
    return replace(quote, rival=rival)
