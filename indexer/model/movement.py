"""Movements: one transaction seen from one portfolio, netted into what left, what came and the fee."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MovementKind(StrEnum):
    """What a transaction is to its owner. Classification proposes it; a judgment may change it."""

    SWAP = "swap"
    SEND = "send"
    """To a stranger: unreviewed until the owner says what it was; lots leave the holdings unrealized."""
    RECEIVE = "receive"
    """From a stranger: basis unknown, a gap, never income by default."""
    SELF = "self"
    """Between own wallets on one chain."""
    BRIDGE_OUT = "bridge_out"
    BRIDGE_IN = "bridge_in"
    WRAP = "wrap"
    BUY = "buy"
    """Acquired for money outside the chain (neutral documents, user judgments)."""
    SELL = "sell"
    """Disposed of for money outside the chain."""
    INCOME = "income"
    FEE = "fee"
    """Nothing but a fee: an approval, a failed transaction."""
    GIFT_OUT = "gift_out"
    GIFT_IN = "gift_in"
    LOST = "lost"
    LP_ADD = "lp_add"
    LP_REMOVE = "lp_remove"
    LEND = "lend"
    BORROW = "borrow"
    REPAY = "repay"
    STAKE = "stake"
    NFT = "nft"
    SPAM = "spam"


@dataclass(frozen=True, slots=True)
class Leg:
    """One asset that left or came. `value` is its fiat worth at the time (10**-18 units), None when unknown.

    `asset` is the CAIP-19 id (neutral documents: the document's own name), `pool_asset` the name under which
    lots are pooled (the strict identity group, else the asset), `quantity` an integer at the pool's scale
    of 10**-18 tokens (tokens with more decimals: their own base units).
    """

    wallet: str
    """Tax wallet: the address, or the group of addresses that the owner made."""
    asset: str
    pool_asset: str
    quantity: int
    value: int | None = None
    chain: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """A dated event that the tax engine books. Legs of one kind are in the order of the transaction.

    `id` is `<chain>:<tx>` (several movements of one transaction append `#n`) or the document's own id; `order`
    breaks ties of equal times and is total within a portfolio: (block number, transaction index, n).
    """

    id: str
    time: datetime
    order: tuple[int, ...]
    kind: MovementKind
    out: tuple[Leg, ...] = ()
    into: tuple[Leg, ...] = ()
    fee: tuple[Leg, ...] = ()
    counterparty: str | None = None
    link: str | None = None
    """Id of the cross-chain link that pairs this half with the other."""
    note: str = ""
    fee_value: int = 0
    """Fee paid in money (10**-18 units): part of the cost of what came, or off the proceeds of what left."""
    lots: tuple[tuple[str, int], ...] = ()
    """Lots that the owner named for the first asset that left: (lot id, quantity), in that order (spec-id)."""
    acquired_at: datetime | None = None
    """Original acquisition of units received (gift, own records)."""
    portfolio_value: int | None = None
    """Worth of all digital assets at the time of a sale (France)."""
    group: str | None = None
    """Name that joins movements which are the two sides of one exchange."""
