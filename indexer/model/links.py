"""Cross-chain links: a move that left one chain and arrived on another, with the evidence for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LinkState(StrEnum):
    """`proposed` waits for the owner; `confirmed` may be automatic when the evidence is exact and unique."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class Tier(StrEnum):
    """The kind of evidence, strongest first."""

    EXACT_ID = "exact_id"
    DERIVED_ID = "derived_id"
    RECIPIENT = "recipient"
    HEURISTIC = "heuristic"
    MANUAL = "manual"


class ReasonCode(StrEnum):
    """What a link is, for its tax treatment. One link may carry several."""

    SAME_ASSET_CANONICAL = "SAME_ASSET_CANONICAL"
    SAME_ISSUER_BURN_MINT = "SAME_ISSUER_BURN_MINT"
    LIQUIDITY_SAME_SYMBOL = "LIQUIDITY_SAME_SYMBOL"
    WRAPPED_REPRESENTATION = "WRAPPED_REPRESENTATION"
    DIFFERENT_ASSET = "DIFFERENT_ASSET"
    FEE_LOST = "FEE_LOST"
    THIRD_PARTY_RECIPIENT = "THIRD_PARTY_RECIPIENT"
    UNMATCHED_SOURCE = "UNMATCHED_SOURCE"
    UNMATCHED_DESTINATION = "UNMATCHED_DESTINATION"
    REFUND = "REFUND"


class Treatment(StrEnum):
    """Whether a move is a possible taxable event by default in the portfolio's jurisdiction."""

    NOT_TAXABLE = "not_taxable"
    REVIEW = "review"
    TAXABLE = "taxable"


class Side(StrEnum):
    """The two halves of a cross-chain move."""

    SOURCE = "src"
    DESTINATION = "dst"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An event log as decoders see it. `data` and `topics` are bytes, `address` lower-case hex."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    index: int


@dataclass(frozen=True, slots=True)
class TransactionView:
    """What a bridge protocol may look at: one transaction with its logs, on one chain."""

    chain: str
    tx: str
    time: datetime | None
    sender: str
    recipient: str | None
    value: int
    input: bytes
    logs: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True)
class BridgeLeg:
    """One half of a cross-chain move, decoded from protocol events or guessed from a transfer.

    `asset` and `amount` are what left (source) or arrived (destination); `join_key` pairs halves of one
    protocol exactly, None where the protocol has no id. `chain` values are CAIP-2 ids.
    """

    id: str
    side: Side
    protocol: str
    chain: str
    tx: str
    time: datetime | None
    asset: str
    amount: int
    wallet: str
    """Own address: the sender of a source half, the recipient of a destination half."""
    join_key: str | None = None
    recipient: str | None = None
    """Who is to receive, as the source event says."""
    other_chain: str | None = None
    """Where to (source) or from (destination), as the event says."""
    expected_amount: int | None = None
    """What the source event promises on arrival."""
    group: str | None = None
    """Identity group of the asset, for moves that change the contract."""


@dataclass(frozen=True, slots=True)
class CrossChainLink:
    """A pair of halves with evidence. `treatment` is the default; the owner's judgment may differ."""

    id: str
    """Stable: derived from the halves' (chain, tx, position), never from row ids."""
    source: BridgeLeg | None
    destination: BridgeLeg | None
    protocol: str
    tier: Tier
    confidence: float
    state: LinkState
    reasons: tuple[ReasonCode, ...]
    treatment: Treatment
    evidence: tuple[str, ...] = ()
    """One sentence each, naming transactions and events."""
    fee: int | None = None
    """Source minus destination amount in base units where both are the same asset and scale."""
