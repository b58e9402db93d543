"""Germany: private sales under section 23 EStG, FIFO per wallet, free of tax after one year."""

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
    code="DE",
    name="Germany",
    currency="EUR",
    holding=Holding.AFTER_ANNIVERSARY,
    holding_source="EStG s.23(1) no. 2; BGB s.187(1), s.188(2) and (3)",
    methods=(
        MethodRow(
            date(1, 1, 1),
            (Method.FIFO, Method.AVERAGE, Method.SPEC_ID),
            "BMF 6 March 2025: single units where they can be told apart, else the average or, by simplification, "
            "first in first out",
        ),
    ),
    scopes=(ScopeRow(date(1, 1, 1), Scope.WALLET, "BMF 6 March 2025: order of use is applied per wallet"),),
    windows=(
        WashWindow(
            since=date(1, 1, 1),
            until=None,
            days_before=0,
            days_after=0,
            effect=Effect.WARN,
            reaches_crypto=False,
            purchases_only=True,
            source="AO s.42 (abuse of legal form): no statutory window",
        ),
    ),
    rows=(
        Row(
            "exemption_limit",
            date(2009, 1, 1),
            date(2024, 1, 1),
            Decimal(600),
            "EStG s.23(3) sentence 5 as it stood until 2023",
        ),
        Row(
            "exemption_limit",
            date(2024, 1, 1),
            None,
            Decimal(1000),
            "EStG s.23(3) sentence 5, Wachstumschancengesetz",
        ),
        Row(
            "other_income_limit",
            date(2009, 1, 1),
            None,
            Decimal(256),
            "EStG s.22 no. 3 sentence 2: staking, lending and mining income",
        ),
    ),
    netting=Netting.DE,
)
