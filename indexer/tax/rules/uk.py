"""United Kingdom: same day, then 30 days, then the section 104 pool, one pool an asset wherever it is kept."""

from datetime import date

from indexer.model.profile import Method, Scope
from indexer.tax.jurisdiction import Effect, Holding, Jurisdiction, Kernel, ScopeRow, WashWindow

RULES = Jurisdiction(
    code="UK",
    name="United Kingdom",
    currency="GBP",
    holding=Holding.NONE,
    holding_source="No holding period since taper relief ended (Finance Act 2008, Sch. 2)",
    pooled=Kernel.SECTION_104,
    default_method=Method.POOLED,
    scopes=(ScopeRow(date(1, 1, 1), Scope.UNIVERSAL, "TCGA 1992 s.104(1): one holding of one class"),),
    windows=(
        WashWindow(
            since=date(2008, 4, 6),
            until=None,
            days_before=0,
            days_after=30,
            effect=Effect.MATCH,
            reaches_crypto=True,
            purchases_only=False,
            source="TCGA 1992 s.106A(5); HMRC CRYPTO22252",
        ),
    ),
    year_start=(4, 6),
    gift_is_disposal=True,
)
