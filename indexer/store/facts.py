"""Transfers and what belongs to them, shared by all portfolios."""

import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update

from indexer.model.asset import Asset, SpamVerdict
from indexer.model.facts import BlockRef, FactPage, Gap, RawTransaction, Sweep, Transfer
from indexer.model.stored import Applied, Page, TargetKey, TransferFilter, TransferRow, Undetailed
from indexer.store.apply import apply_page, apply_sweep
from indexer.store.gaps import gaps_of, put_gaps, remove_gaps
from indexer.store.raws import undetailed
from indexer.store.reading import (
    assets_of_portfolio,
    moves_of,
    page_of_transfers,
    stream_transfers,
    sums_of,
)
from indexer.store.reorg import final_block, forget_block, remembered_blocks, rollback, set_final_block
from indexer.store.rows import to_asset
from indexer.store.staleness import holders, raise_version
from indexer.store.tables import asset, raw_transaction
from indexer.store.transaction import Transaction, chunks


class SqlFacts:
    """Implements `indexer.model.ledger.Facts`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def apply(self, page: FactPage, epoch: int) -> int:
        """Write a page and its cursor; returns how many transfers were new."""
        return await apply_page(self._transaction, page, epoch)

    async def apply_sweep(
        self, sweep: Sweep, epochs: Mapping[str, int], leased_until: datetime | None
    ) -> Applied:
        """Write a sweep and the cursors of all addresses of `epochs` (address to epoch); extend their leases."""
        return await apply_sweep(self._transaction, sweep, epochs, leased_until)

    async def undetailed(
        self, chain: str, above: tuple[int, str], up_to_block: int, limit: int, *, poor: bool = False
    ) -> tuple[Undetailed, ...]:
        """Transactions with transfers in the ledger but no raw payload, by (block, tx), with their parties."""
        return await undetailed(self._transaction, chain, above, up_to_block, limit, poor=poor)

    async def replace_gaps(self, address: str, chain: str, source: str, gaps: Sequence[Gap]) -> None:
        """Set the gaps that `source` reports for the address."""
        await remove_gaps(self._transaction, address, chain, source)
        await put_gaps(self._transaction, gaps)

    async def gaps(self, addresses: Iterable[str]) -> tuple[Gap, ...]:
        """All gaps of these addresses."""
        return await gaps_of(self._transaction, addresses)

    async def remembered_blocks(self, chain: str, limit: int) -> tuple[BlockRef, ...]:
        """The highest blocks whose hash is remembered, highest first."""
        return await remembered_blocks(self._transaction, chain, limit)

    async def forget_block(self, chain: str, number: int) -> bool:
        """Forget the hash of a block; False, and nothing is done, when facts lie in it."""
        return await forget_block(self._transaction, chain, number)

    async def final_block(self, chain: str) -> int:
        """The highest block that the chain called final at a time when the ledger agreed with it; -1 before."""
        return await final_block(self._transaction, chain)

    async def set_final_block(self, chain: str, number: int) -> None:
        """Raise `final_block`; it never falls."""
        await set_final_block(self._transaction, chain, number)

    async def rollback(self, chain: str, to_block: int, *, keep: tuple[TargetKey, int] | None = None) -> int:
        """Remove every fact of the chain above `to_block`, rewind its targets; returns the transfers removed."""
        return await rollback(self._transaction, chain, to_block, keep)

    async def sums(self, address: str, chain: str, up_to_block: int | None = None) -> dict[str, int]:
        """Exact balance per asset as the ledger sees it at the end of a block (None: of all facts)."""
        return await sums_of(self._transaction, address, chain, up_to_block)

    async def moves(
        self, address: str, chain: str, asset_id: str, up_to_block: int
    ) -> tuple[tuple[int, int], ...]:
        """How one asset's balance moved, block by block."""
        return await moves_of(self._transaction, address, chain, asset_id, up_to_block)

    async def transfers(
        self, portfolio: str, where: TransferFilter, cursor: str | None, limit: int
    ) -> Page[TransferRow]:
        """Transfers that touch the portfolio's wallets on the chains they are watched on, oldest first."""
        return await page_of_transfers(self._transaction, portfolio, where, cursor, limit)

    def stream(self, portfolio: str) -> AsyncIterator[Transfer]:
        """Every transfer of the portfolio in chain order (time, chain, block, transaction, position)."""
        return stream_transfers(self._transaction, portfolio)

    async def assets(self, ids: Iterable[str]) -> dict[str, Asset]:
        """The assets that are known among these ids."""
        found: dict[str, Asset] = {}
        for part in chunks(sorted(set(ids))):
            rows = await self._transaction.rows(select(asset).where(asset.c.id.in_(part)))
            found.update((row.id, to_asset(row)) for row in rows)
        return found

    async def portfolio_assets(self, portfolio: str) -> dict[str, Asset]:
        """Every asset that appears in the portfolio's transfers."""
        return await assets_of_portfolio(self._transaction, portfolio)

    async def every_asset(self) -> tuple[Asset, ...]:
        """Every asset that is known, with the automatic verdict."""
        rows = await self._transaction.rows(select(asset).order_by(asset.c.id))
        return tuple(to_asset(row) for row in rows)

    async def judge_assets(self, verdicts: Mapping[str, SpamVerdict]) -> None:
        """Replace automatic verdicts by asset id; whoever holds such an asset has a stale book."""
        for part in chunks(sorted(verdicts.items())):
            rows = [
                {"judged": name, "now_spam": found.spam, "now_reason": found.reason} for name, found in part
            ]
            changed = update(asset).where(asset.c.id == bindparam("judged"))
            await self._transaction.run(
                changed.values(spam=bindparam("now_spam"), spam_reason=bindparam("now_reason")), rows
            )
            await raise_version(
                self._transaction, await holders(self._transaction, [name for name, _ in part])
            )

    async def raw_stamps(self, txs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """What changes when the raw transaction does (another block, a richer payload), by (chain, tx)."""
        by_chain: dict[str, set[str]] = defaultdict(set)
        for chain, tx in txs:
            by_chain[chain].add(tx)
        columns = [raw_transaction.c[name] for name in ("chain", "tx", "block_hash", "source", "richness")]
        found: dict[tuple[str, str], str] = {}
        for chain, wanted in sorted(by_chain.items()):
            for part in chunks(sorted(wanted)):
                rows = await self._transaction.rows(
                    select(*columns).where(raw_transaction.c.chain == chain, raw_transaction.c.tx.in_(part))
                )
                found.update(
                    ((row.chain, row.tx), f"{row.block_hash}:{row.source}:{row.richness}") for row in rows
                )
        return found

    async def raws(self, txs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], RawTransaction]:
        """Raw transactions by (chain, tx)."""
        by_chain: dict[str, set[str]] = defaultdict(set)
        for chain, tx in txs:
            by_chain[chain].add(tx)
        found: dict[tuple[str, str], RawTransaction] = {}
        for chain, wanted in sorted(by_chain.items()):
            for part in chunks(sorted(wanted)):
                rows = await self._transaction.rows(
                    select(raw_transaction).where(
                        raw_transaction.c.chain == chain, raw_transaction.c.tx.in_(part)
                    )
                )
                found.update(
                    (
                        (row.chain, row.tx),
                        RawTransaction(
                            row.chain, row.tx, row.block_hash, row.source, zlib.decompress(row.payload)
                        ),
                    )
                    for row in rows
                )
        return found
