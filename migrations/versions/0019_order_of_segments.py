"""Customers of a segment are ordered by their money, which a run changes for those who bought."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE = "customer_clusters"
BY_RANK = "ix_customer_clusters_segment_rank_segment_name"
BY_MONEY = "ix_customer_clusters_segment"
FILL = """
UPDATE customer_clusters c SET {column} FROM {source} s
WHERE s.customer_id = c.customer_id AND s.calc_date = c.calc_date
"""
RANKS = """(SELECT customer_id, calc_date, row_number() OVER (
    PARTITION BY calc_date, segment_name ORDER BY sort_monetary DESC, customer_id) AS place
FROM customer_clusters)"""


def upgrade() -> None:
    op.drop_index(BY_RANK, table_name=TABLE)
    op.add_column(TABLE, sa.Column("sort_monetary", sa.Numeric(24, 4), nullable=True))
    op.execute("SET LOCAL enable_partitionwise_join = on")
    op.execute(FILL.format(column="sort_monetary = s.monetary", source="rfm_features"))
    op.alter_column(TABLE, "sort_monetary", nullable=False)
    op.drop_column(TABLE, "segment_rank")
    op.create_index(BY_MONEY, TABLE, ["segment_name", sa.text("sort_monetary DESC"), "customer_id"])


def downgrade() -> None:
    op.drop_index(BY_MONEY, table_name=TABLE)
    op.add_column(TABLE, sa.Column("segment_rank", sa.Integer(), nullable=True))
    op.execute(FILL.format(column="segment_rank = s.place", source=RANKS))
    op.alter_column(TABLE, "segment_rank", nullable=False)
    op.drop_column(TABLE, "sort_monetary")
    op.create_index(BY_RANK, TABLE, ["segment_rank", "segment_name"])
