"""Reading transfers: a portfolio sees those that touch its wallets on the chains they are watched on."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Subquery,
    Table,
    and_,
    exists,
    func,
    or_,
    select,
    union_all,
)

from indexer.model.asset import Asset, SpamVerdict
from indexer.model.facts import Transfer
from indexer.model.judgment import JudgmentKind, standing
from indexer.model.stored import Page, TransferFilter, TransferRow
from indexer.store import cursors
from indexer.store.judgments import all_judgments
from indexer.store.rows import BLOCK_HASH, IN_BLOCK, to_asset, to_transfer
from indexer.store.tables import asset, block, book_poison, raw_transaction, transfer, wallet_chain
from indexer.store.transaction import Transaction
from indexer.store.types import exact_sum

STREAM_ROWS = 2_000
UNKNOWN_INDEX = 1 << 40

ORDER = ("time", "chain", "block_number", "tx", "rank", "position")
"""Oldest first; the rows of one transaction stay together."""

SHAPE = (datetime, str, int, str, int, str)


@dataclass(frozen=True, slots=True)
class SpamOverrides:
    """Assets that a portfolio's owner has judged otherwise than the automatic verdict may say."""

    spam: frozenset[str]
    fair: frozenset[str]

    def apply(self, seen: Asset) -> Asset:
        """The asset with the owner's verdict."""
        if seen.id in self.spam and not seen.spam.spam:
            return replace(seen, spam=SpamVerdict(spam=True, reason="marked as spam by the owner"))
        if seen.id in self.fair and seen.spam.spam:
            return replace(seen, spam=SpamVerdict(spam=False, reason="marked as no spam by the owner"))
        return seen


async def page_of_transfers(
    transaction: Transaction, portfolio: str, where: TransferFilter, cursor: str | None, limit: int
) -> Page[TransferRow]:
    """Transfers of a portfolio, oldest first.

    Raises:
        InputError: this list did not give out the cursor.
    """
    overrides = await _overrides(transaction, portfolio)
    seen = _touching(portfolio, _conditions(portfolio, where, overrides, cursor)).subquery()
    first = select(seen).order_by(*(seen.c[name] for name in ORDER)).limit(limit + 1).subquery()
    rows = await transaction.rows(
        select(transfer, BLOCK_HASH, *_asset_columns(), book_poison.c.reason.label("poison"))
        .select_from(first)
        .join(transfer, _same(transfer, first))
        .outerjoin(block, IN_BLOCK)
        .join(asset, asset.c.id == transfer.c.asset)
        .outerjoin(book_poison, _poison_of(portfolio))
        .order_by(*(transfer.c[name] for name in ORDER))
    )
    shown = rows[:limit]
    after = None
    if len(rows) > limit and shown:
        after = cursors.write("transfers", [getattr(shown[-1], name) for name in ORDER])
    return Page(tuple(_row(row, overrides) for row in shown), after)


async def stream_transfers(transaction: Transaction, portfolio: str) -> AsyncIterator[Transfer]:
    """Every transfer of the portfolio in chain order.

    That is time, chain, block, place of the transaction in its block where a raw payload says it, rank in the
    transaction. Rows of one transaction are consecutive.
    """
    seen = _touching(portfolio, []).subquery()
    place = func.coalesce(raw_transaction.c.tx_index, UNKNOWN_INDEX)
    columns = {name: transfer.c[name] for name in ORDER}
    query = (
        select(transfer, BLOCK_HASH)
        .select_from(seen)
        .join(transfer, _same(transfer, seen))
        .outerjoin(block, IN_BLOCK)
        .outerjoin(
            raw_transaction,
            and_(raw_transaction.c.chain == transfer.c.chain, raw_transaction.c.tx == transfer.c.tx),
        )
        .order_by(
            columns["time"],
            columns["chain"],
            columns["block_number"],
            place,
            *(columns[name] for name in ORDER[3:]),
        )
    )
    result = await transaction.connection.stream(query, execution_options={"yield_per": STREAM_ROWS})
    try:
        async for rows in result.partitions():
            for row in rows:
                yield to_transfer(row)
    finally:
        await result.close()


async def assets_of_portfolio(transaction: Transaction, portfolio: str) -> dict[str, Asset]:
    """Every asset that appears in the portfolio's transfers, with the owner's verdicts on spam."""
    overrides = await _overrides(transaction, portfolio)
    seen = _touching(portfolio, []).subquery()
    ids = select(transfer.c.asset).select_from(seen.join(transfer, _same(transfer, seen)))
    rows = await transaction.rows(select(asset).where(asset.c.id.in_(ids)).order_by(asset.c.id))
    return {row.id: overrides.apply(to_asset(row)) for row in rows}


async def sums_of(
    transaction: Transaction, address: str, chain: str, up_to_block: int | None
) -> dict[str, int]:
    """Received minus sent per asset, exact; assets that never moved are left out."""
    total: dict[str, int] = {}
    for side, sign in ((transfer.c.recipient, 1), (transfer.c.sender, -1)):
        query = (
            select(transfer.c.asset, exact_sum(transfer.c.amount).label("amount"))
            .where(transfer.c.chain == chain, side == address)
            .group_by(transfer.c.asset)
        )
        if up_to_block is not None:
            query = query.where(transfer.c.block_number <= up_to_block)
        for row in await transaction.rows(query):
            total[row.asset] = total.get(row.asset, 0) + sign * row.amount
    return dict(sorted(total.items()))


async def moves_of(
    transaction: Transaction, address: str, chain: str, asset_id: str, up_to_block: int
) -> tuple[tuple[int, int], ...]:
    """How one asset's balance moved, as (block, received minus sent) in order of blocks; both sides of a self move."""
    moved: dict[int, int] = {}
    for side, sign in ((transfer.c.recipient, 1), (transfer.c.sender, -1)):
        rows = await transaction.rows(
            select(transfer.c.block_number, transfer.c.amount).where(
                transfer.c.chain == chain,
                side == address,
                transfer.c.asset == asset_id,
                transfer.c.block_number <= up_to_block,
            )
        )
        for row in rows:
            moved[row.block_number] = moved.get(row.block_number, 0) + sign * row.amount
    return tuple(sorted(moved.items()))


def _touching(portfolio: str, conditions: Collection[ColumnElement[bool]]) -> CompoundSelect[Any]:
    """Keys of the transfers that a portfolio may see, each once.

    Two branches, since either party may be watched: each is one look-up by (chain, address) per wallet. The
    second leaves out what the first has.
    """
    sent = select(*(transfer.c[name] for name in ORDER)).join(
        wallet_chain,
        and_(wallet_chain.c.chain == transfer.c.chain, wallet_chain.c.address == transfer.c.sender),
    )
    received = select(*(transfer.c[name] for name in ORDER)).join(
        wallet_chain,
        and_(wallet_chain.c.chain == transfer.c.chain, wallet_chain.c.address == transfer.c.recipient),
    )
    other = wallet_chain.alias()
    sender_watched = exists().where(
        # no equality: SQLite would take the primary key for it and go through all wallets for every transfer
        other.c.portfolio_id >= portfolio,
        other.c.portfolio_id <= portfolio,
        other.c.chain == transfer.c.chain,
        other.c.address == transfer.c.sender,
    )
    mine = wallet_chain.c.portfolio_id == portfolio

    def limited(query: Select[Any]) -> Select[Any]:
        return query.where(mine, *conditions)

    return union_all(limited(sent), limited(received).where(~sender_watched.correlate(transfer)))


def _conditions(
    portfolio: str, where: TransferFilter, overrides: SpamOverrides, cursor: str | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.addresses is not None:
        conditions.append(
            or_(transfer.c.sender.in_(where.addresses), transfer.c.recipient.in_(where.addresses))
        )
    for column, value in (
        (transfer.c.chain, where.chain),
        (transfer.c.asset, where.asset),
        (transfer.c.kind, None if where.kind is None else where.kind.value),
        (transfer.c.tx, where.tx),
    ):
        if value is not None:
            conditions.append(column == value)
    if not where.include_spam:
        conditions += [_fair(overrides), ~exists().where(_poison_of(portfolio))]
    if cursor is not None:
        keys = cursors.read("transfers", cursor, SHAPE)
        columns = [transfer.c[name] for name in ORDER]
        # the first comparison is implied by the second, but an index can use it
        conditions += [transfer.c.time >= keys[0], cursors.beyond(columns, keys)]
    return conditions


def _fair(overrides: SpamOverrides) -> ColumnElement[bool]:
    """Not spam: by the owner's word where there is one, else by the automatic verdict."""
    spam = select(asset.c.id).where(asset.c.spam.is_(True))
    by_verdict = and_(transfer.c.asset.not_in(spam), transfer.c.asset.not_in(sorted(overrides.spam)))
    return or_(by_verdict, transfer.c.asset.in_(sorted(overrides.fair)))


def _poison_of(portfolio: str) -> ColumnElement[bool]:
    """The verdict of the portfolio's book on a transfer."""
    return and_(book_poison.c.portfolio_id == portfolio, _same(book_poison, transfer))


async def _overrides(transaction: Transaction, portfolio: str) -> SpamOverrides:
    latest = {
        judgment.subject: judgment.payload.get("spam") is True
        for judgment in standing(await all_judgments(transaction, portfolio))
        if judgment.kind is JudgmentKind.SPAM
    }
    return SpamOverrides(
        spam=frozenset(name for name, spam in latest.items() if spam),
        fair=frozenset(name for name, spam in latest.items() if not spam),
    )


def _same(table: Any, keys: Subquery | Table) -> ColumnElement[bool]:
    return and_(table.c.chain == keys.c.chain, table.c.tx == keys.c.tx, table.c.position == keys.c.position)


def _asset_columns() -> list[ColumnElement[Any]]:
    return [column.label(f"asset_{column.name}") for column in asset.c]


class _AssetOf:
    """The asset columns of a joined row, by the names of the asset table."""

    __slots__ = ("_row",)

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, f"asset_{name}")


def _row(row: Any, overrides: SpamOverrides) -> TransferRow:
    found: Any = _AssetOf(row)
    moved = to_transfer(row)
    return TransferRow(
        id=f"{moved.chain}/{moved.tx}/{moved.position}",
        transfer=moved,
        asset=overrides.apply(to_asset(found)),
        poison=row.poison,
    )
