"""Ports: what the flows need from the outside world. Adapters live in `chains`, `prices` and `store`."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec
from indexer.model.facts import BlockRef, FactPage, Gap, Sweep, Transfer
from indexer.model.prices import PriceNeed, PricePolicy, PriceResult
from indexer.model.stored import Undetailed


class Clock(Protocol):
    """The time, passed in so that tests can turn it."""

    def now(self) -> datetime:
        """The present instant in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class BalanceCheck:
    """What the ledger believes an address holds of one asset at a block, to be compared with the node."""

    asset: str
    ledger_sum: int
    moves: tuple[tuple[int, int], ...] | None = None
    """How the sum came about, as (block, received minus sent), ascending; with it a difference can be placed."""


class ChainReader(Protocol):
    """One chain, ready to be asked. Every method raises `RetryableError`, `RefusedError` or `LyingSourceError`.

    Implementations fail over between their endpoints by themselves.
    """

    @property
    def spec(self) -> ChainSpec:
        """The chain's block of `chains.yaml`."""
        ...

    def normalize_address(self, text: str) -> str:
        """Return the canonical (lower-case) form, or raise `InputError` saying what is wrong."""
        ...

    async def sources(self) -> tuple[str, ...]:
        """Names of the sources that every address of this chain is collected from, by what endpoints can do."""
        ...

    async def head(self) -> BlockRef:
        """The newest block, with hash and time, from an endpoint that serves the right chain."""
        ...

    async def finalized(self) -> int:
        """Number of the newest block that cannot be undone."""
        ...

    async def block_hash(self, number: int) -> str | None:
        """Hash of the block on the surviving chain, None when the node does not have it."""
        ...

    def pages(
        self, address: str, source: str, cursor: Mapping[str, object] | None, until: BlockRef
    ) -> AsyncIterator[FactPage]:
        """Yield pages of facts from `cursor` (None: from the start) up to and including block `until`.

        Each page can be committed on its own; a run that stops anywhere resumes from the last page's cursor.
        Yields at least one page, so that progress is recorded even when nothing was found. After a reorg the
        ledger puts `rewind_to: N` into the stored cursor: everything above block N has been removed and must be
        read again (the next cursor leaves the key out).
        """
        ...

    @property
    def swept(self) -> frozenset[str]:
        """Names of sources that read for many addresses at once, through `sweep`; all others go by `pages`.

        `receipts` is among them where transactions are told by `details`.
        """
        ...

    def sweep(
        self, source: str, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncIterator[Sweep]:
        """Yield the facts of all these addresses in blocks `first` to `last`, in sweeps that follow each other.

        The last one covers up to `last`; `head` is the newest block, against which a reorg is noticed. Each can be
        committed on its own; a run that stops anywhere goes on behind the last committed one.
        """
        ...

    async def details(self, txs: Sequence[Undetailed], watched: frozenset[str], target: int) -> Sweep:
        """Read transactions of these blocks whole and settle them for all watched addresses they touch.

        The sweep covers nothing (`covered_to` None); `target` is the block this run wants to reach.
        """
        ...

    async def followed(self) -> frozenset[str]:
        """Sources that the chain's head follower makes needless from its seam on; empty: this chain is not followed."""
        ...

    def follow(
        self, addresses: frozenset[str], first: int, last: int, head: BlockRef
    ) -> AsyncGenerator[Sweep, None]:
        """As `sweep`, for the head follower: everything that whole blocks tell."""
        ...

    def heads(self) -> AsyncGenerator[int, None]:
        """Numbers of new heads as they are announced, the branch replaced included. Ends where nobody announces any."""
        ...

    async def verify(self, address: str, block: BlockRef, sums: Sequence[BalanceCheck]) -> list[Gap]:
        """Compare ledger sums with balances at `block`; differences and refusals come back as gaps."""
        ...

    async def call(self, to: str, data: bytes, block: int | None = None) -> bytes:
        """`eth_call` at a block (None: newest). The port that `prices` reads pools through."""
        ...

    async def block_at(self, instant: datetime) -> int | None:
        """Newest block at or before an instant, None when before the first."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


@runtime_checkable
class RebaseReader(Protocol):
    """A reader that tells tokens whose balances change without transfers."""

    async def rebases(
        self, address: str, block: BlockRef, checks: Sequence[BalanceCheck]
    ) -> Sequence[Transfer]:
        """What rebases gave (from the zero address) or took up to `block` and the ledger lacks, as facts without a
        transaction. Every check bears its moves; for other tokens nothing comes back.
        """
        ...


class PriceSource(Protocol):
    """A place that quotes prices. It answers what it can; what it leaves out is unknown to it.

    Raises `RetryableError` when it cannot answer now; an empty answer means that it does not know.
    """

    @property
    def name(self) -> str:
        """Short lower-case name, recorded with every quote."""
        ...

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs this source can serve, batched as it likes."""
        ...


class PriceService(Protocol):
    """Prices for flows: plans, batches, caches and asks the sources in their order."""

    @property
    def policy(self) -> PricePolicy:
        """How quotes are chosen; its fingerprint is part of every book's."""
        ...

    async def resolve(
        self, needs: Iterable[PriceNeed], assets: Mapping[str, Asset]
    ) -> dict[PriceNeed, PriceResult]:
        """Answer every need: a quote or the reason why there is none."""
        ...
