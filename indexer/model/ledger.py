"""The ledger port: what flows ask of the store. `indexer.store` implements it on SQLite and PostgreSQL.

`Ledger.read()` is one consistent snapshot; `Ledger.write()` is one transaction, committed when the block ends
without an error and rolled back otherwise. A flow opens each once, at its edge.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol

from indexer.model.collected import Facts, Targets
from indexer.model.judgment import Judgment
from indexer.model.links import CrossChainLink, LinkFilter
from indexer.model.lots import BookGap, Disposal
from indexer.model.prices import QuoteCache
from indexer.model.profile import TaxProfile
from indexer.model.stored import (
    ApiKey,
    BookedMovement,
    BookSnapshot,
    DisposalFilter,
    MovementFilter,
    Page,
    Wallet,
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
