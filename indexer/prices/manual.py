"""The user's own quotes from a CSV file: read whole, checked whole, kept whole or not at all.

Columns, by a header line in any order: `asset` (CAIP-19 id), `time` (ISO 8601; with a zone, or a bare date),
`price` (of one whole token; zero is believed), `currency` (ISO 4217, the portfolio's own when left out). A bare date
stands for its whole UTC day and is kept at four instants of it.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from indexer.model.errors import InputError
from indexer.model.money import CONTEXT
from indexer.model.prices import PriceQuote, QuoteCache
from indexer.prices.asking import DOLLAR
from indexer.prices.fx import FxRates
from indexer.prices.rounding import rounded
from indexer.prices.settings import USER

_COLUMNS = ("asset", "time", "price", "currency")
_SHOWN = 10
"""Problems that an error lists before it only counts."""

_CAIP19 = re.compile(
    r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}(/[-.%a-zA-Z0-9]{1,78})?"
)
_CURRENCY = re.compile(r"[A-Z]{3}")
_DAY_HOURS = (0, 6, 12, 18)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came of an import. `unconverted` counts rows that no ECB rate could turn into dollars."""

    rows: int
    assets: int
    first: datetime | None
    last: datetime | None
    unconverted: int


class _RowError(ValueError):
    """What is wrong with one row."""


def parse_csv(text: str, currency: str) -> tuple[PriceQuote, ...]:
    """Read the user's quotes; `currency` counts where a row names none.

    Raises:
        InputError: naming the lines at fault; nothing of the file is used then.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = header
    lacking = [name for name in _COLUMNS[:3] if name not in header]
    if lacking:
        raise InputError(
            f"the file lacks the column {', '.join(lacking)}: its first line must name asset, time and price, "
            "and may name currency."
        )
    quotes: dict[tuple[str, str, datetime], tuple[int, PriceQuote]] = {}
    problems: list[str] = []
    for row in reader:
        if not any(isinstance(value, str) and value.strip() for value in row.values()):
            continue
        try:
            for quote in _quotes(row, currency):
                _add(quotes, quote, reader.line_num)
        except _RowError as problem:
            problems.append(f"line {reader.line_num}: {problem}")
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError("nothing was imported: " + "; ".join(problems[:_SHOWN]) + more)
    return tuple(quote for _, quote in quotes.values())


def _add(
    quotes: dict[tuple[str, str, datetime], tuple[int, PriceQuote]], quote: PriceQuote, line: int
) -> None:
    key = (quote.asset, quote.currency, quote.instant)
    earlier = quotes.get(key)
    if earlier is not None and earlier[1].price != quote.price:
        raise _RowError(f"another price than line {earlier[0]} for the same asset and time")
    quotes[key] = (line, quote)


def _quotes(row: Mapping[str, str | None], currency: str) -> list[PriceQuote]:
    asset = (row.get("asset") or "").strip()
    if not _CAIP19.fullmatch(asset):
        raise _RowError(f"{asset[:60]!r} is no CAIP-19 id such as eip155:1/slip44:60")
    if asset.startswith("eip155:"):
        asset = asset.lower()
    wanted = (row.get("currency") or "").strip().upper() or currency
    if not _CURRENCY.fullmatch(wanted):
        raise _RowError(f"{wanted[:20]!r} is no currency such as USD")
    price = _price((row.get("price") or "").strip())
    return [
        PriceQuote(asset, wanted, instant, price, USER)
        for instant in _instants((row.get("time") or "").strip())
    ]


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise _RowError(f"{text[:30]!r} is no price; write it like 1234.56") from None
    if not price.is_finite() or price < 0:
        raise _RowError(f"{text[:30]!r} is no price")
    return price


def _instants(text: str) -> list[datetime]:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return [datetime.combine(day, time(hour), tzinfo=UTC) for hour in _DAY_HOURS]
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _RowError(f"{text[:40]!r} is no time such as 2025-03-01T12:00:00Z or 2025-03-01") from None
    if instant.tzinfo is None:
        raise _RowError(f"{text[:40]!r} names no zone; end it with Z for UTC")
    return [instant.astimezone(UTC)]


async def import_quotes(quotes: Iterable[PriceQuote], cache: QuoteCache, fx: FxRates) -> ImportReport:
    """Keep the user's quotes, and beside those in another currency their worth in dollars by the day's rate.

    Books in the row's own currency use the row as it is; every other book goes through dollars.
    """
    given = list(quotes)
    kept = list(given)
    unconverted = 0
    for quote in given:
        if quote.currency == DOLLAR:
            continue
        found = await fx.rate(quote.currency, DOLLAR, quote.instant.date())
        if found is None:
            unconverted += 1
            continue
        price = rounded(CONTEXT.multiply(quote.price, found.rate))
        kept.append(replace(quote, currency=DOLLAR, price=price, via=f"ecb:{quote.currency}"))
    await cache.save(kept)
    instants = [quote.instant for quote in given]
    return ImportReport(
        rows=len(given),
        assets=len({quote.asset for quote in given}),
        first=min(instants, default=None),
        last=max(instants, default=None),
        unconverted=unconverted,
    )
