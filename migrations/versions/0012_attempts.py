"""How many processes ended while they worked on a file."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"),
                                       nullable=False))  # fmt: skip


def downgrade() -> None:
    op.drop_column("imports", "attempts")
