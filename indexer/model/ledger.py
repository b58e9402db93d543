"""The ledger port: what flows ask of the store. `indexer.store` implements it on SQLite and PostgreSQL.

`Ledger.read()` is one consistent snapshot; `Ledger.write()` is one transaction, committed when the block ends
without an error and rolled back otherwise. A flow opens each once, at its edge.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol

from indexer.model.asset import Asset, SpamVerdict
from indexer.model.facts import BlockRef, FactPage, Gap, RawTransaction, Sweep, Transfer
from indexer.model.judgment import Judgment
from indexer.model.links import CrossChainLink, LinkFilter
from indexer.model.lots import BookGap, Disposal
from indexer.model.prices import QuoteCache
from indexer.model.profile import TaxProfile
from indexer.model.stored import (
    ApiKey,
    Applied,
    BookedMovement,
    BookSnapshot,
    DisposalFilter,
    MovementFilter,
    Page,
    SyncTarget,
    TargetKey,
    TransferFilter,
    TransferRow,
    Undetailed,
    Wallet,
    Work,
)


class Tenants(Protocol):
    """Portfolios, their keys and profiles."""

    async def ensure_portfolio(self, portfolio: str, now: datetime) -> None:
        """Create the portfolio if it does not exist."""
        ...

    async def portfolios(self) -> tuple[str, ...]:
        """Ids of all portfolios."""
        ...

    async def add_key(self, key: ApiKey) -> None:
        """Store a new key."""
        ...

    async def key_by_digest(self, digest: str) -> ApiKey | None:
        """The key that is not revoked and has this digest."""
        ...

    async def keys(self, portfolio: str) -> tuple[ApiKey, ...]:
        """All keys of a portfolio, revoked ones too, oldest first."""
        ...

    async def revoke_key(self, portfolio: str, key_id: str, now: datetime) -> bool:
        """Revoke a key; False when there is none."""
        ...

    async def profile(self, portfolio: str) -> tuple[TaxProfile, ...]:
        """The portfolio's dated profiles in order of `since`; one default profile when none was set."""
        ...

    async def own_profiles(self, portfolio: str) -> tuple[TaxProfile, ...]:
        """The profiles that were set, in order of `since`; none when none was."""
        ...

    async def set_profile(self, portfolio: str, profile: TaxProfile) -> None:
        """Store a profile, replacing one of the same `since`."""
        ...

    async def remove_profile(self, portfolio: str, since: date) -> bool:
        """Forget the profile of this `since`; False when there is none."""
        ...


class Wallets(Protocol):
    """The addresses that portfolios watch."""

    async def save(self, wallet: Wallet) -> None:
        """Insert or replace a wallet with its chains. Chains never shrink here; `remove` does that."""
        ...

    async def get(self, portfolio: str, wallet_id: str) -> Wallet | None:
        """One wallet of this portfolio by id."""
        ...

    async def by_address(self, portfolio: str, address: str) -> Wallet | None:
        """One wallet of this portfolio by address."""
        ...

    async def list(self, portfolio: str, cursor: str | None, limit: int) -> Page[Wallet]:
        """Wallets in order of creation."""
        ...

    async def all(self, portfolio: str) -> tuple[Wallet, ...]:
        """Every wallet of the portfolio."""
        ...

    async def watched(self, chain: str) -> frozenset[str]:
        """Every address that some portfolio watches on the chain."""
        ...

    async def remove(self, portfolio: str, wallet_id: str) -> bool:
        """Stop watching; targets that nobody watches any more go with it, facts stay."""
        ...


class Targets(Protocol):
    """The level-triggered work table. Every write names the epoch it was claimed with."""

    async def ensure(self, keys: Iterable[TargetKey], now: datetime) -> None:
        """Create missing targets, due now."""
        ...

    async def due(self, now: datetime, limit: int) -> tuple[TargetKey, ...]:
        """Targets that are due and not leased, longest due first."""
        ...

    async def next_due(self) -> datetime | None:
        """When the next target falls due; None when there are none."""
        ...

    async def claim(self, key: TargetKey, now: datetime, leased_until: datetime) -> SyncTarget | None:
        """Take the target: epoch + 1, state syncing. None when it is gone, not due, or leased by another."""
        ...

    async def due_work(self, now: datetime) -> tuple[Work, ...]:
        """What is due and not leased, counted by chain and source, longest due first."""
        ...

    async def due_of(self, chain: str, source: str, now: datetime, limit: int) -> tuple[TargetKey, ...]:
        """Targets of one chain and source that are due and not leased, longest due first."""
        ...

    async def claim_many(
        self,
        chain: str,
        source: str,
        now: datetime,
        leased_until: datetime,
        limit: int,
        *,
        followed: bool = False,
    ) -> tuple[SyncTarget, ...]:
        """Take up to `limit` due and free targets of one chain and source at once, longest due first.

        With `followed` a target without a seam gets one where the chain's follower stands (its `covered_to` + 1),
        if there is a follower that covers a block: from now on it sees the address too.
        """
        ...

    async def finish_many(
        self, chain: str, source: str, epochs: Mapping[str, int], now: datetime, next_due_at: datetime
    ) -> None:
        """`finish` for every address of `epochs` (address to epoch); those that others took over are passed by.

        A target that covers all blocks below its seam is handed to the follower: it never falls due again.
        """
        ...

    async def fail_many(
        self, chain: str, source: str, epochs: Mapping[str, int], error: str, next_due_at: datetime
    ) -> None:
        """`fail` for every address of `epochs`; those that others took over are passed by."""
        ...

    async def release_many(
        self, chain: str, source: str, epochs: Mapping[str, int], next_due_at: datetime
    ) -> None:
        """Let go of targets that are neither done nor failed; those that others took over are passed by."""
        ...

    async def poke_many(
        self, chain: str, addresses: Iterable[str], sources: Iterable[str], now: datetime
    ) -> None:
        """Make these targets due now, as far as they are there."""
        ...

    async def members(self, chain: str) -> tuple[int, frozenset[str]]:
        """Addresses with a seam on the chain, and a number that changes whenever one joins or leaves."""
        ...

    async def members_version(self, chain: str) -> int:
        """The number that `members` gives, without the addresses.

        The follower asks for it behind its `apply_sweep`, in the same transaction: whoever joins holds the
        follower's row while the number is raised, so that either this commit sees the new number, or the one who
        joins waits for it and gets a seam above what it covers.
        """
        ...

    async def reseat(self, chain: str, seam: int, now: datetime) -> int:
        """Move all seams of the chain up to `seam` after the follower fell too far behind; returns how many.

        Targets that were handed over cover what the follower covered and are due again, to read the blocks
        between by themselves.
        """
        ...

    async def renew(self, key: TargetKey, epoch: int, leased_until: datetime) -> None:
        """Extend the lease. Raises `FencedError` when another epoch rules."""
        ...

    async def finish(self, key: TargetKey, epoch: int, now: datetime, next_due_at: datetime) -> None:
        """Release a target that is covered up to its goal: state synced, failures 0. Fenced."""
        ...

    async def fail(self, key: TargetKey, epoch: int, error: str, next_due_at: datetime) -> None:
        """Release a target with an error for the user: state error, failures + 1. Fenced."""
        ...

    async def failing(self, limit: int) -> tuple[SyncTarget, ...]:
        """Targets in state error, the one that is tried again soonest first."""
        ...

    async def poke(
        self, chain: str | None, address: str | None, now: datetime, source: str | None = None
    ) -> int:
        """Make matching targets due now (None matches all); returns how many."""
        ...

    async def of(self, addresses: Iterable[str]) -> tuple[SyncTarget, ...]:
        """All targets of these addresses."""
        ...


class Facts(Protocol):
    """Transfers and what belongs to them. Shared by all portfolios."""

    async def apply(self, page: FactPage, epoch: int) -> int:
        """Write a page and its cursor; returns how many transfers were new.

        Raises `FencedError` when the target's epoch is another one. A transfer that exists is left alone, except
        that a known `l1_fee` replaces an unknown one and a richer raw payload replaces a poorer one; a different
        amount or asset under the same identity on the same block hash becomes a `SOURCE_CONFLICT` gap.
        """
        ...

    async def apply_sweep(self, sweep: Sweep, epochs: Mapping[str, int], leased_until: datetime) -> Applied:
        """Write a sweep, the cursors of all addresses of `epochs` (address to epoch), and extend their leases.

        The same promises as `apply`. Raises `FencedError` when one epoch is another: nothing is written.
        """
        ...

    async def undetailed(
        self, chain: str, above: tuple[int, str], up_to_block: int, limit: int, *, poor: bool = False
    ) -> tuple[Undetailed, ...]:
        """Transactions with transfers in the ledger but no raw payload, by (block, tx), with their parties.

        `above` is the (block number, tx) to go on behind. Pseudo transactions (whose name is no hash) are left out.
        With `poor` also those whose payload is there and holds no receipt because nobody served it to `RECEIPTS`.
        """
        ...

    async def replace_gaps(self, address: str, chain: str, source: str, gaps: Sequence[Gap]) -> None:
        """Set the gaps that `source` (for example `balance-check`) reports for the address."""
        ...

    async def gaps(self, addresses: Iterable[str]) -> tuple[Gap, ...]:
        """All gaps of these addresses."""
        ...

    async def remembered_blocks(self, chain: str, limit: int) -> tuple[BlockRef, ...]:
        """The highest blocks whose hash is remembered, highest first."""
        ...

    async def forget_block(self, chain: str, number: int) -> bool:
        """Forget the hash of a block; False, and nothing is done, when facts lie in it."""
        ...

    async def final_block(self, chain: str) -> int:
        """The highest block that the chain called final at a time when the ledger agreed with it; -1 before."""
        ...

    async def set_final_block(self, chain: str, number: int) -> None:
        """Raise `final_block`; it never falls."""
        ...

    async def rollback(self, chain: str, to_block: int, *, keep: tuple[TargetKey, int] | None = None) -> int:
        """Remove every fact of the chain above `to_block`, rewind its targets; returns the transfers removed.

        `keep` is a target and its epoch that go on: rewound too, it keeps epoch and lease, so that the chain's
        follower puts the new branch in place in the same transaction. Raises `FencedError` when another epoch rules.
        Targets that were handed to the follower before `to_block` are left alone: the follower reads for them.
        """
        ...

    async def sums(self, address: str, chain: str, up_to_block: int | None = None) -> dict[str, int]:
        """Exact balance per asset as the ledger sees it at the end of a block (None: of all facts).

        Received minus sent, in base units; negative when facts are missing.
        """
        ...

    async def moves(
        self, address: str, chain: str, asset_id: str, up_to_block: int
    ) -> tuple[tuple[int, int], ...]:
        """How one asset's balance moved up to a block: (block, received minus sent in base units), ascending.

        A block in which the address paid itself counts with 0.
        """
        ...

    async def transfers(
        self, portfolio: str, where: TransferFilter, cursor: str | None, limit: int
    ) -> Page[TransferRow]:
        """Transfers that touch the portfolio's wallets on the chains they are watched on, oldest first."""
        ...

    def stream(self, portfolio: str) -> AsyncIterator[Transfer]:
        """Every transfer of the portfolio in chain order (time, chain, block, position)."""
        ...

    async def assets(self, ids: Iterable[str]) -> dict[str, Asset]:
        """The assets that are known among these ids."""
        ...

    async def portfolio_assets(self, portfolio: str) -> dict[str, Asset]:
        """Every asset that appears in the portfolio's transfers."""
        ...

    async def every_asset(self) -> tuple[Asset, ...]:
        """Every asset that is known, with the automatic verdict."""
        ...

    async def judge_assets(self, verdicts: Mapping[str, SpamVerdict]) -> None:
        """Replace automatic verdicts by asset id; whoever holds such an asset has a stale book."""
        ...

    async def raws(self, txs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], RawTransaction]:
        """Raw transactions by (chain, tx)."""
        ...

    async def raw_stamps(self, txs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """What changes when the raw transaction does (another block, a richer payload), by (chain, tx)."""
        ...


class Links(Protocol):
    """A portfolio's cross-chain links."""

    async def replace(self, portfolio: str, links: Sequence[CrossChainLink]) -> None:
        """Make these the portfolio's links; equal ids keep their row."""
        ...

    async def list(
        self, portfolio: str, where: LinkFilter | None, cursor: str | None, limit: int
    ) -> Page[CrossChainLink]:
        """Links, newest departure first."""
        ...

    async def get(self, portfolio: str, link_id: str) -> CrossChainLink | None:
        """One link of this portfolio."""
        ...

    async def all(self, portfolio: str) -> tuple[CrossChainLink, ...]:
        """Every link of the portfolio."""
        ...


class Judgments(Protocol):
    """Append-only decisions."""

    async def add(self, judgment: Judgment) -> None:
        """Append one."""
        ...

    async def all(self, portfolio: str) -> tuple[Judgment, ...]:
        """All of them in the order they were made."""
        ...


class Books(Protocol):
    """The last book of each portfolio."""

    async def save(
        self,
        book: BookSnapshot,
        movements: Sequence[BookedMovement] = (),
        poison: Mapping[tuple[str, str, str], str] = MappingProxyType({}),
    ) -> None:
        """Replace the portfolio's book and the movements it was made of, which come in order of time.

        `poison` are the transfers, by `Transfer.key`, that are spam whatever their asset is, with the reason.
        """
        ...

    async def movements(
        self, portfolio: str, where: MovementFilter, cursor: str | None, limit: int
    ) -> Page[BookedMovement]:
        """Movements of the present book, oldest first.

        Raises:
            InputError: the cursor is not one this list gave out for the present book.
        """
        ...

    async def movements_of(self, portfolio: str, ids: Iterable[str]) -> dict[str, BookedMovement]:
        """The movements among these ids."""
        ...

    async def load(self, portfolio: str) -> BookSnapshot | None:
        """The portfolio's book, None before the first one."""
        ...

    async def head(self, portfolio: str) -> BookSnapshot | None:
        """The book without its rows: what it was built from, and when."""
        ...

    async def gaps_of(self, portfolio: str, movements: Iterable[str]) -> tuple[BookGap, ...]:
        """Gaps of these movements."""
        ...

    async def disposals(
        self, portfolio: str, where: DisposalFilter, cursor: str | None, limit: int
    ) -> Page[Disposal]:
        """Disposals of the present book, oldest first.

        Raises:
            InputError: the cursor is not one this list gave out for the present book.
        """
        ...

    async def version(self, portfolio: str) -> int:
        """Counts the changes to the portfolio's facts, judgments and wallets; 0 before the first."""
        ...

    async def mark_stale(self, addresses: Iterable[str]) -> None:
        """Raise the version of every portfolio that watches one of these addresses."""
        ...

    async def stale(self) -> tuple[str, ...]:
        """Portfolios whose version is not the one their book was built from (or that have no book yet).

        A change that lands while a book is being built is thus never lost.
        """
        ...


class UnitOfWork(Protocol):
    """One transaction's view of every repository."""

    @property
    def tenants(self) -> Tenants: ...
    @property
    def wallets(self) -> Wallets: ...
    @property
    def targets(self) -> Targets: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def links(self) -> Links: ...
    @property
    def judgments(self) -> Judgments: ...
    @property
    def books(self) -> Books: ...


class Ledger(Protocol):
    """The one SQL ledger."""

    def read(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A read-only snapshot."""
        ...

    def write(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """One transaction. Raises `StorageError` when the disk is full or the database stays locked."""
        ...

    def loading(self) -> AbstractAsyncContextManager[None]:
        """Around transactions that write much: an empty ledger takes them faster, and is as before behind it."""
        ...

    @property
    def quotes(self) -> QuoteCache:
        """The stored quotes; it commits by itself, since quotes are facts shared by all."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
