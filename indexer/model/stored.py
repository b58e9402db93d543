"""What the ledger gives and takes beside facts and books: keys, wallets, sync targets, filters and pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from indexer.model.asset import Asset
from indexer.model.facts import BlockRef, Transfer, TransferKind
from indexer.model.lots import BookGap, Disposal, Income, Lot, Term
from indexer.model.movement import Movement, MovementKind
from indexer.model.prices import DisputedPrice

T = TypeVar("T")


class KeyScope(StrEnum):
    """What an API key may do; `write` includes `read`, `admin` includes both."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the store knows it: a salted-free SHA-256 of a 256-bit random secret, never the secret."""

    id: str
    portfolio: str
    name: str
    digest: str
    scope: KeyScope
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wallet:
    """An address that a portfolio watches on some chains. `group` is its tax wallet, the address by default."""

    id: str
    portfolio: str
    address: str
    chains: tuple[str, ...]
    label: str
    group: str
    created_at: datetime


class SyncState(StrEnum):
    """How far the collection of one target has come."""

    PENDING = "pending"
    SYNCING = "syncing"
    SYNCED = "synced"
    ERROR = "error"


DISCOVER = "discover"
"""The source every wallet starts with: it finds out which real sources its chain's endpoints offer."""

PROVE = "balances"
"""The target that compares a wallet's ledger with the node's balances; it fetches no facts."""

RECEIPTS = "receipts"
"""The source that reads whole the transactions of which so far only a log is known."""

LOGS = "logs"
"""The source of token transfers whose transactions `RECEIPTS` reads whole."""

FOLLOW = "follow"
"""The target of a chain's head follower; its address is `EVERYONE`."""

EVERYONE = "*"
"""The address of targets that a whole chain shares."""

UNCOVERING = frozenset({DISCOVER, PROVE})
"""Targets that say nothing about how far the facts reach."""


@dataclass(frozen=True, slots=True)
class TargetKey:
    """What is collected on its own: one address on one chain through one source."""

    address: str
    chain: str
    source: str


@dataclass(frozen=True, slots=True)
class SyncTarget:
    """A row of the level-triggered work table.

    Whoever claims a target raises `epoch`; everything written for it afterwards is fenced by that epoch.
    `covered_to` is the highest block the source vouches for, -1 before the first page. From block `seam` on the
    chain's head follower vouches for the address: a target that covers all blocks below its seam is handed over when
    its run ends well, is not due any more, and reads as far, and in such a state, as the follower.
    """

    key: TargetKey
    next_due_at: datetime
    cursor: dict[str, object] | None
    epoch: int
    state: SyncState
    covered_to: int = -1
    target_block: int = 0
    leased_until: datetime | None = None
    synced_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    seam: int | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """Targets of one chain and source that are due and free; `oldest` is when the first of them fell due."""

    chain: str
    source: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """What a sweep changed: how many transfers were new, and every party of new or completed ones."""

    new: int
    parties: frozenset[str]


class Undetailed(NamedTuple):
    """A transaction of which only transfers are known: where it lies, and whom they concern."""

    tx: str
    block: BlockRef
    parties: frozenset[str]


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """Which transfers of a portfolio: None means any. `addresses` are those of one wallet."""

    addresses: tuple[str, ...] | None = None
    chain: str | None = None
    asset: str | None = None
    kind: TransferKind | None = None
    tx: str | None = None
    include_spam: bool = True


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A transfer with what is needed to show it; `id` is `<chain>/<tx>/<position>`.

    `poison` says why the transfer by itself is spam, whatever its asset is; None when it is none.
    """

    id: str
    transfer: Transfer
    asset: Asset
    poison: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):  # the PEP 695 form needs Python 3.12
    """A slice of a list; `next_cursor` is opaque and None on the last one."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """A book as it is kept to be served: the values of `tax` with when and from what it was built."""

    portfolio: str
    fingerprint: str
    currency: str
    built_at: datetime
    as_of_block: Mapping[str, int]
    lots: tuple[Lot, ...]
    disposals: tuple[Disposal, ...]
    income: tuple[Income, ...]
    gaps: tuple[BookGap, ...]
    facts_version: int = 0
    """`Books.version` in the snapshot the book was built from."""
    disputed: tuple[DisputedPrice, ...] = ()
    """Prices it was made with that another source contradicts, by asset and instant."""


@dataclass(frozen=True, slots=True)
class SaleOutcome:
    """What a send would bring if it was a sale at market value. Money is in 10**-18 units of the book's currency."""

    proceeds: int
    """Market value less the fee."""
    cost: int
    gain: int
    basis_known: bool
    """False when the cost is an assumption of the profile's policy for unknown basis."""


@dataclass(frozen=True, slots=True)
class BookedMovement:
    """A movement as the book took it, with its values filled in."""

    movement: Movement
    needs_review: bool = False
    """Only its owner can say what it was, or what it cost."""
    proposed: MovementKind | None = None
    """What it was taken for before the owner's decision; None when there is none."""
    decisions: tuple[str, ...] = ()
    """Ids of the judgments that shaped it."""
    if_sold: SaleOutcome | None = None
    """Of an unreviewed send, where the figure does not depend on what happens around it."""


@dataclass(frozen=True, slots=True)
class MovementFilter:
    """Which movements: None means any. `wallets` are tax wallets or addresses of one wallet."""

    kind: MovementKind | None = None
    needs_review: bool | None = None
    wallets: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class DisposalFilter:
    """Which disposals: None means any. Instants bound the time of the disposal, `until` is not in it."""

    pool: str | None = None
    term: Term | None = None
    since: datetime | None = None
    until: datetime | None = None
