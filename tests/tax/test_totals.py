"""Years: netting, limits, exemptions and what is carried on, country by country."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from indexer.model.money import FIAT_ONE, fiat_from_decimal
from indexer.tax.document import read_document
from indexer.tax.engine import build
from indexer.tax.rules import jurisdiction, jurisdictions
from indexer.tax.totals import Carry, YearTotals, settle, yearly


def years(code: str, *given: Sequence[int], status: str = "single", first: int = 2025) -> list[YearTotals]:
    """Settle years of (short gains, short losses, long gains, long losses) in whole units."""
    rules = jurisdiction(code)
    raw = {}
    for offset, (short_gains, short_losses, long_gains, long_losses) in enumerate(given):
        raw[first + offset] = YearTotals(
            first + offset,
            rules.year_begins(first + offset),
            short_gains * FIAT_ONE,
            short_losses * FIAT_ONE,
            long_gains * FIAT_ONE,
            long_losses * FIAT_ONE,
            proceeds=(short_gains + long_gains) * FIAT_ONE,
        )
    return settle(raw, lambda _: rules, status)


def whole(amount: int) -> int:
    assert amount % FIAT_ONE == 0
    return int(amount // FIAT_ONE)


def test_us_short_losses_meet_short_gains_then_long_ones() -> None:
    (year,) = years("US", (1000, 4000, 5000, 500))
    assert (whole(year.taxable_short), whole(year.taxable_long), year.deducted) == (0, 1500, 0)


def test_us_a_net_loss_is_deducted_to_3000_dollars_short_first_and_keeps_its_character() -> None:
    first, second = years("US", (0, 2000, 0, 9000), (500, 0, 1000, 0))
    assert whole(first.deducted) == 3000
    assert (first.carried_out.short, whole(first.carried_out.long)) == (0, 8000)
    assert second.carried_in == first.carried_out
    # 8000 long meets 1000 long, then 500 short; 3000 more are deducted.
    assert (second.taxable, whole(second.deducted)) == (0, 3000)
    assert second.carried_out == Carry(0, 3500 * FIAT_ONE)


def test_us_half_the_limit_for_married_filing_separately() -> None:
    (year,) = years("US", (0, 2000, 0, 0), status="married-separate")
    assert (whole(year.deducted), whole(year.carried_out.short)) == (1500, 500)


def test_uk_losses_brought_forward_stop_at_the_exempt_amount() -> None:
    first, second = years("UK", (0, 5000, 0, 0), (6000, 1000, 0, 0))
    assert whole(first.carried_out.total) == 5000
    # 6000 - 1000 of the year = 5000; 2000 of the earlier loss bring it down to 3000, which is exempt.
    assert (whole(second.exempt), second.taxable, whole(second.carried_out.total)) == (3000, 0, 3000)


def test_uk_the_years_own_losses_are_used_even_below_the_exempt_amount() -> None:
    (year,) = years("UK", (2500, 1000, 0, 0))
    assert (whole(year.exempt), year.taxable, year.carried_out.total) == (1500, 0, 0)


@pytest.mark.parametrize(("gain", "taxable"), [(999, 0), (1000, 1000), (5000, 5000)])
def test_de_the_limit_is_a_cliff(gain: int, taxable: int) -> None:
    (year,) = years("DE", (gain, 0, 7000, 0))
    assert whole(year.taxable) == taxable


def test_de_long_losses_are_worth_nothing_and_short_ones_wait() -> None:
    first, second = years("DE", (0, 800, 0, 500), (3000, 0, 0, 0))
    assert (whole(first.lost), whole(first.carried_out.total)) == (500, 800)
    assert whole(second.taxable) == 2200


def test_de_the_limit_was_600_before_2024() -> None:
    (year,) = years("DE", (700, 0, 0, 0), first=2023)
    assert whole(year.taxable) == 700


def test_au_losses_come_before_the_discount() -> None:
    (year,) = years("AU", (1000, 3000, 5000, 0))
    # 3000 of losses: 1000 against the short gain, 2000 against the long one; half of the remaining 3000 is taxed.
    assert (year.taxable_short, whole(year.taxable_long), whole(year.exempt)) == (0, 1500, 1500)


def test_au_the_discount_ends_with_june_2027() -> None:
    (year,) = years("AU", (0, 0, 1000, 0), first=2028)
    assert jurisdiction("AU").year_begins(2028) == date(2027, 7, 1)
    assert whole(year.taxable) == 1000


def test_ca_half_of_the_net_gain_is_taxed() -> None:
    first, second = years("CA", (0, 400, 0, 0), (1000, 0, 0, 0))
    assert whole(first.carried_out.total) == 400
    assert (whole(second.taxable), whole(second.exempt)) == (300, 300)


def test_ie_all_losses_come_before_the_exemption() -> None:
    first, second = years("IE", (0, 1000, 0, 0), (3000, 0, 0, 0))
    assert whole(first.carried_out.total) == 1000
    assert (whole(second.exempt), whole(second.taxable)) == (1270, 730)


def test_fr_small_sales_are_exempt_and_losses_end_with_the_year() -> None:
    small, loss, gain = years("FR", (305, 0, 0, 0), (0, 900, 0, 0), (400, 0, 0, 0))
    assert (small.taxable, whole(small.exempt)) == (0, 305)
    assert (whole(loss.lost), loss.carried_out.total) == (900, 0)
    assert whole(gain.taxable) == 400


def test_a_year_without_disposals_still_carries() -> None:
    rules = jurisdiction("US")
    raw = {
        year: YearTotals(
            year, rules.year_begins(year), short_losses=loss * FIAT_ONE, short_gains=gain * FIAT_ONE
        )
        for year, gain, loss in ((2023, 0, 10_000), (2025, 5_000, 0))
    }
    settled = settle(raw, lambda _: rules, "single")
    assert [year.year for year in settled] == [2023, 2024, 2025]
    assert [whole(year.deducted) for year in settled] == [3000, 3000, 0]
    assert whole(settled[2].taxable) == 1000


@pytest.mark.parametrize("code", sorted(jurisdictions()))
def test_every_figure_of_a_country_names_its_source(code: str) -> None:
    rules = jurisdiction(code)
    for row in rules.rows:
        assert row.source.strip()
        assert row.until is None or row.since < row.until
    for window in rules.windows:
        assert window.source.strip()
    assert all(scope.source for scope in rules.scopes)


@pytest.mark.parametrize("code", sorted(jurisdictions()))
def test_rows_of_one_name_do_not_overlap(code: str) -> None:
    rows = jurisdiction(code).rows
    for one in rows:
        for other in rows:
            same = (one.name, one.status, one.above) == (other.name, other.status, other.above)
            if one is not other and same:
                assert one.until is not None or other.until is not None
                first, second = sorted((one, other), key=lambda row: row.since)
                assert first.until is not None
                assert first.until <= second.since


def test_us_rates_by_filing_status() -> None:
    bands = jurisdiction("US").bands("long_term_rate", date(2026, 6, 1), "married-joint")
    assert [(str(band.value), band.above) for band in bands] == [
        ("0", Decimal(0)),
        ("0.15", Decimal(98900)),
        ("0.20", Decimal(613700)),
    ]
    assert fiat_from_decimal(bands[1].value) == 15 * 10**16


def test_what_is_carried_into_a_year_without_a_sale_is_shown_there() -> None:
    """Bought for 9,000, sold for 1,000 in 2024: 3,000 lower other income of each year, the rest goes on."""
    document = {
        "currency": "USD",
        "jurisdiction": "US",
        "transactions": [
            {"id": "a", "time": "2024-01-02T00:00:00Z", "type": "buy", "asset": "X", "qty": "1", "gross": "9000"},
            {"id": "s", "time": "2024-02-02T00:00:00Z", "type": "sell", "asset": "X", "qty": "1", "gross": "1000"},
        ],
    }  # fmt: skip
    read = read_document(document)
    book = build(read.movements, read.profiles)
    assert [year.year for year in yearly(book)] == [2024]
    running = yearly(book, until=2026)[-1]
    assert (running.year, whole(running.carried_in.short), whole(running.deducted)) == (2026, 2000, 2000)
    assert running.carried_out == Carry()
    assert [year.year for year in yearly(build([], read.profiles), until=2026)] == [2026]
