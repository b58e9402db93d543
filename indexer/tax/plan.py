"""From dated profiles to segments of time in which one method, scope and wash window hold."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from indexer.model.errors import InputError
from indexer.model.profile import Method, Scope, TaxProfile, WashSales
from indexer.tax.changeover import Allocation
from indexer.tax.days import Days, from_us
from indexer.tax.jurisdiction import Effect, Jurisdiction, Kernel, WashWindow
from indexer.tax.rules import jurisdiction


@dataclass(frozen=True, slots=True)
class Segment:
    """From `start` (microseconds) on these rules hold."""

    start: int
    method: Method
    scope: Scope
    kernel: Kernel
    window: WashWindow | None
    profile: TaxProfile

    def method_of(self, key: tuple[str, ...]) -> Method:
        """The method of a pool: (asset,) for all wallets, else (asset, wallet, ...)."""
        chosen = self.profile.methods_by_pool
        if not chosen:
            return self.method
        asset, *wallet = key
        names = [f"{wallet[0]}/{asset}", wallet[0], asset] if wallet else [asset]
        return next((chosen[name] for name in names if name in chosen), self.method)

    def averages(self) -> bool:
        """Whether some pool keeps an average."""
        return Method.AVERAGE in (self.method, *self.profile.methods_by_pool.values())


class Plan:
    """What holds when, for one portfolio.

    Raises:
        InputError: no profile, an unknown country or zone, or profiles in more than one currency.
    """

    def __init__(
        self, profiles: TaxProfile | Sequence[TaxProfile], allocation: Allocation | None = None
    ) -> None:
        self.allocation = allocation
        given = (profiles,) if isinstance(profiles, TaxProfile) else tuple(profiles)
        if not given:
            raise InputError("a book needs at least one tax profile")
        self.profiles = tuple(sorted(given, key=lambda profile: profile.since))
        if len({profile.currency for profile in self.profiles}) > 1:
            raise InputError(
                "all profiles of one portfolio must share a currency: cost is carried across them"
            )
        self.currency = self.profiles[-1].currency
        self.affiliates = frozenset(
            wallet for profile in self.profiles for wallet in profile.affiliate_wallets
        )
        self._days = {profile.timezone: Days(profile.timezone) for profile in self.profiles}
        self._starts = [self._days[profile.timezone].start(profile.since) for profile in self.profiles]
        self._starts[0] = min(self._starts[0], 0)
        self._only = next(iter(self._days.values())) if len(self._days) == 1 else None
        """The zone, when all profiles share one."""
        self.day: Callable[[int], int] = self._only.day if self._only is not None else self._day_in_force
        """The tax day of an instant as an ordinal."""

    def days(self, instants: Sequence[int]) -> list[int]:
        """The tax days of many instants."""
        return list(map(self.day, instants)) if self._only is None else self._only.days(instants)

    def profile_at(self, us: int) -> TaxProfile:
        """The profile in force at an instant; the first one also covers what came before it."""
        return self.profiles[max(0, bisect_left(self._starts, us + 1) - 1)]

    def rules_at(self, us: int) -> Jurisdiction:
        """The country's rules at an instant."""
        return jurisdiction(self.profile_at(us).jurisdiction)

    def is_affiliate(self, wallet: str) -> bool:
        """Whether a tax wallet is an affiliated person's."""
        return wallet in self.affiliates

    def identity(self, asset: str, families: Mapping[str, str]) -> str:
        """What counts as the same property as an asset in a wash window: itself, or its broad family."""
        broad = any(profile.wash_group == "broad" for profile in self.profiles)
        return families.get(asset, asset) if broad else asset

    def rules_of(self, profile: TaxProfile) -> Jurisdiction:
        """The country's rules of one profile."""
        return jurisdiction(profile.jurisdiction)

    def books_everything_together(self) -> bool:
        """Whether some profile may use a kernel that books all assets as one: known without any event."""
        return any(
            self.rules_of(profile).pooled is Kernel.PORTFOLIO
            and Method.POOLED in (profile.method, *profile.methods_by_year.values())
            for profile in self.profiles
        )

    def _day_in_force(self, us: int) -> int:
        return self._days[self.profile_at(us).timezone].day(us)

    def tax_year(self, us: int) -> int:
        """The tax year of an instant, named as the country names it."""
        return self.rules_at(us).tax_year(date.fromordinal(self.day(us)))

    def segments(self, first: int, last: int) -> list[Segment]:
        """Segments that cover the instants from `first` to `last`, in order of time."""
        cuts = {first}
        for index, profile in enumerate(self.profiles):
            begin = max(first, self._starts[index])
            end = self._starts[index + 1] if index + 1 < len(self._starts) else last + 1
            if begin >= end:
                continue
            cuts.add(begin)
            cuts |= {cut for cut in self._cuts(profile, begin, min(end, last + 1)) if begin < cut < end}
        found = [self._segment(cut) for cut in sorted(cuts) if first <= cut <= last]
        return [
            segment
            for index, segment in enumerate(found)
            if index == 0 or _differs(segment, found[index - 1])
        ]

    def _cuts(self, profile: TaxProfile, begin: int, end: int) -> set[int]:
        """Instants inside a profile's reign at which its method or window may change."""
        rules, days = jurisdiction(profile.jurisdiction), self._days[profile.timezone]
        cuts = {days.start(window.since) for window in rules.windows if window.since.year > 1}
        cuts |= {days.start(window.until) for window in rules.windows if window.until}
        if profile.wash_from:
            cuts.add(days.start(profile.wash_from))
        if profile.methods_by_year:
            years = range(from_us(begin).year - 1, from_us(end).year + 2)
            cuts |= {days.start(rules.year_begins(year)) for year in years}
        return cuts

    def _segment(self, start: int) -> Segment:
        profile = self.profile_at(start)
        rules = jurisdiction(profile.jurisdiction)
        method = profile.methods_by_year.get(self.tax_year(start), profile.method)
        kernel = rules.pooled if method is Method.POOLED else Kernel.LOTS
        window = self._window(profile, rules, date.fromordinal(self.day(start)))
        if method is Method.POOLED and kernel is Kernel.LOTS:
            method = Method.AVERAGE
        if method is Method.AVERAGE and window and window.effect is Effect.SUPERFICIAL:
            kernel = Kernel.ACB
        pools = profile.methods_by_pool.values()
        if Method.POOLED in pools or (pools and kernel is not Kernel.LOTS):
            raise InputError(
                f"methods_by_pool: {rules.name} books all pools as one by the method {method.value}; name methods that "
                "take lots, under a method that does"
            )
        if (
            Method.AVERAGE in (method, *pools)
            and window
            and window.effect in (Effect.DEFER, Effect.RING_FENCE)
        ):
            raise InputError(
                f"average cost has no lots that a wash window of {rules.name} could move a loss to: "
                "choose fifo, lifo, hifo, lofo or spec-id, or switch wash sales off"
            )
        scope = Scope.UNIVERSAL if kernel is not Kernel.LOTS else profile.scope
        return Segment(start, method, scope, kernel, window, profile)

    def _window(self, profile: TaxProfile, rules: Jurisdiction, day: date) -> WashWindow | None:
        as_if = profile.wash_sales is WashSales.AS_IF or (
            profile.wash_sales is WashSales.FROM_DATE
            and profile.wash_from is not None
            and day >= profile.wash_from
        )
        if profile.wash_sales is WashSales.NEVER:
            return None
        window = rules.window_on(day, as_if=as_if)
        return None if window and window.effect in (Effect.WARN, Effect.MATCH) else window


def _differs(one: Segment, other: Segment) -> bool:
    return _rules(one) != _rules(other)


def _rules(segment: Segment) -> tuple[object, ...]:
    profile = segment.profile
    return (
        segment.method,
        segment.scope,
        segment.kernel,
        segment.window,
        profile.pool_by_chain,
        profile.methods_by_pool,
    )
