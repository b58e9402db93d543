"""What reading flows answer: plain values, ready to be written as JSON by the API and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from indexer.model.asset import Asset
from indexer.model.facts import GapCode
from indexer.model.links import CrossChainLink
from indexer.model.lots import BookGap, Lot, Term
from indexer.model.prices import DisputedPrice, PriceQuote, PriceStatus
from indexer.model.stored import SyncState, Wallet


@dataclass(frozen=True, slots=True)
class GapView:
    """Equal gaps of one address on one chain, summed up. `transactions` are the hashes among the subjects."""

    code: GapCode
    source: str
    detail: str
    count: int
    from_block: int | None
    to_block: int | None
    transactions: tuple[str, ...] = ()
    asset: str | None = None


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """How far a wallet is known on one chain. `complete`: synced, proven and without gaps."""

    chain: str
    state: SyncState
    as_of_block: int | None
    complete: bool
    gaps: tuple[GapView, ...]
    progress: float
    """0 to 1 of the blocks of the current run."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class WalletStatus:
    """A wallet with the state of each of its chains."""

    wallet: Wallet
    chains: tuple[ChainStatus, ...]


@dataclass(frozen=True, slots=True)
class Freshness:
    """What every computed answer says of itself."""

    as_of_block: Mapping[str, int]
    """Per chain the lowest block that every wallet on it is covered to."""
    price_as_of: datetime | None
    """The oldest quote among those used; None when nothing was priced."""
    complete: bool
    """Every chain complete, every lot priced and every basis known."""
    incomplete_because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValuedLot:
    """An open lot at today's price. Money is exact `Decimal` currency units; unknown stays None."""

    lot: Lot
    asset: Asset
    quantity: Decimal
    cost: Decimal | None
    """None while the owner has not said what an arrival of unknown basis cost (policy `ask`)."""
    quote: PriceQuote | None
    missing: PriceStatus | None
    """Why there is no quote."""
    value: Decimal | None
    unrealized: Decimal | None
    """value - cost; negative is a loss that can be harvested"""
    term: Term
    """What a sale today would be."""
    long_from: date | None = None
    """First day (in the taxpayer's zone) on which a sale would be long-term."""


@dataclass(frozen=True, slots=True)
class LossRow:
    """Open lots of one asset, chain or wallet taken together. Largest loss first in a report."""

    key: str
    """Pool asset, CAIP-2 chain or wallet, by the report's grouping."""
    label: str
    quantity: Decimal | None
    """None where the group mixes assets."""
    cost: Decimal
    """Of the lots whose basis is known."""
    value: Decimal | None
    """Of the priced lots; None when no lot is priced."""
    unrealized: Decimal | None
    loss: Decimal
    """Sum of the losing lots alone, as a positive number: what can be harvested."""
    gain: Decimal
    """Sum of the winning lots alone."""
    short_loss: Decimal
    long_loss: Decimal
    price: Decimal | None
    price_source: str | None
    lots: int
    unpriced_lots: int
    lots_without_basis: int
    chains: tuple[str, ...]
    wallets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnpricedHolding:
    """A holding that is in no total because nobody could price it."""

    asset: Asset
    quantity: Decimal
    cost: Decimal | None
    """None when the basis of every lot is unknown."""
    status: PriceStatus
    detail: str


@dataclass(frozen=True, slots=True)
class RealizedTotals:
    """This tax year's disposals so far."""

    year: int
    short: Decimal
    long: Decimal
    disallowed: Decimal


@dataclass(frozen=True, slots=True)
class LossReport:
    """The consolidated answer: unrealized losses over all wallets and chains."""

    currency: str
    group_by: str
    """asset | chain | wallet"""
    rows: tuple[LossRow, ...]
    total_cost: Decimal
    total_value: Decimal
    total_unrealized: Decimal
    total_loss: Decimal
    total_gain: Decimal
    priced_share_of_cost: Decimal
    """0 to 1: the cost of the priced lots over the cost of all lots."""
    realized: RealizedTotals
    unpriced: tuple[UnpricedHolding, ...]
    book_gaps: tuple[BookGap, ...]
    freshness: Freshness
    fingerprint: str | None
    price_conflicts: tuple[DisputedPrice, ...] = ()
    """Present prices that another source contradicts by more than the policy's bound, by asset."""
    book_conflicts: tuple[DisputedPrice, ...] = ()
    """The same of the past prices that the book is made with, the widest apart first."""


@dataclass(frozen=True, slots=True)
class LotPage:
    """Open lots with their value, for `GET /v1/lots`."""

    currency: str
    lots: tuple[ValuedLot, ...]
    next_cursor: str | None
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class LinkView:
    """A cross-chain link with the assets of its halves for showing amounts."""

    link: CrossChainLink
    assets: Mapping[str, Asset]
