"""Days and terms."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.model.errors import InputError
from indexer.model.lots import Term
from indexer.model.profile import TaxProfile
from indexer.tax.days import Days, from_us, to_us
from indexer.tax.term import long_from, tax_day, term_of

ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe")
INSTANTS = st.integers(157_766_400, 2_114_380_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(INSTANTS, st.sampled_from(ZONES))
def test_a_tax_day_is_the_zones_own_calendar_day(at: datetime, zone: str) -> None:
    assert Days(zone).day(to_us(at)) == at.astimezone(ZoneInfo(zone)).toordinal()
    assert tax_day(at, TaxProfile(timezone=zone)) == at.astimezone(ZoneInfo(zone)).date()
    assert from_us(to_us(at)) == at


@pytest.mark.parametrize("zone", ZONES)
def test_every_hour_around_a_change_of_the_clock(zone: str) -> None:
    days = Days(zone)
    for start in (
        datetime(2024, 3, 9, tzinfo=UTC),
        datetime(2024, 10, 26, tzinfo=UTC),
        datetime(2011, 12, 29, tzinfo=UTC),
    ):
        for minutes in range(0, 3 * 1440, 15):
            at = start + timedelta(minutes=minutes)
            assert days.day(to_us(at)) == at.astimezone(ZoneInfo(zone)).toordinal()


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(InputError, match="unknown time zone"):
        Days("Mars/Base")


@pytest.mark.parametrize(
    ("country", "bought", "long"),
    [
        ("US", "2024-01-01", "2025-01-02"),
        ("US", "2023-02-28", "2024-03-01"),
        ("US", "2024-02-28", "2025-03-01"),
        ("US", "2024-02-29", "2025-03-01"),
        ("US", "2023-12-31", "2025-01-01"),
        ("DE", "2023-02-28", "2024-02-29"),
        ("DE", "2024-02-29", "2025-03-01"),
        ("AU", "2023-02-02", "2024-02-03"),
        ("UK", "2023-02-02", None),
    ],
)
def test_long_begins_the_day_after_the_anniversary(country: str, bought: str, long: str | None) -> None:
    profile, start = TaxProfile(jurisdiction=country), date.fromisoformat(bought)
    first = long_from(start, profile)
    assert (first and first.isoformat()) == long
    if first is not None:
        assert term_of(start, first, profile) is Term.LONG
        assert term_of(start, first - timedelta(days=1), profile) is Term.SHORT
