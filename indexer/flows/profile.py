"""The tax profile: which law, since when, in which money, by which method. Changing it derives the book anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from indexer.flows.services import Services
from indexer.model.errors import ConflictError, InputError, NotFoundError
from indexer.model.profile import Method, TaxProfile, WashSales
from indexer.tax.days import to_us
from indexer.tax.jurisdiction import Jurisdiction, Kernel
from indexer.tax.plan import Plan
from indexer.tax.rules import jurisdiction

EVERYONE = "single"
"""Filing status where the law knows none."""

FIRST_DAY = TaxProfile().since
LAST_DAY = date(2200, 1, 1)


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A dated profile with what its owner should know of it."""

    profile: TaxProfile
    country: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Profiles:
    """Every dated profile, oldest first, and the one in force now."""

    all: tuple[ProfileView, ...]
    current: ProfileView
    is_default: bool
    """Nobody has set one."""


async def show_profiles(services: Services, portfolio: str) -> Profiles:
    """The portfolio's profiles."""
    async with services.ledger.read() as work:
        own = await work.tenants.own_profiles(portfolio)
    return _view(own, services.clock.now())


async def set_profile(services: Services, portfolio: str, profile: TaxProfile) -> Profiles:
    """Store a profile for its `since`; the book becomes stale.

    Raises:
        InputError: an unknown country, zone, currency, filing status or wash group; a method that the country does
            not allow; a window that the method cannot work with.
        ConflictError: another dated profile counts in another currency.
    """
    check(profile)
    now = services.clock.now()
    async with services.ledger.write() as work:
        await work.tenants.ensure_portfolio(portfolio, now)
        known = await work.tenants.own_profiles(portfolio)
        together = sorted(
            [*(one for one in known if one.since != profile.since), profile], key=lambda one: one.since
        )
        for other in together:
            if other.currency != profile.currency:
                raise ConflictError(
                    f"the profile since {other.since} counts in {other.currency}, this one in {profile.currency}: "
                    "cost is carried from one to the next, so that all share a currency. Remove the other one first"
                )
        _try_plan(together)
        await work.tenants.set_profile(portfolio, profile)
    return _view(together, now)


async def remove_profile(services: Services, portfolio: str, since: date) -> Profiles:
    """Forget the profile of a day; the one before it then holds on, or the default one.

    Raises:
        NotFoundError: there is none.
    """
    async with services.ledger.write() as work:
        if not await work.tenants.remove_profile(portfolio, since):
            raise NotFoundError(f"there is no tax profile since {since}: GET /v1/profile lists them")
        left = await work.tenants.own_profiles(portfolio)
    return _view(left, services.clock.now())


def in_force(profiles: Sequence[TaxProfile], now: datetime) -> TaxProfile:
    """The profile that holds now; the first one covers what was before it."""
    plan = Plan(profiles)
    return plan.profile_at(to_us(now.astimezone(UTC)))


def default_for(code: str) -> TaxProfile:
    """A profile with a country's own currency, method and scope.

    Raises:
        InputError: there is no such country.
    """
    rules = jurisdiction(code)
    scope = rules.scopes[-1].scope if rules.scopes else TaxProfile().scope
    return TaxProfile(jurisdiction=code, currency=rules.currency, method=rules.default_method, scope=scope)


def check(profile: TaxProfile) -> None:
    """Refuse what cannot be booked.

    Raises:
        InputError: the text says which field, and what it takes.
    """
    rules = jurisdiction(profile.jurisdiction)
    _check_zone(profile.timezone)
    if not (len(profile.currency) == 3 and profile.currency.isascii() and profile.currency.isupper()):
        raise InputError("currency must be an ISO 4217 code of three capital letters, such as EUR")
    statuses = sorted({row.status for row in rules.rows if row.status} | {EVERYONE})
    if profile.filing_status not in statuses:
        raise InputError(f"filing_status: {rules.name} knows {', '.join(statuses)}")
    for method in (profile.method, *profile.methods_by_year.values(), *profile.methods_by_pool.values()):
        _check_method(method, rules)
    if profile.wash_group not in ("strict", "broad"):
        raise InputError("wash_group must be strict or broad")
    if (profile.wash_sales is WashSales.FROM_DATE) != (profile.wash_from is not None):
        raise InputError(
            'wash_from goes with wash_sales "from", and is needed there: the first day that counts'
        )
    if not FIRST_DAY <= profile.since < LAST_DAY:
        raise InputError(f"since must lie between {FIRST_DAY} and {LAST_DAY}")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # OSError: the name of a folder of zones
        raise InputError("timezone must be an IANA name such as Europe/London") from error


def _check_method(method: Method, rules: Jurisdiction) -> None:
    """The methods of the law as it stands last: it is not dated back in any country known here."""
    allowed = rules.methods_on(LAST_DAY)
    if allowed is not None and method not in allowed.methods:
        raise InputError(
            f"{rules.name} does not allow the method {method.value}: "
            f"use {', '.join(one.value for one in allowed.methods)} ({allowed.source})"
        )


def _try_plan(profiles: Sequence[TaxProfile]) -> None:
    """Let the engine lay out the rules of every year: what it cannot combine, it refuses here and not in a rebuild."""
    plan = Plan(profiles)
    plan.segments(to_us(datetime.combine(FIRST_DAY, datetime.min.time(), UTC)), to_us(_LAST))


_LAST = datetime.combine(LAST_DAY, datetime.min.time(), UTC)


def _view(own: Sequence[TaxProfile], now: datetime) -> Profiles:
    profiles = own or (TaxProfile(),)
    ends = [*(profile.since for profile in profiles[1:]), LAST_DAY]
    views = {
        profile.since: ProfileView(profile, jurisdiction(profile.jurisdiction).name, _notes(profile, end))
        for profile, end in zip(profiles, ends, strict=True)
    }
    return Profiles(
        all=tuple(views.values()),
        current=views[in_force(profiles, now).since],
        is_default=not own,
    )


def _notes(profile: TaxProfile, end: date) -> tuple[str, ...]:
    """Where the choices and the law differ, one sentence each."""
    rules, notes = jurisdiction(profile.jurisdiction), list[str]()
    pooled = rules.pooled is not Kernel.LOTS
    ends = [*(row.since for row in rules.scopes[1:]), LAST_DAY]
    for row, until in zip(rules.scopes, ends, strict=True):
        reigns = row.since < end and until > profile.since
        if reigns and not pooled and row.scope is not profile.scope:
            notes.append(f"from {row.since} the law asks for scope {row.scope.value}: {row.source}")
    spared = [window for window in rules.windows if not window.reaches_crypto]
    if spared and profile.wash_sales in (WashSales.AS_IF, WashSales.FROM_DATE):
        notes.append(f"the wash window is applied on your request, not by law: {spared[-1].source}")
    reaching = [window for window in rules.windows if window.reaches_crypto]
    if reaching and profile.wash_sales is WashSales.NEVER:
        notes.append(f"the wash window is left out, against the law: {reaching[-1].source}")
    if profile.currency != rules.currency:
        notes.append(f"{rules.name} is filed in {rules.currency}; these books count in {profile.currency}")
    return tuple(notes)
