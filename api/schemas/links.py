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
    Money,
    Output,
    Parameters,
    WalletRef,
    amount_of,
    money,
    shown_address,
)
from indexer.flows.link_outcome import LinkOutcomes, Part, Reading
from indexer.flows.views import LinkView
from indexer.model.asset import Asset
from indexer.model.links import BridgeLeg, LinkFilter, LinkState, ReasonCode
from indexer.model.money import fiat_to_decimal, plain, units_to_decimal

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
    outcomes: Annotated[
        bool, Field(description="Show both readings of each move with it; 50 rows a page at most.")
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


class PartOut(Output):
    """Units with their cost and the instant they count as acquired."""

    lot: str = Field(description="Id of the lot, as in `/v1/lots`.")
    quantity: str = Field(description="In whole tokens.")
    cost: Money
    acquired_at: Instant | None


class ReadingOut(Output):
    """One reading of a move; null is unknown, and `unknown` says why."""

    proceeds: Money | None
    cost: Money | None = Field(description="Of what counts as disposed of.")
    gain: Money | None = Field(description="Negative is a loss.")
    basis: Money | None = Field(description="Cost of what is held afterwards.")
    held: list[PartOut] = Field(description="What is held afterwards, with the dates it counts from.")
    unknown: list[str]

    @classmethod
    def of(cls, reading: Reading, currency: str, decimals: int) -> Self:
        """Write a reading."""
        return cls(
            proceeds=_money(reading.proceeds, currency),
            cost=_money(reading.cost, currency),
            gain=_money(reading.gain, currency),
            basis=_money(reading.basis, currency),
            held=[_part(part, currency, decimals) for part in reading.parts],
            unknown=list(reading.unknown),
        )


class OutcomesOut(Output):
    """What a move costs if it is a disposal, and if it is not: as the book would say after the decision."""

    left: list[PartOut] = Field(description="The lots that left, as the portfolio's method takes them.")
    if_disposal: ReadingOut | None
    if_not: ReadingOut | None
    assumed: bool = Field(description="A lot that left has a cost that the profile's policy assumes.")
    because: str | None = Field(description="Why there are no readings.")

    @classmethod
    def of(cls, both: LinkOutcomes) -> Self:
        """Write both readings."""
        return cls(
            left=[_part(part, both.currency, both.decimals) for part in both.left],
            if_disposal=_reading(both.if_disposal, both),
            if_not=_reading(both.if_not, both),
            assumed=both.assumed,
            because=both.because,
        )


def _money(value: int | None, currency: str) -> Money | None:
    return None if value is None else money(fiat_to_decimal(value), currency)


def _reading(reading: Reading | None, both: LinkOutcomes) -> ReadingOut | None:
    return None if reading is None else ReadingOut.of(reading, both.currency, both.decimals)


def _part(part: Part, currency: str, decimals: int) -> PartOut:
    return PartOut(
        lot=part.lot,
        quantity=plain(units_to_decimal(part.quantity, decimals)),
        cost=money(fiat_to_decimal(part.cost), currency),
        acquired_at=part.acquired_at,
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
    outcomes: OutcomesOut | None = Field(
        description="Both readings, where the list was asked with `outcomes`."
    )

    @classmethod
    def of(cls, view: LinkView, both: LinkOutcomes | None = None) -> Self:
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
            outcomes=None if both is None else OutcomesOut.of(both),
        )
