"""What an order's status means, beside the word that its file has for it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Orders that are there keep their words; the lake's files lack the column: all are rewritten."""
    op.add_column("orders", sa.Column("status_word", sa.Text(), nullable=True))
    op.execute("UPDATE imports SET in_lake = false WHERE in_lake")


def downgrade() -> None:
    op.execute("UPDATE orders SET status = status_word WHERE status_word <> ''")
    op.drop_column("orders", "status_word")
    op.execute("UPDATE imports SET in_lake = false WHERE in_lake")
