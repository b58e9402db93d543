"""Cross-chain links: a move that left one chain and arrived on another, with the evidence for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from indexer.model.judgment import FactRef


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


class Mechanism(StrEnum):
    """How a bridge makes value appear on the other chain; the default tax treatment starts from it."""

    CANONICAL = "canonical"
    """The chain's own bridge: locked on one side, minted on the other, one to one."""
    BURN_MINT = "burn_mint"
    """The issuer burns and mints its own token."""
    LIQUIDITY = "liquidity"
    """Given to a pool or a relayer, paid out of other holdings of the same kind."""
    WRAPPED = "wrapped"
    """Locked, and a third party's claim on it minted: a new asset."""
    SWAP = "swap"
    """Any asset for any other."""


@dataclass(frozen=True, slots=True)
class WatchedLog:
    """A log that a protocol needs to see. `address` None: any contract (the decoder proves it otherwise)."""

    chain: str
    address: str | None
    topic0: bytes


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
    decimals: int | None = None
    """Of the asset; amounts of unequal scale are compared when both sides know it."""
    mechanism: Mechanism | None = None
    """None for a half guessed from a plain transfer."""
    tx_sender: str | None = None
    """Who sent the transaction: the owner, where a wrapper's contract stands in the event."""
    other_asset: str | None = None
    """CAIP-19 id of what arrives (source) or of what was sent (destination), as the event says."""
    derived: bool = False
    """The join key is computed from the content of the move: two equal moves share it."""
    arrives_in: str | None = None
    """Hash of the arrival's transaction, where the source's content determines it."""
    refund: bool = False
    """A destination half on the source chain: the deposit came back."""
    via: tuple[str, ...] = ()
    """Wrappers in the same transaction (`lifi`, `socket`); the move is counted once, here."""
    event: str = ""
    """Name of the decoded event and its contract, for the evidence."""
    ref: FactRef | None = None
    """What decisions call this half: it survives a re-index and a reorg."""


@dataclass(frozen=True, slots=True)
class LinkFilter:
    """Which links: None means any."""

    state: LinkState | None = None
    protocol: str | None = None
    chain: str | None = None
    """CAIP-2 id of either half."""
    addresses: frozenset[str] | None = None
    """Own addresses of either half."""
    reason: ReasonCode | None = None
    open_only: bool = False


@dataclass(frozen=True, slots=True)
class CrossChainLink:
    """A pair of halves with evidence. `treatment` is the one that holds: the owner's where they gave one."""

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
    further: tuple[BridgeLeg, ...] = ()
    """More arrivals of the same departure (partial fills), after `destination`."""
    candidates: tuple[str, ...] = ()
    """Ids of the halves that fit as well, when the pairing is not the only one possible."""
    default_treatment: Treatment | None = None
    """What the jurisdiction says by default, where the owner's word in `treatment` replaced it."""
    decision: str | None = None
    """Id of the judgment that holds for this link; None when only the evidence speaks."""

    @property
    def halves(self) -> tuple[BridgeLeg, ...]:
        """Every half that is known: the departure first."""
        return tuple(leg for leg in (self.source, self.destination, *self.further) if leg is not None)

    @property
    def is_open(self) -> bool:
        """Whether the owner still has to look: proposed, or possibly taxable and not decided."""
        if self.state is LinkState.PROPOSED:
            return True
        return (
            self.state is LinkState.CONFIRMED
            and self.decision is None
            and self.treatment is not Treatment.NOT_TAXABLE
        )

    def fits(self, where: LinkFilter) -> bool:
        """Whether the filter lets the link through."""
        return (
            where.state in {None, self.state}
            and where.protocol in {None, self.protocol}
            and (where.reason is None or where.reason in self.reasons)
            and (where.chain is None or any(leg.chain == where.chain for leg in self.halves))
            and (where.addresses is None or any(_touches(leg, where.addresses) for leg in self.halves))
            and (not where.open_only or self.is_open)
        )


def _touches(leg: BridgeLeg, addresses: frozenset[str]) -> bool:
    return leg.wallet in addresses or leg.tx_sender in addresses or leg.recipient in addresses
