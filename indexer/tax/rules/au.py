"""Australia: parcels by FIFO or specific identification, discount after twelve months, purpose instead of a window."""

from datetime import date
from decimal import Decimal

from indexer.model.profile import Scope
from indexer.tax.jurisdiction import (
    IDENTIFIED,
    Effect,
    Holding,
    Jurisdiction,
    MethodRow,
    Netting,
    Reset,
    Row,
    ScopeRow,
    WashWindow,
)

RULES = Jurisdiction(
    code="AU",
    name="Australia",
    currency="AUD",
    holding=Holding.DAY_AFTER_PLUS_YEAR,
    holding_source="ITAA 1997 s.115-25; TD 2002/10: neither the day of acquisition nor of disposal counts",
    methods=(
        MethodRow(
            date(1, 1, 1),
            IDENTIFIED,
            "TD 33 by analogy: the units that your records identify, else first in first out; "
            "an average is for shares bought on one day alone",
        ),
    ),
    scopes=(
        ScopeRow(
            date(1, 1, 1), Scope.UNIVERSAL, "TD 33: parcels may be identified; otherwise FIFO is accepted"
        ),
    ),
    windows=(
        WashWindow(
            since=date(1, 1, 1),
            until=None,
            days_before=30,
            days_after=30,
            effect=Effect.WARN,
            reaches_crypto=False,
            purchases_only=True,
            source="ITAA 1936 Part IVA; TR 2008/1: purpose, no fixed window",
        ),
    ),
    year_start=(7, 1),
    year_named_by_end=True,
    gift_is_disposal=True,
    rows=(
        Row(
            "discount",
            date(1999, 9, 21),
            date(2027, 7, 1),
            Decimal("0.5"),
            "ITAA 1997 s.115-100(a); ends for events from 1 July 2027 (Act No. 49 of 2026, Sch. 1)",
        ),
        Row(
            "deferred_discount",
            date(2027, 7, 1),
            None,
            Decimal("0.5"),
            "ITAA 1997 s.115-100, s.112-160: the gain up to 30 June 2027 keeps the discount of its time",
        ),
        Row(
            "minimum_rate",
            date(2027, 7, 1),
            None,
            Decimal("0.30"),
            "ITAA 1997 Div. 119: on gains after 1 July 2027, as far as the taxpayer's own rate is lower",
        ),
    ),
    reset=Reset(
        date(2027, 7, 1),
        "ITAA 1997 s.112-155, s.112-160, Div. 114, s.960-275 as amended by Act No. 49 of 2026, Sch. 1",
        index_places=3,
    ),
    netting=Netting.AU,
)
