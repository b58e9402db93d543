"""What collecting asks of the store: the work table and the facts. A part of the port in `ledger`."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from indexer.model.asset import Asset, SpamVerdict
from indexer.model.facts import BlockRef, FactPage, Gap, RawTransaction, Sweep, Transfer
from indexer.model.stored import (
    Applied,
    Page,
    SyncTarget,
    TargetKey,
    TransferFilter,
    TransferRow,
    Undetailed,
    Work,
)


class Targets(Protocol):
    """The level-triggered work table. Every write names the epoch it was claimed with."""

    async def ensure(self, keys: Iterable[TargetKey], now: datetime) -> None:
        """Create missing targets, due now."""
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

    async def apply_sweep(
        self, sweep: Sweep, epochs: Mapping[str, int], leased_until: datetime | None
    ) -> Applied:
        """Write a sweep and the cursors of all addresses of `epochs` (address to epoch); extend their leases.

        `leased_until` None leaves the leases: with nothing else changed a cursor costs PostgreSQL a third.
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
