"""The user's own quotes: a file is taken whole or not at all."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from indexer.model.errors import InputError
from indexer.model.prices import PriceNeed, PriceQuote
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.fake import FakeSource
from indexer.prices.fx import EcbRates
from indexer.prices.manual import import_quotes, parse_csv
from indexer.prices.service import Prices
from tests.prices.world import ASSETS, ETH, PAST, VAULT, TurnedClock

GOOD = """\
time,asset,price,currency
2024-03-05T16:00:00+01:00,eip155:1/slip44:60,3500.25,
2024-03-06,eip155:1/erc20:0x83F20F44975D03B1B09E64809B757C47F942BEEA,0,EUR
"""


def test_good_rows_are_read_to_the_digit() -> None:
    quotes = parse_csv(GOOD, "USD")
    assert quotes[0] == PriceQuote(
        ETH.id, "USD", datetime(2024, 3, 5, 15, tzinfo=UTC), Decimal("3500.25"), "manual"
    )
    assert [quote.instant.hour for quote in quotes[1:]] == [0, 6, 12, 18]
    assert {(quote.asset, quote.currency, quote.price) for quote in quotes[1:]} == {
        (VAULT.id, "EUR", Decimal(0))
    }


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2024-03-05T16:00:00,eip155:1/slip44:60,1", "names no zone"),
        ("yesterday,eip155:1/slip44:60,1", "is no time"),
        ("2024-03-05,ETH,1", "is no CAIP-19 id"),
        ("2024-03-05,eip155:1/slip44:60,", "is no price"),
        ("2024-03-05,eip155:1/slip44:60,-1", "is no price"),
        ("2024-03-05,eip155:1/slip44:60,NaN", "is no price"),
        ('2024-03-05,eip155:1/slip44:60,"1,5"', "is no price"),
        ("2024-03-05,eip155:1/slip44:60,1,dollar", "is no currency"),
        ("2024-03-05T16:00:00+01:00,eip155:1/slip44:60,3501", "another price than line 2"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(row: str, problem: str) -> None:
    with pytest.raises(InputError, match="nothing was imported: line 4") as error:
        parse_csv(GOOD + row + "\n", "USD")
    assert problem in str(error.value)


def test_many_wrong_lines_are_counted() -> None:
    rows = "".join(f"2024-03-05,eip155:1/slip44:60,x{number}\n" for number in range(25))
    with pytest.raises(InputError, match="and 15 more"):
        parse_csv("time,asset,price\n" + rows, "USD")


@pytest.mark.parametrize("text", ["", "asset,price\n", "a;b;c\n"])
def test_a_file_without_the_columns_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="lacks the column"):
        parse_csv(text, "USD")


async def test_an_imported_quote_wins_at_once_and_in_every_currency(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    rates = EcbRates(clock, None)
    prices = Prices([source], cache, clock, fx=rates)
    needs = {currency: PriceNeed(ETH.id, PAST, currency) for currency in ("USD", "EUR", "GBP")}
    await prices.resolve(needs.values(), ASSETS)
    text = f"asset,time,price,currency\n{ETH.id},{(PAST + timedelta(hours=2)).isoformat()},3000,EUR\n"
    report = await import_quotes(parse_csv(text, "USD"), cache, rates)
    assert (report.rows, report.assets, report.unconverted) == (1, 1, 0)
    answers = await prices.resolve(needs.values(), ASSETS)
    to_dollars = await rates.rate("EUR", "USD", PAST.date())
    to_pounds = await rates.rate("EUR", "GBP", PAST.date())
    assert to_dollars is not None
    assert to_pounds is not None
    expected = {"EUR": Decimal(1), "USD": to_dollars.rate, "GBP": to_pounds.rate}
    for currency, need in needs.items():
        quote = answers[need]
        assert isinstance(quote, PriceQuote)
        assert quote.source == "manual"
        assert abs(quote.price - 3000 * expected[currency]) < Decimal("1e-20")
    exact = answers[needs["EUR"]]
    assert isinstance(exact, PriceQuote)
    assert exact.price == 3000


async def test_an_import_ends_an_unknown_that_was_remembered(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    prices = Prices([FakeSource()], cache, clock)
    need = PriceNeed(VAULT.id, PAST)
    assert not isinstance((await prices.resolve([need], ASSETS))[need], PriceQuote)
    await import_quotes(
        parse_csv(f"asset,time,price\n{VAULT.id},{PAST.date().isoformat()},1.05\n", "USD"),
        cache,
        EcbRates(clock, None),
    )
    quote = (await prices.resolve([need], ASSETS))[need]
    assert isinstance(quote, PriceQuote)
    assert quote.price == Decimal("1.05")


async def test_a_currency_ecb_does_not_know_is_counted(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    text = f"asset,time,price,currency\n{ETH.id},{PAST.isoformat()},9,XOF\n"
    report = await import_quotes(parse_csv(text, "USD"), cache, EcbRates(clock, None))
    assert report.unconverted == 1
    need = PriceNeed(ETH.id, PAST, "XOF")
    quote = (await Prices([], cache, clock).resolve([need], ASSETS))[need]
    assert isinstance(quote, PriceQuote)
    assert quote.price == 9
