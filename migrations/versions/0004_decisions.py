"""Files that wait for a decision, and how files of one header are read."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = ("customers", "orders", "exchange_rates")


def _json(name: str, empty: str) -> sa.Column[object]:
    return sa.Column(
        name, postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text(empty), nullable=False
    )


def upgrade() -> None:
    op.add_column("imports", sa.Column("fingerprint", sa.Text(), nullable=True))
    op.add_column("imports", _json("questions", "'[]'"))
    op.add_column("imports", _json("answers", "'{}'"))
    op.add_column("imports", _json("preview", "'{}'"))
    op.create_index(
        "ix_imports_needs_decision", "imports", ["import_id"],
        postgresql_where=sa.text("state = 'needs_decision'"),
    )  # fmt: skip
    op.create_index(
        "ix_imports_held", "imports", ["import_id"],
        postgresql_where=sa.text("stored_path LIKE 'held/%'"),
    )  # fmt: skip
    op.create_table(
        "file_profiles",
        sa.Column("profile_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column(
            "kind", sa.Enum(*KINDS, name="kind", native_enum=False, length=32), nullable=False
        ),
        _json("headers", "'[]'"),
        _json("mapping", "'{}'"),
        _json("questions", "'[]'"),
        _json("answers", "'{}'"),
        _json("learned", "'{}'"),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("used_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_file_profiles")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_file_profiles_fingerprint")),
    )


def downgrade() -> None:
    """Files that wait are to be dropped again: the first schemas have no such state."""
    op.execute(
        "UPDATE imports SET state = 'quarantined', reason = 'declined' WHERE state = 'needs_decision'"
    )
    op.drop_table("file_profiles")
    op.drop_index("ix_imports_held", table_name="imports")
    op.drop_index("ix_imports_needs_decision", table_name="imports")
    for name in ("preview", "answers", "questions", "fingerprint"):
        op.drop_column("imports", name)
