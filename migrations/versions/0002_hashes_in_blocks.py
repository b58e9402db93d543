"""The hash of a transfer's block stands in `block` alone.

Revision 0002. Whoever wrote a transfer has written its block as well, so nothing is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.drop_column("transfer", "block_hash")


def downgrade() -> None:
    # neither database adds a column that must be told without a default to rows that are there
    op.add_column("transfer", sa.Column("block_hash", KEY, nullable=False, server_default=""))
    op.execute(
        "UPDATE transfer SET block_hash = block.hash FROM block "
        "WHERE block.chain = transfer.chain AND block.number = transfer.block_number"
    )
