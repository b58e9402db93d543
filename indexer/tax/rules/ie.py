"""Ireland: FIFO, with the four-week rules of section 581 for those who apply them to crypto assets."""

from datetime import date
from decimal import Decimal

from indexer.model.profile import Method, Scope
from indexer.tax.jurisdiction import (
    Effect,
    Holding,
    Jurisdiction,
    MethodRow,
    Netting,
    Row,
    ScopeRow,
    WashWindow,
)

RULES = Jurisdiction(
    code="IE",
    name="Ireland",
    currency="EUR",
    holding=Holding.NONE,
    holding_source="TCA 1997 has no holding period for crypto assets",
    methods=(MethodRow(date(1, 1, 1), (Method.FIFO,), "TCA 1997 s.580: first in, first out"),),
    scopes=(ScopeRow(date(1, 1, 1), Scope.UNIVERSAL, "TCA 1997 s.580: first in, first out over one class"),),
    windows=(
        WashWindow(
            since=date(1975, 4, 6),
            until=None,
            days_before=28,
            days_after=28,
            effect=Effect.RING_FENCE,
            reaches_crypto=False,
            purchases_only=False,
            source="TCA 1997 s.581: shares; whether crypto assets are a class of securities is contested",
        ),
    ),
    gift_is_disposal=True,
    rows=(
        Row("annual_exemption", date(2002, 1, 1), None, Decimal(1270), "TCA 1997 s.601"),
        Row("rate", date(2012, 12, 5), None, Decimal("0.33"), "TCA 1997 s.28(3)"),
    ),
    netting=Netting.IE,
)
