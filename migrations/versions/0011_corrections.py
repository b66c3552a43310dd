"""Imports of which somebody changed what a status means."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "imports", sa.Column("correction", JSONB, nullable=False, server_default=sa.text("'{}'"))
    )
    op.create_index(
        "ix_imports_correction", "imports", ["import_id"],
        postgresql_where=sa.text("correction <> '{}'"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_imports_correction", table_name="imports")
    op.drop_column("imports", "correction")
