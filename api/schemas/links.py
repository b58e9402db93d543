"""Cross-chain links with their evidence."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field

from api.schemas.base import Amount, Cursor, Instant, Limit, Output, Parameters, amount_of, shown_address
from indexer.flows.views import LinkView
from indexer.model.asset import Asset
from indexer.model.links import BridgeLeg, LinkState


class LinkQuery(Parameters):
    """Which links."""

    state: Annotated[LinkState | None, Field(description="Leave out for links in every state.")] = None
    cursor: Cursor = None
    limit: Limit = 100


class LegOut(Output):
    """One half of a cross-chain move: what left, or what arrived."""

    chain: str
    tx: str
    timestamp: Instant | None
    wallet: str = Field(description="Own address.")
    recipient: str | None = Field(description="Who is to receive, as the source's event says.")
    asset: str = Field(description="CAIP-19 id.")
    symbol: str | None
    amount: Amount
    expected_amount: str | None = Field(
        description="What the source's event promises on arrival, in base units."
    )

    @classmethod
    def of(cls, leg: BridgeLeg, assets: Mapping[str, Asset]) -> Self:
        """Write one half."""
        asset = assets.get(leg.asset)
        return cls(
            chain=leg.chain,
            tx=leg.tx,
            timestamp=leg.time,
            wallet=shown_address(leg.wallet),
            recipient=None if leg.recipient is None else shown_address(leg.recipient),
            asset=leg.asset,
            symbol=None if asset is None else asset.symbol,
            amount=amount_of(leg.amount, leg.asset, assets),
            expected_amount=None if leg.expected_amount is None else str(leg.expected_amount),
        )


class LinkOut(Output):
    """A move that left one chain and arrived on another."""

    id: str = Field(description="Derived from the halves: the same after a re-index.")
    protocol: str = Field(examples=["across"])
    state: Literal["proposed", "confirmed", "rejected"]
    tier: Literal["exact_id", "derived_id", "recipient", "heuristic", "manual"] = Field(
        description="The kind of evidence, strongest first."
    )
    confidence: float = Field(description="0 to 1.")
    treatment: Literal["not_taxable", "review", "taxable"] = Field(
        description="Whether it is a possible taxable event by default in the portfolio's jurisdiction."
    )
    reasons: list[str] = Field(description="What the move is, as stable codes.")
    evidence: list[str] = Field(description="One sentence each, naming transactions and events.")
    fee: Amount | None = Field(
        description="What left minus what arrived, where both are the same asset and scale."
    )
    source: LegOut | None
    destination: LegOut | None

    @classmethod
    def of(cls, view: LinkView) -> Self:
        """Write a link."""
        link, assets = view.link, view.assets
        half = link.source or link.destination
        return cls(
            id=link.id,
            protocol=link.protocol,
            state=link.state.value,
            tier=link.tier.value,
            confidence=link.confidence,
            treatment=link.treatment.value,
            reasons=[reason.value for reason in link.reasons],
            evidence=list(link.evidence),
            fee=None if link.fee is None or half is None else amount_of(link.fee, half.asset, assets),
            source=None if link.source is None else LegOut.of(link.source, assets),
            destination=None if link.destination is None else LegOut.of(link.destination, assets),
        )
