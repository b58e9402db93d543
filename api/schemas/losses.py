"""The consolidated unrealized losses."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field

from api.schemas.base import (
    Fresh,
    FreshList,
    Instant,
    Money,
    Output,
    Parameters,
    fresh,
    money,
    money_or_null,
    share,
    shown_address,
)
from api.schemas.lots import Missing
from indexer.flows.views import LossReport, LossRow, RealizedTotals, UnpricedHolding
from indexer.model.lots import BookGap
from indexer.model.money import plain
from indexer.model.prices import DisputedPrice

GroupBy = Literal["asset", "chain", "wallet"]

CONFLICTS_SHOWN = 100
"""Disagreements of sources that one answer lists."""

_TEN_THOUSANDTH = Decimal("0.0001")


class LossQuery(Parameters):
    """How the lots are put together."""

    group_by: Annotated[GroupBy, Field(description="What a row of `data` stands for.")] = "asset"


class LossOut(Output):
    """Open lots of one asset, chain or wallet taken together."""

    key: str = Field(description="Pool asset, CAIP-2 chain or tax wallet, by `group_by`.")
    label: str
    quantity: str | None = Field(description="Whole tokens; null where the row mixes assets.")
    cost: Money
    value: Money | None = Field(description="Of the priced lots; null when no lot is priced.")
    unrealized: Money | None
    loss: Money = Field(
        description="Sum of the losing lots alone, as a positive number: what can be harvested."
    )
    gain: Money = Field(description="Sum of the winning lots alone.")
    short_loss: Money = Field(description="The part of `loss` held short-term.")
    long_loss: Money = Field(description="The part of `loss` held long-term.")
    price: Money | None = Field(description="Of one whole token, where the row is one asset.")
    price_source: str | None
    lots: int
    unpriced_lots: int
    lots_without_basis: int = Field(
        description="Lots whose cost nobody has given yet: in no loss and no gain."
    )
    chains: list[str]
    wallets: list[str]

    @classmethod
    def of(cls, row: LossRow, currency: str) -> Self:
        """Write a row."""
        return cls(
            key=shown_address(row.key),
            label=row.label,
            quantity=None if row.quantity is None else plain(row.quantity),
            cost=money(row.cost, currency),
            value=money_or_null(row.value, currency),
            unrealized=money_or_null(row.unrealized, currency),
            loss=money(row.loss, currency),
            gain=money(row.gain, currency),
            short_loss=money(row.short_loss, currency),
            long_loss=money(row.long_loss, currency),
            price=money_or_null(row.price, currency),
            price_source=row.price_source,
            lots=row.lots,
            unpriced_lots=row.unpriced_lots,
            lots_without_basis=row.lots_without_basis,
            chains=list(row.chains),
            wallets=[shown_address(wallet) for wallet in row.wallets],
        )


class Totals(Output):
    """Sums over every row. What has no price is in `cost` alone and is listed in `unpriced`."""

    cost: Money
    value: Money | None = Field(
        description="Of the priced lots; null when there are lots and none is priced."
    )
    unrealized: Money | None
    loss: Money
    gain: Money
    priced_share_of_cost: str = Field(description="0 to 1: cost of the priced lots over cost of all lots.")


class RealizedOut(Output):
    """This tax year's disposals so far."""

    year: int
    short: Money
    long: Money
    disallowed: Money = Field(description="Losses that a wash-sale rule put off.")

    @classmethod
    def of(cls, totals: RealizedTotals, currency: str) -> Self:
        """Write the totals of a year."""
        return cls(
            year=totals.year,
            short=money(totals.short, currency),
            long=money(totals.long, currency),
            disallowed=money(totals.disallowed, currency),
        )


class UnpricedOut(Output):
    """A holding that is in no value, because nobody could price it."""

    asset: str = Field(description="CAIP-19 id.")
    symbol: str
    quantity: str
    cost: Money | None = Field(description="Null when nobody has given the cost.")
    status: Missing
    detail: str

    @classmethod
    def of(cls, holding: UnpricedHolding, currency: str) -> Self:
        """Write a holding."""
        return cls(
            asset=holding.asset.id,
            symbol=holding.asset.symbol,
            quantity=plain(holding.quantity),
            cost=money_or_null(holding.cost, currency),
            status=holding.status.value,
            detail=holding.detail,
        )


class PriceConflictOut(Output):
    """Two sources that disagree about a price that was used: give the right one with `gleaner prices import`."""

    asset: str = Field(description="CAIP-19 id.")
    instant: Instant = Field(description="What was priced: the present, or a movement's time.")
    used_for: Literal["value", "book"] = Field(
        description="`value`: the present value of the open lots. `book`: a cost, proceeds or an income of the past."
    )
    used: Money = Field(description="Price of one whole token that the answer is made with.")
    source: str
    rival: Money = Field(description="What the other source says.")
    rival_source: str
    spread: str = Field(description="Their difference as a share of the price used: 0.15 is 15 per cent.")
    via: str | None = Field(
        description="CAIP-19 id of the asset whose disputed price stood in, null when it is the asset's own."
    )

    @classmethod
    def of(cls, price: DisputedPrice, used_for: Literal["value", "book"]) -> Self:
        """Write a disagreement."""
        return cls(
            asset=price.asset,
            instant=price.instant,
            used_for=used_for,
            used=money(price.price, price.currency),
            source=price.source,
            rival=money(price.rival_price, price.currency),
            rival_source=price.rival_source,
            spread=plain(price.spread.quantize(_TEN_THOUSANDTH)),
            via=price.via,
        )


class BookGapOut(Output):
    """A movement that could not be booked fully, and what it would change."""

    movement: str = Field(description="`<chain>:<tx>`, with `#n` behind it where a transaction has several.")
    code: str = Field(examples=["unknown_basis"])
    asset: str
    quantity: str = Field(description="An integer at the pool's scale, 10^-18 tokens for most.")
    detail: str

    @classmethod
    def of(cls, gap: BookGap) -> Self:
        """Write a gap of the book."""
        return cls(
            movement=gap.movement,
            code=gap.code.value,
            asset=gap.asset,
            quantity=str(gap.quantity),
            detail=gap.detail,
        )


class LossesOut(FreshList[LossOut], Fresh):
    """Unrealized losses over all wallets and chains, largest first. Every group is on one page."""

    group_by: GroupBy
    currency: str
    totals: Totals
    realized: RealizedOut
    unpriced: list[UnpricedOut]
    book_gaps: list[BookGapOut]
    price_conflicts: list[PriceConflictOut] = Field(
        description=f"Prices that two sources disagree about: the present ones, then those that the book is made with, "
        f"the widest apart first; at most {CONFLICTS_SHOWN}. `gleaner prices doctor` lists all."
    )
    price_conflict_count: int = Field(description="How many there are.")
    fingerprint: str | None = Field(description="Equal fingerprints: equal book. Null before the first book.")

    @classmethod
    def of(cls, report: LossReport, group_by: GroupBy) -> Self:
        """Write the report."""
        currency = report.currency
        unvalued = bool(report.rows) and all(row.value is None for row in report.rows)
        return cls(
            group_by=group_by,
            currency=currency,
            data=[LossOut.of(row, currency) for row in report.rows],
            next_cursor=None,
            totals=Totals(
                cost=money(report.total_cost, currency),
                value=None if unvalued else money(report.total_value, currency),
                unrealized=None if unvalued else money(report.total_unrealized, currency),
                loss=money(report.total_loss, currency),
                gain=money(report.total_gain, currency),
                priced_share_of_cost=share(report.priced_share_of_cost),
            ),
            realized=RealizedOut.of(report.realized, currency),
            unpriced=[UnpricedOut.of(holding, currency) for holding in report.unpriced],
            book_gaps=[BookGapOut.of(gap) for gap in report.book_gaps],
            price_conflicts=[
                *(PriceConflictOut.of(price, "value") for price in report.price_conflicts),
                *(PriceConflictOut.of(price, "book") for price in report.book_conflicts),
            ][:CONFLICTS_SHOWN],
            price_conflict_count=len(report.price_conflicts) + len(report.book_conflicts),
            fingerprint=report.fingerprint,
            **fresh(report.freshness),
        )
