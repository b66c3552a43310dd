"""Imports that somebody asked to undo."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    wish = sa.Enum("asked", "forced", "read_again", name="undo", native_enum=False, length=32)
    op.add_column("imports", sa.Column("undo", wish, nullable=True))
    op.create_index(
        "ix_imports_undo", "imports", ["import_id"], postgresql_where=sa.text("undo IS NOT NULL")
    )


def downgrade() -> None:
    """What was undone has no rows; the first schemas call that refused."""
    op.execute("UPDATE imports SET state = 'quarantined', reason = 'undone' WHERE state = 'undone'")
    op.drop_index("ix_imports_undo", table_name="imports")
    op.drop_column("imports", "undo")
