"""The ledger: portfolios and what is theirs, facts shared by all, books, quotes.

Revision 0001, the first one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The same types as `indexer.store.types`, written out: a migration must not change when the code does.
KEY = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
TEXT = sa.Text()
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
RATIO: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
AMOUNT = sa.Numeric(78, 0).with_variant(sa.Text(), "sqlite")
EXACT = sa.Numeric().with_variant(sa.Text(), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.Integer(), "sqlite")
BLOB = sa.LargeBinary()

TABLES = (
    "asset",
    "block",
    "chain_state",
    "gap",
    "portfolio",
    "quote",
    "raw_transaction",
    "sync_target",
    "transfer",
    "api_key",
    "book",
    "cross_chain_link",
    "judgment",
    "tax_profile",
    "wallet",
    "book_disposal",
    "book_gap",
    "book_income",
    "book_lot",
    "book_movement",
    "book_poison",
    "book_price_conflict",
    "wallet_chain",
)


def upgrade() -> None:
    _create_facts()
    _create_tenants()
    _create_books()
    _create_decisions()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_facts() -> None:
    op.create_table(
        "asset",
        sa.Column("id", KEY, nullable=False),
        sa.Column("symbol", TEXT, nullable=False),
        sa.Column("decimals", NUMBER),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("identity_group", KEY),
        sa.Column("broad_group", KEY),
        sa.Column("price_id", KEY),
        sa.Column("spam", FLAG, nullable=False),
        sa.Column("spam_reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="asset_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "block",
        sa.Column("chain", KEY, nullable=False),
        sa.Column("number", NUMBER, nullable=False, autoincrement=False),
        sa.Column("hash", KEY, nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name="block_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chain_state",
        sa.Column("chain", KEY, nullable=False),
        sa.Column("final_block", NUMBER, nullable=False),
        sa.Column("members_version", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("chain", name="chain_state_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gap",
        sa.Column("address", KEY, nullable=False),
        sa.Column("chain", KEY, nullable=False),
        sa.Column("source", KEY, nullable=False),
        sa.Column("code", KEY, nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("from_block", NUMBER),
        sa.Column("to_block", NUMBER),
        sa.PrimaryKeyConstraint("address", "chain", "source", "code", "subject", name="gap_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("gap_chain", "gap", ["chain", "from_block"])
    op.create_index("gap_subject", "gap", ["chain", "source", "subject"])
    op.create_table(
        "quote",
        sa.Column("asset", KEY, nullable=False),
        sa.Column("currency", KEY, nullable=False),
        sa.Column("instant", TIME, nullable=False),
        sa.Column("source", KEY, nullable=False),
        sa.Column("price", EXACT, nullable=False),
        sa.Column("distance", NUMBER, nullable=False),
        sa.Column("confidence", RATIO),
        sa.Column("via", KEY),
        sa.Column("rival_source", KEY),
        sa.Column("rival_price", EXACT),
        sa.PrimaryKeyConstraint("asset", "currency", "instant", "source", name="quote_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "raw_transaction",
        sa.Column("chain", KEY, nullable=False),
        sa.Column("tx", KEY, nullable=False),
        sa.Column("block_hash", KEY, nullable=False),
        sa.Column("tx_index", NUMBER),
        sa.Column("source", KEY, nullable=False),
        sa.Column("richness", NUMBER, nullable=False),
        sa.Column("payload", BLOB, nullable=False),
        sa.PrimaryKeyConstraint("chain", "tx", name="raw_transaction_pk"),
        sqlite_strict=True,
    )
    op.create_index("raw_transaction_block", "raw_transaction", ["chain", "block_hash"])
    op.create_table(
        "sync_target",
        sa.Column("address", KEY, nullable=False),
        sa.Column("chain", KEY, nullable=False),
        sa.Column("source", KEY, nullable=False),
        sa.Column("next_due_at", TIME, nullable=False),
        sa.Column("cursor", TEXT),
        sa.Column("epoch", NUMBER, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("covered_to", NUMBER, nullable=False),
        sa.Column("target_block", NUMBER, nullable=False),
        sa.Column("leased_until", TIME),
        sa.Column("synced_at", TIME),
        sa.Column("failures", NUMBER, nullable=False),
        sa.Column("error", TEXT),
        sa.Column("seam", NUMBER),
        sa.PrimaryKeyConstraint("address", "chain", "source", name="sync_target_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("sync_target_chain", "sync_target", ["chain"])
    op.create_index("sync_target_due", "sync_target", ["next_due_at"])
    op.create_index(
        "sync_target_member",
        "sync_target",
        ["chain", "address"],
        sqlite_where=sa.text("seam IS NOT NULL"),
        postgresql_where=sa.text("seam IS NOT NULL"),
    )
    op.create_table(
        "transfer",
        sa.Column("tx", KEY, nullable=False),
        sa.Column("position", KEY, nullable=False),
        sa.Column("chain", KEY, nullable=False),
        sa.Column("rank", NUMBER, nullable=False),
        sa.Column("block_number", NUMBER, nullable=False),
        sa.Column("block_hash", KEY, nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("sender", KEY, nullable=False),
        sa.Column("recipient", KEY, nullable=False),
        sa.Column("asset", KEY, nullable=False),
        sa.Column("amount", AMOUNT, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("execution_fee", AMOUNT),
        sa.Column("l1_fee", AMOUNT),
        sqlite_strict=True,
    )
    op.create_index("transfer_block", "transfer", ["chain", "block_number"])
    op.create_index("transfer_key", "transfer", ["tx", "position", "chain"], unique=True)
    op.create_index(
        "transfer_received", "transfer", ["recipient", "chain", "time", "block_number", "rank", "sender"]
    )
    op.create_index("transfer_sent", "transfer", ["sender", "chain", "time", "block_number", "rank"])


def _create_tenants() -> None:
    op.create_table(
        "portfolio",
        sa.Column("id", KEY, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("facts_version", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="portfolio_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "api_key",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("scope", KEY, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("portfolio_id", "id", name="api_key_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], ondelete="CASCADE", name="api_key_portfolio_id_fk"
        ),
        sa.UniqueConstraint("digest", name="api_key_digest_key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tax_profile",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("since", TEXT, nullable=False),
        sa.Column("profile", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "since", name="tax_profile_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], ondelete="CASCADE", name="tax_profile_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "wallet",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("address", KEY, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("tax_group", TEXT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "id", name="wallet_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], ondelete="CASCADE", name="wallet_portfolio_id_fk"
        ),
        sa.UniqueConstraint("portfolio_id", "address", name="wallet_portfolio_id_address_key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "wallet_chain",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("wallet_id", KEY, nullable=False),
        sa.Column("chain", KEY, nullable=False),
        sa.Column("address", KEY, nullable=False),
        sa.Column("place", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "wallet_id", "chain", name="wallet_chain_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id", "wallet_id"],
            ["wallet.portfolio_id", "wallet.id"],
            ondelete="CASCADE",
            name="wallet_chain_portfolio_id_fk",
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("wallet_chain_watched", "wallet_chain", ["chain", "address", "portfolio_id"])


def _create_books() -> None:
    op.create_table(
        "book",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("fingerprint", KEY, nullable=False),
        sa.Column("currency", KEY, nullable=False),
        sa.Column("built_at", TIME, nullable=False),
        sa.Column("as_of_block", TEXT, nullable=False),
        sa.Column("facts_version", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", name="book_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], ondelete="CASCADE", name="book_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "book_disposal",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("place", NUMBER, nullable=False, autoincrement=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("asset", KEY, nullable=False),
        sa.Column("wallet", TEXT, nullable=False),
        sa.Column("quantity", EXACT, nullable=False),
        sa.Column("matched", KEY, nullable=False),
        sa.Column("rule", KEY, nullable=False),
        sa.Column("disposed_at", TIME, nullable=False),
        sa.Column("acquired_at", TIME),
        sa.Column("proceeds", EXACT, nullable=False),
        sa.Column("cost", EXACT, nullable=False),
        sa.Column("disallowed", EXACT, nullable=False),
        sa.Column("gain", EXACT, nullable=False),
        sa.Column("term", KEY, nullable=False),
        sa.Column("washed_into", KEY),
        sa.PrimaryKeyConstraint("portfolio_id", "place", name="book_disposal_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["book.portfolio_id"], ondelete="CASCADE", name="book_disposal_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "book_gap",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("place", NUMBER, nullable=False, autoincrement=False),
        sa.Column("movement", KEY, nullable=False),
        sa.Column("code", KEY, nullable=False),
        sa.Column("asset", KEY, nullable=False),
        sa.Column("quantity", EXACT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "place", name="book_gap_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["book.portfolio_id"], ondelete="CASCADE", name="book_gap_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "book_poison",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("tx", KEY, nullable=False),
        sa.Column("position", KEY, nullable=False),
        sa.Column("chain", KEY, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "tx", "position", "chain", name="book_poison_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["book.portfolio_id"], ondelete="CASCADE", name="book_poison_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "book_income",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("place", NUMBER, nullable=False, autoincrement=False),
        sa.Column("movement", KEY, nullable=False),
        sa.Column("asset", KEY, nullable=False),
        sa.Column("quantity", EXACT, nullable=False),
        sa.Column("value", EXACT, nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "place", name="book_income_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["book.portfolio_id"], ondelete="CASCADE", name="book_income_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "book_lot",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("place", NUMBER, nullable=False, autoincrement=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("asset", KEY, nullable=False),
        sa.Column("wallet", TEXT, nullable=False),
        sa.Column("quantity", EXACT, nullable=False),
        sa.Column("cost", EXACT, nullable=False),
        sa.Column("acquired_at", TIME, nullable=False),
        sa.Column("holding_from", TEXT, nullable=False),
        sa.Column("chain", KEY),
        sa.Column("address", KEY),
        sa.Column("origin", KEY, nullable=False),
        sa.Column("basis_known", FLAG, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "place", name="book_lot_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["book.portfolio_id"], ondelete="CASCADE", name="book_lot_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "book_movement",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("place", NUMBER, nullable=False, autoincrement=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("needs_review", FLAG, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "place", name="book_movement_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["book.portfolio_id"], ondelete="CASCADE", name="book_movement_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("book_movement_id", "book_movement", ["portfolio_id", "id"])
    op.create_table(
        "book_price_conflict",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("place", NUMBER, nullable=False, autoincrement=False),
        sa.Column("asset", KEY, nullable=False),
        sa.Column("currency", KEY, nullable=False),
        sa.Column("instant", TIME, nullable=False),
        sa.Column("source", KEY, nullable=False),
        sa.Column("price", EXACT, nullable=False),
        sa.Column("rival_source", KEY, nullable=False),
        sa.Column("rival_price", EXACT, nullable=False),
        sa.Column("via", KEY),
        sa.PrimaryKeyConstraint("portfolio_id", "place", name="book_price_conflict_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"],
            ["book.portfolio_id"],
            ondelete="CASCADE",
            name="book_price_conflict_portfolio_id_fk",
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _create_decisions() -> None:
    op.create_table(
        "cross_chain_link",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("departed_at", TIME, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("protocol", KEY, nullable=False),
        sa.Column("tier", KEY, nullable=False),
        sa.Column("confidence", RATIO, nullable=False),
        sa.Column("treatment", KEY, nullable=False),
        sa.Column("fee", EXACT),
        sa.Column("source", TEXT),
        sa.Column("destination", TEXT),
        sa.Column("reasons", TEXT, nullable=False),
        sa.Column("evidence", TEXT, nullable=False),
        sa.Column("further", TEXT, nullable=False),
        sa.Column("candidates", TEXT, nullable=False),
        sa.Column("default_treatment", KEY),
        sa.Column("decision", KEY),
        sa.PrimaryKeyConstraint("portfolio_id", "id", name="cross_chain_link_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], ondelete="CASCADE", name="cross_chain_link_portfolio_id_fk"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("cross_chain_link_departed", "cross_chain_link", ["portfolio_id", "departed_at"])
    op.create_table(
        "judgment",
        sa.Column("portfolio_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("place", NUMBER, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("portfolio_id", "id", name="judgment_pk"),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], ondelete="CASCADE", name="judgment_portfolio_id_fk"
        ),
        sa.UniqueConstraint("portfolio_id", "place", name="judgment_portfolio_id_place_key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
