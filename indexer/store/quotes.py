"""Stored quotes: facts shared by all portfolios."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Row, select

from indexer.model.prices import PriceNeed, PriceQuote
from indexer.store.tables import quote as table
from indexer.store.transaction import CHUNK, Transaction, chunks
from indexer.store.types import MICROSECOND


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
        by_pair: dict[tuple[str, str], list[PriceNeed]] = defaultdict(list)
        for need in needs:
            by_pair[need.asset, need.currency].append(need)
        if not by_pair:
            return found
        async with self._transactions.reading() as transaction:
            for (asset, currency), wanted in by_pair.items():
                first = min(need.instant for need in wanted) - within
                last = max(need.instant for need in wanted) + within
                rows = await transaction.rows(
                    select(table)
                    .where(table.c.asset == asset, table.c.currency == currency)
                    .where(table.c.instant.between(first, last))
                    .order_by(table.c.instant)
                )
                _choose(rows, wanted, within, found)
        return {need: found[need] for need in needs if need in found}

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
            }
            for quote in quotes
        }
        if not rows:
            return
        ordered = [rows[key] for key in sorted(rows)]  # one order everywhere: two savers cannot deadlock
        async with self._transactions.writing() as transaction:
            new = transaction.insert(table)
            replaced = {name: new.excluded[name] for name in ("price", "distance", "confidence", "via")}
            statement = new.on_conflict_do_update(
                index_elements=["asset", "currency", "instant", "source"], set_=replaced
            )
            for part in chunks(ordered, 10 * CHUNK):
                await transaction.run(statement, part)


def _choose(
    rows: Sequence[Row[Any]],
    wanted: Sequence[PriceNeed],
    within: timedelta,
    found: dict[PriceNeed, list[PriceQuote]],
) -> None:
    """For each need the nearest row of each source; rows come in order of their instants."""
    by_source: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append(row)
    for source in sorted(by_source):
        mine = by_source[source]
        instants = [row.instant for row in mine]
        for need in set(wanted):
            nearest = mine[_nearest(instants, need.instant)]
            if abs(nearest.instant - need.instant) <= within:
                found.setdefault(need, []).append(_quote(nearest))


def _nearest(instants: Sequence[datetime], wanted: datetime) -> int:
    """Place of the instant that is nearest in a sorted, non-empty list; the earlier one of two equally near."""
    at = bisect_left(instants, wanted)
    if at in (0, len(instants)):
        return min(at, len(instants) - 1)
    return at if instants[at] - wanted < wanted - instants[at - 1] else at - 1


def _quote(row: Row[Any]) -> PriceQuote:
    return PriceQuote(
        asset=row.asset,
        currency=row.currency,
        instant=row.instant,
        price=row.price,
        source=row.source,
        distance=row.distance * MICROSECOND,
        confidence=row.confidence,
        via=row.via,
    )
