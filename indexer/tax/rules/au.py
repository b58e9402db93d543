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
            "ITAA 1997 s.115-100(a); ends for events from 1 July 2027 (Act No. 49 of 2026)",
        ),
    ),
    netting=Netting.AU,
)
