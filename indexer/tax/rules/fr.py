"""France: one global portfolio of digital assets; only a sale for money (or for goods) is a disposal."""

from datetime import date
from decimal import Decimal

from indexer.model.profile import Method, Scope
from indexer.tax.jurisdiction import Holding, Jurisdiction, Kernel, MethodRow, Netting, Row, ScopeRow

RULES = Jurisdiction(
    code="FR",
    name="France",
    currency="EUR",
    holding=Holding.NONE,
    holding_source="CGI art. 150 VH bis knows no holding period",
    pooled=Kernel.PORTFOLIO,
    default_method=Method.POOLED,
    methods=(
        MethodRow(
            date(2019, 1, 1), (Method.POOLED,), "CGI art. 150 VH bis III: one cost for the whole portfolio"
        ),
    ),
    scopes=(ScopeRow(date(2019, 1, 1), Scope.UNIVERSAL, "CGI art. 150 VH bis III: the whole portfolio"),),
    swap_is_disposal=False,
    rows=(
        Row("sales_limit", date(2019, 1, 1), None, Decimal(305), "CGI art. 150 VH bis II B"),
        Row(
            "rate",
            date(2019, 1, 1),
            date(2026, 1, 1),
            Decimal("0.30"),
            "CGI art. 200 C (12.8 %) and social levies of 17.2 %",
        ),
        Row(
            "rate",
            date(2026, 1, 1),
            None,
            Decimal("0.314"),
            "CGI art. 200 C (12.8 %) and social levies of 18.6 % (LFSS 2026 art. 12; whether 2025 gains are reached is contested)",
        ),
    ),
    netting=Netting.FR,
)
