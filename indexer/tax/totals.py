"""Yearly totals: what the disposals of a tax year add up to, what the law lets them be set against, what is carried.

All amounts are integers of 10**-18 currency units. Only the books' own disposals are known here: other income, other
capital gains and elections are the taxpayer's, and the country pages say what is left to them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Protocol

from indexer.model.lots import Disposal, Income, Term
from indexer.model.money import fiat_from_decimal
from indexer.tax.accrual import Accrued, Figures, accrued
from indexer.tax.days import to_us
from indexer.tax.jurisdiction import Jurisdiction, Netting
from indexer.tax.plan import Plan


@dataclass(frozen=True, slots=True)
class Carry:
    """Losses brought into or out of a year, as positive amounts, by character."""

    short: int = 0
    long: int = 0

    @property
    def total(self) -> int:
        """Both characters together."""
        return self.short + self.long


@dataclass(frozen=True, slots=True)
class YearTotals:
    """One tax year. Losses are positive amounts; `taxable` is what is left to be taxed as capital gain."""

    year: int
    """Named as the country names it: by its first day's year, in Australia by its last day's."""
    begins: date
    short_gains: int = 0
    short_losses: int = 0
    long_gains: int = 0
    long_losses: int = 0
    proceeds: int = 0
    cost: int = 0
    disallowed: int = 0
    income: int = 0
    carried_in: Carry = field(default_factory=Carry)
    exempt: int = 0
    """Covered by an annual exemption, discount or holding period."""
    deducted: int = 0
    """Net loss that lowers other income of the year."""
    taxable_short: int = 0
    taxable_long: int = 0
    carried_out: Carry = field(default_factory=Carry)
    lost: int = 0
    """Losses that the law lets expire with the year."""
    deferred_short: int = 0
    """Part of `short_gains` that accrued before a reset of the law (Australia, 1 July 2027)."""
    deferred_long: int = 0
    """Part of `long_gains` that accrued before it, and keeps the discount of its time."""
    indexation: int = 0
    """What consumer prices took off the gains."""
    minimum_base: int = 0
    """Gains left to which a minimum rate applies, as far as the taxpayer's own rate is lower."""

    @property
    def net_short(self) -> int:
        """Short-term gains minus losses of the year itself."""
        return self.short_gains - self.short_losses

    @property
    def net_long(self) -> int:
        """Long-term gains minus losses of the year itself."""
        return self.long_gains - self.long_losses

    @property
    def taxable(self) -> int:
        """Taxable gain of either character."""
        return self.taxable_short + self.taxable_long


class Booked(Protocol):
    """What totals are made of: a book, or what was kept of one."""

    @property
    def plan(self) -> Plan:
        """Which rules hold when."""
        ...

    @property
    def disposals(self) -> Iterable[Disposal]:
        """Every disposal."""
        ...

    @property
    def income(self) -> Iterable[Income]:
        """Every income."""
        ...


def yearly(book: Booked, until: int | None = None, figures: Figures | None = None) -> list[YearTotals]:
    """Totals of every tax year with a disposal or income, and of the years between, oldest first.

    `figures` are what the owner supplies where a law resets values on a day.

    `until` is a year up to which the list goes on: what was carried into a year without a disposal is seen there.
    """
    plan = book.plan
    raw: dict[int, YearTotals] = {}

    def of(us: int) -> YearTotals:
        year = plan.tax_year(us)
        if year not in raw:
            raw[year] = YearTotals(year, plan.rules_at(us).year_begins(year))
        return raw[year]

    for disposal in book.disposals:
        us = to_us(disposal.disposed_at)
        year = of(us)
        parts = parted(plan, disposal, figures or Figures())
        if parts is None:
            raw[year.year] = _with_gain(_with_sums(year, disposal), disposal.gain, disposal.term)
        else:
            raw[year.year] = _with_parts(_with_sums(year, disposal), disposal.term, parts)
    for income in book.income:
        year = of(to_us(income.time))
        raw[year.year] = _with_income(year, income)
    if until is not None and until not in raw and until > max(raw, default=until - 1):
        first = plan.rules_at(to_us(datetime(until, 1, 1, tzinfo=UTC))).year_begins(until)
        raw[until] = YearTotals(until, first)
    return settle(raw, lambda year: plan.rules_at(to_us(year_start(year))), plan.profiles[-1].filing_status)


def year_start(year: YearTotals) -> datetime:
    """An instant inside a year's first days, to look rules up by."""
    return datetime(year.begins.year, year.begins.month, year.begins.day, 12, tzinfo=UTC)


def parted(plan: Plan, disposal: Disposal, figures: Figures) -> Accrued | None:
    """A disposal's gain in its parts where the law in force has reset values, None where it has not."""
    us = to_us(disposal.disposed_at)
    reset, day = plan.rules_at(us).reset, date.fromordinal(plan.day(us))
    if reset is None or day < reset.since:
        return None
    acquired = disposal.acquired_at or disposal.disposed_at
    return accrued(disposal, date.fromordinal(plan.day(to_us(acquired))), day, reset, figures)


def _with_sums(year: YearTotals, disposal: Disposal) -> YearTotals:
    return replace(
        year,
        proceeds=year.proceeds + disposal.proceeds,
        cost=year.cost + disposal.cost,
        disallowed=year.disallowed + disposal.disallowed,
    )


def _with_parts(year: YearTotals, term: Term, parts: Accrued) -> YearTotals:
    year = _with_gain(_with_gain(year, parts.deferred, term), parts.later, term)
    deferred, is_long = max(parts.deferred, 0), term is Term.LONG
    return replace(
        year,
        deferred_long=year.deferred_long + (deferred if is_long else 0),
        deferred_short=year.deferred_short + (0 if is_long else deferred),
        indexation=year.indexation + parts.indexation,
    )


def _with_gain(year: YearTotals, gain: int, term: Term) -> YearTotals:
    if term is Term.LONG:
        return replace(
            year, long_gains=year.long_gains + max(gain, 0), long_losses=year.long_losses + max(-gain, 0)
        )
    return replace(
        year, short_gains=year.short_gains + max(gain, 0), short_losses=year.short_losses + max(-gain, 0)
    )


def _with_income(year: YearTotals, income: Income) -> YearTotals:
    return replace(year, income=year.income + income.value)


def settle(
    raw: Mapping[int, YearTotals], rules_of: Callable[[YearTotals], Jurisdiction], status: str
) -> list[YearTotals]:
    """Net the years one after the other and hand what is left on."""
    settled: list[YearTotals] = []
    carry = Carry()
    for number in range(min(raw), max(raw) + 1) if raw else ():
        given = raw.get(number)
        if given is None:
            before = settled[-1].begins
            given = YearTotals(number, before.replace(year=before.year + 1))
        rules = rules_of(given)
        year = _NETTING[rules.netting](replace(given, carried_in=carry), rules, status)
        settled.append(year)
        carry = year.carried_out
    return settled


def amount(rules: Jurisdiction, name: str, day: date, status: str = "") -> int:
    """A row's figure as money, 0 where the country has no such row."""
    row = rules.row(name, day, status)
    return 0 if row is None else fiat_from_decimal(row.value)


def _times(money: int, rate: Decimal) -> int:
    """A share of an amount, rounded towards zero."""
    above, below = rate.as_integer_ratio()
    return money * above // below


def _plain(year: YearTotals, rules: Jurisdiction, status: str) -> YearTotals:
    """No law: gains and losses of all kinds are netted, a net loss is carried on."""
    del rules, status
    net = year.net_short + year.net_long - year.carried_in.total
    return replace(year, taxable_short=max(net, 0), carried_out=Carry(short=max(-net, 0)))


def _us(year: YearTotals, rules: Jurisdiction, status: str) -> YearTotals:
    """26 U.S.C. 1211(b), 1212(b), 1222: like with like, then across; 3,000 dollars; the rest keeps its character."""
    short = year.net_short - year.carried_in.short
    long = year.net_long - year.carried_in.long
    if short < 0 < long:
        used = min(-short, long)
        short, long = short + used, long - used
    elif long < 0 < short:
        used = min(-long, short)
        short, long = short - used, long + used
    loss = max(0, -(min(short, 0) + min(long, 0)))
    deducted = min(loss, amount(rules, "loss_limit", year.begins, status))
    from_short = min(deducted, max(0, -short))
    return replace(
        year,
        taxable_short=max(short, 0),
        taxable_long=max(long, 0),
        deducted=deducted,
        carried_out=Carry(max(0, -short) - from_short, max(0, -long) - (deducted - from_short)),
    )


def _uk(year: YearTotals, rules: Jurisdiction, status: str) -> YearTotals:
    """TCGA 1992 s.1(3), s.1K, s.2: losses of the year in full, earlier ones only down to the exempt amount."""
    del status
    net, allowance = year.net_short + year.net_long, amount(rules, "annual_exempt_amount", year.begins)
    brought = year.carried_in.total
    if net <= 0:
        return replace(year, carried_out=Carry(short=brought - net))
    used = min(brought, max(0, net - allowance))
    exempt = min(allowance, net - used)
    return replace(
        year, exempt=exempt, taxable_short=net - used - exempt, carried_out=Carry(short=brought - used)
    )


def _ca(year: YearTotals, rules: Jurisdiction, status: str) -> YearTotals:
    """ITA s.3(b), s.38, s.111(1)(b): half of the net gain is taxed; a net loss waits (forward here; back on request)."""
    del status
    net = year.net_short + year.net_long - year.carried_in.total
    row = rules.row("inclusion_rate", year.begins)
    taxable = 0 if net <= 0 or row is None else _times(net, row.value)
    return replace(
        year, taxable_short=taxable, exempt=max(net, 0) - taxable, carried_out=Carry(short=max(-net, 0))
    )


def _de(year: YearTotals, rules: Jurisdiction, status: str) -> YearTotals:
    """EStG s.23(3): free below the limit, taxed from the first euro at it; losses only against such gains."""
    del status
    limit, net = amount(rules, "exemption_limit", year.begins), year.net_short
    exempt, lost = max(year.net_long, 0), max(-year.net_long, 0)
    brought = year.carried_in.total
    if net <= 0:
        return replace(year, exempt=exempt, lost=lost, carried_out=Carry(short=brought - net))
    if net < limit:
        return replace(year, exempt=exempt + net, lost=lost, carried_out=Carry(short=brought))
    used = min(brought, net)
    return replace(
        year, exempt=exempt, lost=lost, taxable_short=net - used, carried_out=Carry(short=brought - used)
    )


def _au(year: YearTotals, rules: Jurisdiction, status: str) -> YearTotals:
    """ITAA 1997 s.102-5: losses first against gains without discount, then the discount on what is left."""
    if rules.reset is not None and year.begins >= rules.reset.since:
        return _au_since_2027(year, rules)
    del status
    losses = year.short_losses + year.long_losses + year.carried_in.total
    from_short = min(losses, year.short_gains)
    from_long = min(losses - from_short, year.long_gains)
    short, long = year.short_gains - from_short, year.long_gains - from_long
    row = rules.row("discount", year.begins)
    discount = 0 if row is None else _times(long, row.value)
    return replace(
        year,
        taxable_short=short,
        taxable_long=long - discount,
        exempt=discount,
        carried_out=Carry(short=losses - from_short - from_long),
    )


def _au_since_2027(year: YearTotals, rules: Jurisdiction) -> YearTotals:
    """ITAA 1997 s.102-5 as amended: losses first against deferred gains, then the others; half of deferred gains.

    Within a category the owner may choose: losses meet what has no discount first.
    """
    left = year.short_losses + year.long_losses + year.carried_in.total
    gains = [
        year.deferred_short,
        year.deferred_long,
        year.short_gains - year.deferred_short,
        year.long_gains - year.deferred_long,
    ]
    for number, gain in enumerate(gains):
        used = min(left, gain)
        gains[number] -= used
        left -= used
    row = rules.row("deferred_discount", year.begins)
    discount = 0 if row is None else _times(gains[1], row.value)
    return replace(
        year,
        taxable_short=gains[0] + gains[2],
        taxable_long=gains[1] - discount + gains[3],
        exempt=discount,
        minimum_base=gains[2] + gains[3],
        carried_out=Carry(short=left),
    )


def _ie(year: YearTotals, rules: Jurisdiction, status: str) -> YearTotals:
    """TCA 1997 s.31, s.601: all losses first, earlier ones too, then the exemption."""
    del status
    net = year.net_short + year.net_long - year.carried_in.total
    exempt = min(max(net, 0), amount(rules, "annual_exemption", year.begins))
    return replace(
        year, exempt=exempt, taxable_short=max(net, 0) - exempt, carried_out=Carry(short=max(-net, 0))
    )


def _fr(year: YearTotals, rules: Jurisdiction, status: str) -> YearTotals:
    """CGI art. 150 VH bis II B, IV: exempt while the year's sales stay within the limit; losses end with the year."""
    del status
    net, limit = year.net_short + year.net_long, amount(rules, "sales_limit", year.begins)
    if 0 < year.proceeds <= limit:
        return replace(year, exempt=max(net, 0), lost=max(-net, 0))
    return replace(year, taxable_short=max(net, 0), lost=max(-net, 0))


_NETTING: Mapping[Netting, Callable[[YearTotals, Jurisdiction, str], YearTotals]] = {
    Netting.PLAIN: _plain,
    Netting.US: _us,
    Netting.UK: _uk,
    Netting.CA: _ca,
    Netting.DE: _de,
    Netting.AU: _au,
    Netting.IE: _ie,
    Netting.FR: _fr,
}


def label(rules: Jurisdiction, year: YearTotals) -> str:
    """The year as the country writes it: `2025`, `2025-26`."""
    if rules.year_start == (1, 1):
        return str(year.begins.year)
    return f"{year.begins.year}-{(year.begins.year + 1) % 100:02d}"
