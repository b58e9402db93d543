"""No country: trades in, lots out. A one-year holding period is reported for information; nothing is denied."""

from datetime import date

from indexer.model.profile import Scope
from indexer.tax.jurisdiction import Effect, Holding, Jurisdiction, ScopeRow, WashWindow

RULES = Jurisdiction(
    code="-",
    name="generic",
    currency="USD",
    holding=Holding.DAY_AFTER_PLUS_YEAR,
    holding_source="Informational: the one-year rule that most laws share",
    scopes=(ScopeRow(date(1, 1, 1), Scope.UNIVERSAL, "No law: one pool unless the profile says otherwise"),),
    windows=(
        WashWindow(
            since=date(1, 1, 1),
            until=None,
            days_before=30,
            days_after=30,
            effect=Effect.DEFER,
            reaches_crypto=False,
            purchases_only=True,
            source="On request only: the mechanics of 26 U.S.C. 1091 as a planning aid",
        ),
    ),
)
