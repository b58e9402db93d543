"""Cross-chain links with their evidence."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field

from api.schemas.base import (
    Amount,
    Chain,
    Cursor,
    Instant,
    Limit,
    Output,
    Parameters,
    WalletRef,
    amount_of,
    shown_address,
)
from indexer.flows.views import LinkView
from indexer.model.asset import Asset
from indexer.model.links import BridgeLeg, LinkFilter, LinkState, ReasonCode

Reason = Annotated[ReasonCode, Field(description="What the move is, as a stable code.")]
ProtocolName = Annotated[
    str, Field(pattern=r"^[-_a-z0-9]{1,64}$", description="As links name it.", examples=["across"])
]


class LinkQuery(Parameters):
    """Which links."""

    state: Annotated[LinkState | None, Field(description="Leave out for links in every state.")] = None
    protocol: ProtocolName | None = None
    chain: Annotated[Chain | None, Field(description="CAIP-2 id of the chain of either half.")] = None
    wallet: WalletRef = None
    reason: Reason | None = None
    open: Annotated[
        bool,
        Field(description="Only what still waits for you: proposed, or possibly taxable and not decided."),
    ] = False
    cursor: Cursor = None
    limit: Limit = 100

    def where(self) -> LinkFilter:
        """The filter without the wallet, which the ledger has to look up."""
        return LinkFilter(
            state=self.state,
            protocol=self.protocol,
            chain=self.chain,
            reason=self.reason,
            open_only=self.open,
        )


class LegOut(Output):
    """One half of a cross-chain move: what left, or what arrived."""

    chain: str
    tx: str
    timestamp: Instant | None
    wallet: str = Field(description="Own address.")
    recipient: str | None = Field(description="Who is to receive, as the source's event says.")
    asset: str = Field(description="CAIP-19 id.")
    symbol: str | None
    event: str = Field(description="The decoded event and its contract, or the kind of the plain transfer.")
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
            event=leg.event,
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
        description="How it is taxed: as you decided, else as the portfolio's jurisdiction has it by default."
    )
    reasons: list[str] = Field(description="What the move is, as stable codes.")
    evidence: list[str] = Field(description="One sentence each, naming transactions and events.")
    fee: Amount | None = Field(
        description="What left minus what arrived, where both are the same asset and scale."
    )
    default_treatment: Literal["not_taxable", "review", "taxable"] = Field(
        description="What the portfolio's jurisdiction says by default."
    )
    open: bool = Field(description="Whether it still waits for you.")
    decision: str | None = Field(
        description="Id of your decision that holds; null when only evidence speaks."
    )
    source: LegOut | None
    destination: LegOut | None
    further: list[LegOut] = Field(description="More arrivals of the same departure, after `destination`.")

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
            default_treatment=(link.default_treatment or link.treatment).value,
            open=link.is_open,
            decision=link.decision,
            destination=None if link.destination is None else LegOut.of(link.destination, assets),
            further=[LegOut.of(leg, assets) for leg in link.further],
        )
