"""The holding period: when a lot becomes long-term.

More than one year means: long from the day after the anniversary of the acquisition day, which is itself not
counted (US: IRC 1222, Rev. Rul. 66-7; Germany: section 23 EStG with sections 187, 188 BGB; Australia: TD 2002/10).
"""

import calendar
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from indexer.model.lots import Term
from indexer.model.profile import TaxProfile
from indexer.tax.jurisdiction import Holding
from indexer.tax.rules import jurisdiction


@lru_cache(maxsize=65536)
def long_day(holding_from: date, holding: Holding) -> date | None:
    """First day on which a disposal is long-term, None where the law knows no holding period."""
    if holding is Holding.NONE:
        return None
    if holding is Holding.DAY_AFTER_PLUS_YEAR:
        start = holding_from + timedelta(days=1)
        if (start.month, start.day) == (2, 29):
            return date(start.year + 1, 3, 1)
        return start.replace(year=start.year + 1)
    last = calendar.monthrange(holding_from.year + 1, holding_from.month)[1]
    anniversary = date(holding_from.year + 1, holding_from.month, min(holding_from.day, last))
    return anniversary + timedelta(days=1)


def term_on(holding_from: date, disposed: date, holding: Holding) -> Term:
    """The term of a disposal on a day."""
    first = long_day(holding_from, holding)
    return Term.LONG if first is not None and disposed >= first else Term.SHORT


def tax_day(instant: datetime, profile: TaxProfile) -> date:
    """The taxpayer's calendar day of an instant."""
    return instant.astimezone(ZoneInfo(profile.timezone)).date()


def long_from(holding_from: date, profile: TaxProfile) -> date | None:
    """First day on which units held since `holding_from` are long-term under the profile's country."""
    return long_day(holding_from, jurisdiction(profile.jurisdiction).holding)


def term_of(holding_from: date, disposed: date, profile: TaxProfile) -> Term:
    """The term of a disposal on a day under the profile's country."""
    return term_on(holding_from, disposed, jurisdiction(profile.jurisdiction).holding)
