"""The indexes of the lists by address hold what a list looks for: whose, on which chain, since when.

Revision 0004. The row is read in any case; block, rank and the other party made the indexes a third larger. A load
that was killed may have left them out.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NARROW = {
    "transfer_sent": ["sender", "chain", "time"],
    "transfer_received": ["recipient", "chain", "time"],
}
WIDE = {
    "transfer_sent": ["sender", "chain", "time", "block_number", "rank"],
    "transfer_received": ["recipient", "chain", "time", "block_number", "rank", "sender"],
}


def _rebuild(indexes: dict[str, list[str]]) -> None:
    for name, columns in indexes.items():
        op.drop_index(name, "transfer", if_exists=True)
        op.create_index(name, "transfer", columns)


def upgrade() -> None:
    _rebuild(NARROW)


def downgrade() -> None:
    _rebuild(WIDE)
