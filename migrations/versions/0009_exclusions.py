"""Customers whom a person keeps out of scores."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("excluded_at", sa.TIMESTAMP(timezone=True), nullable=True))
    op.create_index(
        "ix_customers_excluded", "customers", ["customer_id"],
        postgresql_where=sa.text("excluded_at IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_customers_excluded", table_name="customers")
    op.drop_column("customers", "excluded_at")
