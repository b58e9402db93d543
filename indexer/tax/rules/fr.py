"""France: one global portfolio of digital assets; only a sale for money (or for goods) is a disposal."""

from datetime import date

from indexer.model.profile import Method, Scope
from indexer.tax.jurisdiction import Holding, Jurisdiction, Kernel, ScopeRow

RULES = Jurisdiction(
    code="FR",
    name="France",
    currency="EUR",
    holding=Holding.NONE,
    holding_source="CGI art. 150 VH bis knows no holding period",
    pooled=Kernel.PORTFOLIO,
    default_method=Method.POOLED,
    scopes=(ScopeRow(date(2019, 1, 1), Scope.UNIVERSAL, "CGI art. 150 VH bis III: the whole portfolio"),),
    swap_is_disposal=False,
)
