"""Disposals, and one of them followed down to transactions."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from api.schemas.base import (
    AssetRef,
    Cursor,
    Fresh,
    Instant,
    Limit,
    Money,
    Output,
    Parameters,
    fresh,
    money,
    shown_address,
)
from api.schemas.movements import MovementOut
from indexer.flows.disposals import DisposalView, ExplainedDisposal, ExplainedStep
from indexer.flows.pools import whole
from indexer.model.lots import Term
from indexer.model.money import fiat_to_decimal, plain


class DisposalQuery(Parameters):
    """Which disposals."""

    year: Annotated[
        int | None, Field(ge=2009, le=2199, description="Tax year, named as the country names it.")
    ] = None
    asset: Annotated[
        AssetRef | None, Field(description="CAIP-19 id of an asset, or a group of them such as `USDC`.")
    ] = None
    term: Annotated[Term | None, Field(description="short or long.")] = None
    cursor: Cursor = None
    limit: Limit = 100


class DisposalOut(Output):
    """The part of a sale that one lot met. `gain` is `proceeds` minus `cost` plus `disallowed`."""

    id: str = Field(description="The movement that sold; several lots of one sale share it.")
    timestamp: Instant
    year: int = Field(description="Tax year.")
    asset: str = Field(description="The identity group that its lots are pooled in, or the asset itself.")
    symbol: str | None
    wallet: str = Field(description="Tax wallet.")
    quantity: str = Field(description="Whole tokens.")
    matched: str = Field(description="The movements that made the lot; empty for a pool.")
    rule: str = Field(description="What took the lot.", examples=["fifo"])
    acquired_at: Instant | None
    proceeds: Money
    cost: Money
    disallowed: Money = Field(description="The part of a loss that a wash-sale rule puts off.")
    gain: Money
    term: Literal["short", "long"]
    washed_into: str | None = Field(description="The lot whose basis received the disallowed part.")

    @classmethod
    def of(cls, view: DisposalView) -> Self:
        """Write a disposal."""
        return cls(**cls.members(view))

    @staticmethod
    def members(view: DisposalView) -> dict[str, Any]:
        """The fields of a disposal."""
        disposal, currency = view.disposal, view.currency
        return {
            "id": disposal.id,
            "timestamp": disposal.disposed_at,
            "year": view.year,
            "asset": disposal.asset,
            "symbol": None if view.asset is None else view.asset.symbol,
            "wallet": shown_address(disposal.wallet),
            "quantity": plain(whole(disposal.quantity, view.asset)),
            "matched": disposal.matched,
            "rule": disposal.rule,
            "acquired_at": disposal.acquired_at,
            "proceeds": money(fiat_to_decimal(disposal.proceeds), currency),
            "cost": money(fiat_to_decimal(disposal.cost), currency),
            "disallowed": money(fiat_to_decimal(disposal.disallowed), currency),
            "gain": money(fiat_to_decimal(disposal.gain), currency),
            "term": disposal.term.value,
            "washed_into": disposal.washed_into,
        }


class StepOut(DisposalOut):
    """One lot's part, with where the lot came from."""

    notes: list[str] = Field(description="One sentence for each thing that shaped the figures.")
    acquisitions: list[MovementOut] = Field(description="The transactions that the cost comes from.")

    @classmethod
    def step(cls, step: ExplainedStep) -> Self:
        """Write a step."""
        return cls(
            **cls.members(step.view),
            notes=list(step.notes),
            acquisitions=[MovementOut.of(view) for view in step.acquisitions],
        )


class ExplainedOut(Fresh):
    """A disposal followed down to the transactions it was made of."""

    id: str
    gain: Money = Field(description="The sum of the steps.")
    sales: list[MovementOut] = Field(description="The transactions that sold.")
    steps: list[StepOut]

    @classmethod
    def of(cls, found: ExplainedDisposal) -> Self:
        """Write an explanation."""
        return cls(
            id=found.id,
            gain=money(fiat_to_decimal(found.gain), found.currency),
            sales=[MovementOut.of(view) for view in found.sales],
            steps=[StepOut.step(step) for step in found.steps],
            **fresh(found.freshness),
        )
