"""What an actor of the story can do, as values. `indexer.demo.script` strings them together; `plays` performs them.

Amounts are decimal strings of whole tokens, times are UTC.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pay:
    """A plain transfer of the native coin (`ETH`) or a token."""

    sender: str
    recipient: str
    symbol: str
    amount: str


@dataclass(frozen=True, slots=True)
class Swap:
    """A trade through the router along `path`; `ETH` at an end means the native coin.

    `fails` asks for more than the pool gives, so that the transaction reverts and only gas is paid.
    """

    wallet: str
    path: tuple[str, ...]
    amount: str
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Wrap:
    """Native coin into its wrapped token, or back with `unwrap`."""

    wallet: str
    amount: str
    unwrap: bool = False


@dataclass(frozen=True, slots=True)
class Bridge:
    """A move to the other chain: `amount` leaves, `arrives` is paid out there `minutes` later.

    `minutes` None: nobody fills it, and the deposit comes back after its deadline.

    `ETH` is sent as value and arrives as native coin; `WETH` is pulled as a token and arrives as native coin too.
    `recipient` is another part of the cast that receives, None for the wallet itself.
    """

    wallet: str
    symbol: str
    amount: str
    arrives: str
    minutes: int | None
    recipient: str | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """The relayer's half of the `number`-th deposit of the chain `origin`."""

    origin: int
    number: int


@dataclass(frozen=True, slots=True)
class Refund:
    """The bridge's batch on the deposit's own chain that pays the `number`-th deposit back, with a relayer's due."""

    number: int
    symbol: str
    relayer_due: str


@dataclass(frozen=True, slots=True)
class Airdrop:
    """A worthless token with an address for a name, sent to both of the owner's wallets unasked."""

    name: str
    symbol: str
    amount: str


@dataclass(frozen=True, slots=True)
class Poison:
    """A transfer of nothing from the owner to an address that looks like the owner's other wallet."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Reprice:
    """The rest of the market moves every pool to the price table's entry `index`."""

    index: int


Act = Pay | Swap | Wrap | Bridge | Fill | Refund | Airdrop | Poison | Reprice


@dataclass(frozen=True, slots=True)
class Cue:
    """An act on one chain at a time. `text` tells it to a person, empty where the owner takes no part."""

    when: datetime
    chain_id: int
    act: Act
    text: str = ""
