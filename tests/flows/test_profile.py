"""The tax profile and tax wallets: what is refused, what the notes say, and that the books follow."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from indexer.flows.profile import check, default_for, in_force, set_profile, show_profiles
from indexer.model.errors import InputError
from indexer.model.profile import Method, Scope, TaxProfile, WashSales
from indexer.tax.rules import jurisdictions
from tests.api.conftest import opened

US = TaxProfile()


@pytest.mark.parametrize("code", sorted(jurisdictions()))
def test_every_country_s_own_choice_is_allowed(code: str) -> None:
    profile = default_for(code)
    check(profile)
    assert profile.currency == jurisdictions()[code].currency


def test_every_country_but_none_names_its_methods() -> None:
    silent = {code for code, rules in jurisdictions().items() if not rules.methods}
    assert silent == {"-"}
    for rules in jurisdictions().values():
        assert all(row.methods and row.source for row in rules.methods)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (replace(US, jurisdiction="XX"), "unknown jurisdiction"),
        (replace(US, timezone="Mars/Olympus"), "IANA"),
        (replace(US, timezone="../../etc/passwd"), "IANA"),
        (replace(US, timezone="Europe"), "IANA"),
        (replace(US, timezone=""), "IANA"),
        (replace(US, currency="usd"), "ISO 4217"),
        (replace(US, filing_status="married"), "married-joint"),
        (replace(US, method=Method.AVERAGE), "does not allow the method average"),
        (replace(US, method=Method.POOLED), "fifo, lifo"),
        (replace(default_for("UK"), method=Method.FIFO), "TCGA"),
        (replace(US, methods_by_year={2024: Method.AVERAGE}), "average"),
        (replace(US, wash_group="wide"), "strict or broad"),
        (replace(US, wash_sales=WashSales.FROM_DATE), "wash_from"),
        (replace(US, wash_from=date(2026, 1, 1)), "wash_from"),
        (replace(US, since=date(1999, 1, 1)), "since"),
        (replace(US, since=date(9999, 1, 1)), "since"),
    ],
)
def test_what_cannot_be_booked_is_refused_by_name(profile: TaxProfile, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check(profile)


def test_the_profile_in_force_follows_its_own_zone() -> None:
    later = replace(US, since=date(2026, 7, 1), timezone="Pacific/Auckland", method=Method.HIFO)
    before = datetime(2026, 6, 30, 11, 59, tzinfo=UTC)
    assert in_force((US, later), before) is US
    assert in_force((US, later), before.replace(hour=12)) is later
    assert in_force((later,), before) is later, "the first one covers what was before it"


async def test_profiles_are_kept_by_day_and_told_with_their_notes(database_url: str) -> None:
    async with opened(database_url) as instance:
        services = instance.services
        first = await show_profiles(services, "default")
        assert (first.is_default, first.current.profile) == (True, US)
        found = await set_profile(services, "default", replace(US, scope=Scope.UNIVERSAL))
        assert not found.is_default
        assert "2025-01-01" in found.current.notes[0]
        assert "1.1012-1(j)" in found.current.notes[0]
        later = replace(US, since=date(2026, 1, 1), wash_sales=WashSales.AS_IF)
        found = await set_profile(services, "default", later)
        assert [view.profile.since for view in found.all] == [US.since, later.since]
        assert found.current.profile == later
        assert "on your request" in found.current.notes[0]
        assert await show_profiles(services, "default") == found
        async with services.ledger.read() as work:
            assert await work.tenants.profile("default") == tuple(view.profile for view in found.all)
        other = await show_profiles(services, "other")
        assert other.is_default


async def test_what_the_engine_cannot_combine_is_refused_before_it_is_kept(database_url: str) -> None:
    async with opened(database_url) as instance:
        average = replace(default_for("-"), method=Method.AVERAGE, wash_sales=WashSales.AS_IF)
        with pytest.raises(InputError, match="wash window"):
            await set_profile(instance.services, "default", average)
        assert (await show_profiles(instance.services, "default")).is_default
