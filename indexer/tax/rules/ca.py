"""Canada: adjusted cost base over all wallets, superficial losses within 30 days on either side."""

from datetime import date
from decimal import Decimal

from indexer.model.profile import Method, Scope
from indexer.tax.jurisdiction import (
    Effect,
    Holding,
    Jurisdiction,
    Kernel,
    MethodRow,
    Netting,
    Row,
    ScopeRow,
    WashWindow,
)

RULES = Jurisdiction(
    code="CA",
    name="Canada",
    currency="CAD",
    holding=Holding.NONE,
    holding_source="The Income Tax Act has no holding period for capital property",
    pooled=Kernel.ACB,
    default_method=Method.POOLED,
    methods=(
        MethodRow(
            date(1972, 1, 1),
            (Method.POOLED, Method.AVERAGE),
            "ITA s.47(1): identical properties are averaged",
        ),
    ),
    scopes=(ScopeRow(date(1, 1, 1), Scope.UNIVERSAL, "ITA s.47(1): identical properties are averaged"),),
    windows=(
        WashWindow(
            since=date(1972, 1, 1),
            until=None,
            days_before=30,
            days_after=30,
            effect=Effect.SUPERFICIAL,
            reaches_crypto=True,
            purchases_only=False,
            source="ITA s.54 'superficial loss', s.40(2)(g)(i), s.53(1)(f); IT-456R s.12",
        ),
    ),
    gift_is_disposal=True,
    rows=(
        Row(
            "inclusion_rate",
            date(2000, 10, 18),
            None,
            Decimal("0.5"),
            "ITA s.38(a); the rise to two thirds announced in 2024 was cancelled on 21 March 2025",
        ),
    ),
    netting=Netting.CA,
)
