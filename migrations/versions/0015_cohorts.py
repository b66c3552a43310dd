"""Cohorts: customers by the month of their first order."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "customer_cohorts",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("months", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_customer_cohorts"),
    )
    op.create_index("ix_customer_cohorts_first_month", "customer_cohorts", ["first_month"])
    op.create_table(
        "cohort_cells",
        sa.Column("is_total", sa.Boolean(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("customers", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.Numeric(precision=24, scale=4), nullable=False),
        sa.Column("left_out", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "is_total", "country", "first_month", "month", name="pk_cohort_cells"
        ),
    )
    op.create_table(
        "cohort_state",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("calc_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("base_currency", sa.Text(), nullable=True),
        sa.Column("last_month", sa.Date(), nullable=False),
        sa.Column("is_last_over", sa.Boolean(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_cohort_state_single_row"),
        sa.PrimaryKeyConstraint("id", name="pk_cohort_state"),
    )


def downgrade() -> None:
    op.drop_table("cohort_state")
    op.drop_table("cohort_cells")
    op.drop_table("customer_cohorts")
