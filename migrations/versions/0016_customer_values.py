"""What customers of a snapshot are expected to buy, and the model that says so."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MONEY = sa.Numeric(precision=24, scale=4)


def upgrade() -> None:
    op.create_table(
        "customer_values",
        sa.Column("customer_id", sa.Text(collation="C"), nullable=False),
        sa.Column("calc_date", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(f"expected_orders_{days}", sa.Float(), nullable=True)
          for days in (30, 90, 365)),
        *(sa.Column(f"expected_revenue_{days}", MONEY, nullable=True) for days in (30, 90, 365)),
        sa.Column("revenue_90_low", MONEY, nullable=True),
        sa.Column("revenue_90_high", MONEY, nullable=True),
        sa.Column("expected_loss_90", MONEY, nullable=True),
        sa.Column("buys_again_90", sa.Float(), nullable=True),
        sa.Column("half_back_days", sa.Integer(), nullable=True),
        sa.Column("overdue", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "calc_date", name=op.f("pk_customer_values")),
        postgresql_partition_by="LIST (calc_date)",
    )  # fmt: skip
    op.add_column(
        "scoring_runs",
        sa.Column("forecast", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("scoring_runs", "forecast")
    op.drop_table("customer_values")
