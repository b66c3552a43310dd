"""What would have been expected some days ago, beside what came."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "value_judgements",
        sa.Column("days", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("calc_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("base_currency", sa.Text(), nullable=True),
        sa.Column("judged_on", postgresql.JSONB(), nullable=False),
        sa.Column("judgement", postgresql.JSONB(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("days", name="pk_value_judgements"),
    )


def downgrade() -> None:
    op.drop_table("value_judgements")
