"""Every table of the ledger. `migrations/` builds the same; a test proves it.

Facts (`block`, `transfer`, `raw_transaction`, `asset`, `gap`, `sync_target`, `quote`) are shared by all
portfolios. Tables of a tenant lead their primary key with `portfolio_id`.
"""

from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, UniqueConstraint, text

from indexer.store.types import (
    Blob,
    Day,
    Document,
    ExactDecimal,
    ExactInteger,
    Flag,
    Key,
    Number,
    Prose,
    Ratio,
    UtcTime,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)

AMOUNT = ExactInteger(78)
"""uint256 in base units: 78 digits."""

WIDE = ExactInteger()
"""Quantities at 10**-18 tokens and money at 10**-18 units: products of a uint256 fit too."""

# STRICT refuses a value of another type instead of storing it; tables without rowid are clustered by their key.
ROWS: dict[str, Any] = {"sqlite_strict": True}
CLUSTERED: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _of_portfolio() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["portfolio_id"], ["portfolio.id"], ondelete="CASCADE")


def _of_book() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["portfolio_id"], ["book.portfolio_id"], ondelete="CASCADE")


portfolio = Table(
    "portfolio",
    metadata,
    Column("id", Key, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("facts_version", Number, nullable=False),
    **CLUSTERED,
)

api_key = Table(
    "api_key",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("name", Prose, nullable=False),
    Column("digest", Key, nullable=False),
    Column("scope", Key, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    _of_portfolio(),
    UniqueConstraint("digest"),
    **CLUSTERED,
)

tax_profile = Table(
    "tax_profile",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("since", Day, primary_key=True),
    Column("profile", Document, nullable=False),
    _of_portfolio(),
    **CLUSTERED,
)

wallet = Table(
    "wallet",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("address", Key, nullable=False),
    Column("label", Prose, nullable=False),
    Column("tax_group", Prose, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    _of_portfolio(),
    UniqueConstraint("portfolio_id", "address"),
    **CLUSTERED,
)

wallet_chain = Table(
    "wallet_chain",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("wallet_id", Key, primary_key=True),
    Column("chain", Key, primary_key=True),
    Column("address", Key, nullable=False),
    Column("place", Number, nullable=False),
    ForeignKeyConstraint(
        ["portfolio_id", "wallet_id"], ["wallet.portfolio_id", "wallet.id"], ondelete="CASCADE"
    ),
    Index("wallet_chain_watched", "chain", "address", "portfolio_id"),
    **CLUSTERED,
)

sync_target = Table(
    "sync_target",
    metadata,
    Column("address", Key, primary_key=True),
    Column("chain", Key, primary_key=True),
    Column("source", Key, primary_key=True),
    Column("next_due_at", UtcTime, nullable=False),
    Column("cursor", Document),
    Column("epoch", Number, nullable=False),
    Column("state", Key, nullable=False),
    Column("covered_to", Number, nullable=False),
    Column("target_block", Number, nullable=False),
    Column("leased_until", UtcTime),
    Column("synced_at", UtcTime),
    Column("failures", Number, nullable=False),
    Column("error", Prose),
    Column("seam", Number),
    Index("sync_target_due", "next_due_at"),
    Index("sync_target_chain", "chain"),
    Index(
        "sync_target_member",
        "chain",
        "address",
        sqlite_where=text("seam IS NOT NULL"),
        postgresql_where=text("seam IS NOT NULL"),
    ),
    # every commit moves cursors: with room beside it a row is written anew on its page, and no index with it
    postgresql_with={"fillfactor": 50},
    **CLUSTERED,
)

block = Table(
    "block",
    metadata,
    Column("chain", Key, primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("hash", Key, nullable=False),
    Column("time", UtcTime, nullable=False),
    **CLUSTERED,
)

chain_state = Table(
    "chain_state",
    metadata,
    Column("chain", Key, primary_key=True),
    Column("final_block", Number, nullable=False),
    Column("members_version", Number, nullable=False),
    **CLUSTERED,
)

# The key starts with `tx`: led by `chain`, SQLite would take it for the way to all transfers of an address.
transfer = Table(
    "transfer",
    metadata,
    Column("tx", Key, nullable=False),
    Column("position", Key, nullable=False),
    Column("chain", Key, nullable=False),
    Column("rank", Number, nullable=False),
    Column("block_number", Number, nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("sender", Key, nullable=False),
    Column("recipient", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("amount", AMOUNT, nullable=False),
    Column("kind", Key, nullable=False),
    Column("execution_fee", AMOUNT),
    Column("l1_fee", AMOUNT),
    # an index and no constraint: a load leaves it out, so that rows are appended in the order they come in
    Index("transfer_key", "tx", "position", "chain", unique=True),
    Index("transfer_sent", "sender", "chain", "time"),
    Index("transfer_received", "recipient", "chain", "time"),
    Index("transfer_block", "chain", "block_number"),
    **ROWS,
)

raw_transaction = Table(
    "raw_transaction",
    metadata,
    Column("chain", Key, primary_key=True),
    Column("tx", Key, primary_key=True),
    Column("block_hash", Key, nullable=False),
    Column("tx_index", Number),
    Column("source", Key, nullable=False),
    Column("richness", Number, nullable=False),
    Column("payload", Blob, nullable=False),
    Index("raw_transaction_block", "chain", "block_hash"),
    **ROWS,
)

asset = Table(
    "asset",
    metadata,
    Column("id", Key, primary_key=True),
    Column("symbol", Prose, nullable=False),
    Column("decimals", Number),
    Column("name", Prose, nullable=False),
    Column("identity_group", Key),
    Column("broad_group", Key),
    Column("price_id", Key),
    Column("spam", Flag, nullable=False),
    Column("spam_reason", Prose, nullable=False),
    **CLUSTERED,
)

gap = Table(
    "gap",
    metadata,
    Column("address", Key, primary_key=True),
    Column("chain", Key, primary_key=True),
    Column("source", Key, primary_key=True),
    Column("code", Key, primary_key=True),
    Column("subject", Key, primary_key=True),
    Column("detail", Prose, nullable=False),
    Column("from_block", Number),
    Column("to_block", Number),
    Index("gap_chain", "chain", "from_block"),
    Index("gap_subject", "chain", "source", "subject"),
    **CLUSTERED,
)

cross_chain_link = Table(
    "cross_chain_link",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("departed_at", UtcTime, nullable=False),
    Column("state", Key, nullable=False),
    Column("protocol", Key, nullable=False),
    Column("tier", Key, nullable=False),
    Column("confidence", Ratio, nullable=False),
    Column("treatment", Key, nullable=False),
    Column("fee", WIDE),
    Column("source", Document),
    Column("destination", Document),
    Column("reasons", Document, nullable=False),
    Column("evidence", Document, nullable=False),
    Column("further", Document, nullable=False),
    Column("candidates", Document, nullable=False),
    Column("default_treatment", Key),
    Column("decision", Key),
    _of_portfolio(),
    Index("cross_chain_link_departed", "portfolio_id", "departed_at"),
    **CLUSTERED,
)

judgment = Table(
    "judgment",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("place", Number, nullable=False),
    Column("kind", Key, nullable=False),
    Column("subject", Key, nullable=False),
    Column("payload", Document, nullable=False),
    Column("who", Prose, nullable=False),
    Column("decided_at", UtcTime, nullable=False),
    Column("why", Prose, nullable=False),
    _of_portfolio(),
    UniqueConstraint("portfolio_id", "place"),
    **CLUSTERED,
)

book = Table(
    "book",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("fingerprint", Key, nullable=False),
    Column("currency", Key, nullable=False),
    Column("built_at", UtcTime, nullable=False),
    Column("as_of_block", Document, nullable=False),
    Column("facts_version", Number, nullable=False),
    _of_portfolio(),
    **CLUSTERED,
)

book_lot = Table(
    "book_lot",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("place", Number, primary_key=True, autoincrement=False),
    Column("id", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("wallet", Prose, nullable=False),
    Column("quantity", WIDE, nullable=False),
    Column("cost", WIDE, nullable=False),
    Column("acquired_at", UtcTime, nullable=False),
    Column("holding_from", Day, nullable=False),
    Column("chain", Key),
    Column("address", Key),
    Column("origin", Key, nullable=False),
    Column("basis_known", Flag, nullable=False),
    _of_book(),
    **CLUSTERED,
)

book_disposal = Table(
    "book_disposal",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("place", Number, primary_key=True, autoincrement=False),
    Column("id", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("wallet", Prose, nullable=False),
    Column("quantity", WIDE, nullable=False),
    Column("matched", Key, nullable=False),
    Column("rule", Key, nullable=False),
    Column("disposed_at", UtcTime, nullable=False),
    Column("acquired_at", UtcTime),
    Column("proceeds", WIDE, nullable=False),
    Column("cost", WIDE, nullable=False),
    Column("disallowed", WIDE, nullable=False),
    Column("gain", WIDE, nullable=False),
    Column("term", Key, nullable=False),
    Column("washed_into", Key),
    _of_book(),
    **CLUSTERED,
)

book_income = Table(
    "book_income",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("place", Number, primary_key=True, autoincrement=False),
    Column("movement", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("quantity", WIDE, nullable=False),
    Column("value", WIDE, nullable=False),
    Column("time", UtcTime, nullable=False),
    _of_book(),
    **CLUSTERED,
)

book_poison = Table(
    "book_poison",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("tx", Key, primary_key=True),
    Column("position", Key, primary_key=True),
    Column("chain", Key, primary_key=True),
    Column("reason", Prose, nullable=False),
    _of_book(),
    **CLUSTERED,
)

book_gap = Table(
    "book_gap",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("place", Number, primary_key=True, autoincrement=False),
    Column("movement", Key, nullable=False),
    Column("code", Key, nullable=False),
    Column("asset", Key, nullable=False),
    Column("quantity", WIDE, nullable=False),
    Column("detail", Prose, nullable=False),
    _of_book(),
    **CLUSTERED,
)

book_movement = Table(
    "book_movement",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("place", Number, primary_key=True, autoincrement=False),
    Column("id", Key, nullable=False),
    Column("kind", Key, nullable=False),
    Column("needs_review", Flag, nullable=False),
    Column("document", Document, nullable=False),
    _of_book(),
    Index("book_movement_id", "portfolio_id", "id"),
    **CLUSTERED,
)

book_price_conflict = Table(
    "book_price_conflict",
    metadata,
    Column("portfolio_id", Key, primary_key=True),
    Column("place", Number, primary_key=True, autoincrement=False),
    Column("asset", Key, nullable=False),
    Column("currency", Key, nullable=False),
    Column("instant", UtcTime, nullable=False),
    Column("source", Key, nullable=False),
    Column("price", ExactDecimal, nullable=False),
    Column("rival_source", Key, nullable=False),
    Column("rival_price", ExactDecimal, nullable=False),
    Column("via", Key),
    _of_book(),
    **CLUSTERED,
)

quote = Table(
    "quote",
    metadata,
    Column("asset", Key, primary_key=True),
    Column("currency", Key, primary_key=True),
    Column("instant", UtcTime, primary_key=True),
    Column("source", Key, primary_key=True),
    Column("price", ExactDecimal, nullable=False),
    Column("distance", Number, nullable=False),
    Column("confidence", Ratio),
    Column("via", Key),
    Column("rival_source", Key),
    Column("rival_price", ExactDecimal),
    **CLUSTERED,
)
