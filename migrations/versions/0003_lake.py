"""The ledger says which imports lie in the lake, and what has to be taken out of it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "imports",
        sa.Column("in_lake", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_table(
        "lake_removals",
        sa.Column("order_id", sa.Text(collation="C"), nullable=False),
        sa.Column("data_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_lake_removals")),
    )


def downgrade() -> None:
    op.drop_table("lake_removals")
    op.drop_column("imports", "in_lake")
