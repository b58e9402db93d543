"""United Kingdom: same day, then 30 days, then the section 104 pool, one pool an asset wherever it is kept."""

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
    code="UK",
    name="United Kingdom",
    currency="GBP",
    holding=Holding.NONE,
    holding_source="No holding period since taper relief ended (Finance Act 2008, Sch. 2)",
    pooled=Kernel.SECTION_104,
    default_method=Method.POOLED,
    methods=(
        MethodRow(date(2008, 4, 6), (Method.POOLED,), "TCGA 1992 s.104 to s.106A fix the order of matching"),
    ),
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
    rows=(
        Row(
            "annual_exempt_amount",
            date(2008, 4, 6),
            date(2009, 4, 6),
            Decimal(9600),
            "TCGA 1992 s.3(2) as it stood",
        ),
        Row(
            "annual_exempt_amount",
            date(2009, 4, 6),
            date(2011, 4, 6),
            Decimal(10100),
            "TCGA 1992 s.3(2) as it stood",
        ),
        Row(
            "annual_exempt_amount",
            date(2011, 4, 6),
            date(2013, 4, 6),
            Decimal(10600),
            "TCGA 1992 s.3(2) as it stood; SI 2011/899 for 2011-12",
        ),
        Row(
            "annual_exempt_amount",
            date(2013, 4, 6),
            date(2014, 4, 6),
            Decimal(10900),
            "TCGA 1992 s.3(2) as it stood; SI 2013/662",
        ),
        Row(
            "annual_exempt_amount",
            date(2014, 4, 6),
            date(2015, 4, 6),
            Decimal(11000),
            "TCGA 1992 s.3(2) as it stood",
        ),
        Row(
            "annual_exempt_amount",
            date(2015, 4, 6),
            date(2017, 4, 6),
            Decimal(11100),
            "TCGA 1992 s.3(2) as it stood",
        ),
        Row(
            "annual_exempt_amount",
            date(2017, 4, 6),
            date(2018, 4, 6),
            Decimal(11300),
            "TCGA 1992 s.3(2) as it stood; SI 2017/377",
        ),
        Row(
            "annual_exempt_amount",
            date(2018, 4, 6),
            date(2019, 4, 6),
            Decimal(11700),
            "TCGA 1992 s.3(2) as it stood",
        ),
        Row(
            "annual_exempt_amount",
            date(2019, 4, 6),
            date(2020, 4, 6),
            Decimal(12000),
            "TCGA 1992 s.3(2) as it stood",
        ),
        Row(
            "annual_exempt_amount",
            date(2020, 4, 6),
            date(2023, 4, 6),
            Decimal(12300),
            "TCGA 1992 s.1K; Finance Act 2021 s.40",
        ),
        Row(
            "annual_exempt_amount", date(2023, 4, 6), date(2024, 4, 6), Decimal(6000), "Finance Act 2023 s.8"
        ),
        Row("annual_exempt_amount", date(2024, 4, 6), None, Decimal(3000), "Finance Act 2023 s.8"),
        Row("basic_rate", date(2016, 4, 6), date(2024, 10, 30), Decimal("0.10"), "TCGA 1992 s.1H"),
        Row("higher_rate", date(2016, 4, 6), date(2024, 10, 30), Decimal("0.20"), "TCGA 1992 s.1H"),
        Row("basic_rate", date(2024, 10, 30), None, Decimal("0.18"), "Finance Act 2025 s.7"),
        Row("higher_rate", date(2024, 10, 30), None, Decimal("0.24"), "Finance Act 2025 s.7"),
    ),
    netting=Netting.UK,
)
