"""United States: per-wallet lots from 2025, wash sales as law or as planning aid, term by the day after the anniversary."""

from datetime import date

from indexer.model.profile import Scope
from indexer.tax.jurisdiction import Effect, Holding, Jurisdiction, ScopeRow, WashWindow

RULES = Jurisdiction(
    code="US",
    name="United States",
    currency="USD",
    holding=Holding.DAY_AFTER_PLUS_YEAR,
    holding_source="26 U.S.C. 1222; Rev. Rul. 66-7, 1966-1 C.B. 188",
    scopes=(
        ScopeRow(
            date(1, 1, 1), Scope.UNIVERSAL, "Notice 2014-21 FAQ 39-41 (2019): specific identification or FIFO"
        ),
        ScopeRow(date(2025, 1, 1), Scope.WALLET, "Treas. Reg. 1.1012-1(j)(3), T.D. 10000"),
    ),
    windows=(
        WashWindow(
            since=date(1921, 11, 23),
            until=None,
            days_before=30,
            days_after=30,
            effect=Effect.DEFER,
            reaches_crypto=False,
            purchases_only=True,
            source="26 U.S.C. 1091(a), (d): stock or securities only; Notice 2014-21: crypto assets are property",
        ),
    ),
)
