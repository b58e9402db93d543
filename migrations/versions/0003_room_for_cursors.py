"""Rows of `sync_target` have room beside them to be written anew.

Revision 0003. PostgreSQL alone: rows that are there move when they are next changed.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE sync_target SET (fillfactor = 50)")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE sync_target RESET (fillfactor)")
