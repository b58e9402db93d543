"""Open lots at today's prices."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field

from api.schemas.base import (
    AssetRef,
    Cursor,
    Instant,
    Limit,
    Money,
    Output,
    Parameters,
    WalletRef,
    money,
    money_or_null,
    shown_address,
)
from indexer.flows.views import ValuedLot
from indexer.model.money import plain

Missing = Literal["unknown", "rate_limited", "unavailable", "stale", "spam"]


class LotQuery(Parameters):
    """Which lots."""

    asset: Annotated[
        AssetRef | None, Field(description="CAIP-19 id of an asset, or a group of them such as `USDC`.")
    ] = None
    wallet: WalletRef = None
    cursor: Cursor = None
    limit: Limit = 100


class LotOut(Output):
    """Units acquired together. Moving or bridging them keeps id, cost and date."""

    id: str = Field(description="The movement that made it.")
    asset: str = Field(description="CAIP-19 id.")
    symbol: str
    pool: str = Field(description="The identity group that its lots are pooled in, or the asset itself.")
    wallet: str = Field(description="The tax wallet that holds it.")
    chain: str | None
    address: str | None
    quantity: str = Field(description="Whole tokens.")
    cost: Money | None = Field(description="Null while nobody has given it; unknown is not zero.")
    basis_known: bool = Field(
        description="False when the cost is an assumption about a transfer of unknown basis."
    )
    acquired_at: Instant
    holding_from: date = Field(description="The day the holding period is counted from.")
    origin: str = Field(examples=["buy"])
    term: Literal["short", "long"] = Field(description="What a sale today would be.")
    long_from: date | None = Field(
        description="First day, in the taxpayer's zone, on which a sale would be long-term; null where the law knows none."
    )
    price: Money | None = Field(description="Of one whole token; null when there is none.")
    price_source: str | None
    price_as_of: Instant | None
    price_missing: Missing | None = Field(description="Why there is no price.")
    value: Money | None
    unrealized: Money | None = Field(
        description="`value` minus `cost`: negative is a loss that can be harvested."
    )

    @classmethod
    def of(cls, valued: ValuedLot, currency: str) -> Self:
        """Write a lot."""
        lot, quote = valued.lot, valued.quote
        return cls(
            id=lot.id,
            asset=valued.asset.id,
            symbol=valued.asset.symbol,
            pool=lot.asset,
            wallet=shown_address(lot.wallet),
            chain=lot.chain,
            address=None if lot.address is None else shown_address(lot.address),
            quantity=plain(valued.quantity),
            cost=money_or_null(valued.cost, currency),
            basis_known=lot.basis_known,
            acquired_at=lot.acquired_at,
            holding_from=lot.holding_from,
            origin=lot.origin,
            term=valued.term.value,
            long_from=valued.long_from,
            price=None if quote is None else money(quote.price, quote.currency),
            price_source=None if quote is None else quote.source,
            price_as_of=None if quote is None else quote.instant,
            price_missing=None if valued.missing is None else valued.missing.value,
            value=money_or_null(valued.value, currency),
            unrealized=money_or_null(valued.unrealized, currency),
        )
