"""Idempotency-Keys of uploads."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "upload_keys",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "import_ids", ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("actor", "idempotency_key", name=op.f("pk_upload_keys")),
    )  # fmt: skip
    op.create_index("ix_upload_keys_created_at", "upload_keys", ["created_at"])


def downgrade() -> None:
    op.drop_table("upload_keys")
