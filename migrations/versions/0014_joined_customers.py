"""Customers whom some files name by number and others by e-mail address."""

# ruff: noqa: S608 - the statements are put together from constants

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _id(name: str, *, nullable: bool) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


_ADDRESS = r"'^[^@\s]+@[^@\s]+$'"
JOINING = rf"""
CREATE TEMP TABLE joining ON COMMIT DROP AS
SELECT a.customer_id AS address, min(n.customer_id) AS now,
       min(coalesce(a.excluded_at, n.excluded_at)) AS excluded_at
FROM customers a JOIN customers n ON lower(n.email) = a.customer_id COLLATE "default"
WHERE a.customer_id ~ {_ADDRESS} AND n.customer_id !~ {_ADDRESS}
GROUP BY a.customer_id HAVING min(n.customer_id) = max(n.customer_id)
"""


def upgrade() -> None:
    """Add what keeps them, and join those of whom the files that were loaded say both."""
    op.add_column("customers", _id("joined_to", nullable=True))
    op.create_index(
        "ix_customers_joined_to", "customers", ["joined_to"],
        postgresql_where=sa.text("joined_to IS NOT NULL"),
    )  # fmt: skip
    op.add_column("orders", _id("known_as", nullable=True))
    op.create_table(
        "customer_emails",
        _id("email", nullable=False),
        _id("customer_id", nullable=False),
        sa.Column("import_id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("email", "customer_id", "import_id", name="pk_customer_emails"),
    )
    for name in ("customer_id", "import_id"):
        op.create_index(f"ix_customer_emails_{name}", "customer_emails", [name])
    op.execute(JOINING)
    op.execute("""
        UPDATE imports SET in_lake = false WHERE in_lake AND import_id IN (
            SELECT o.import_id FROM orders o JOIN joining j ON o.customer_id = j.address)
        """)
    op.execute("""
        UPDATE orders o SET customer_id = j.now, known_as = j.address FROM joining j
        WHERE o.customer_id = j.address
        """)
    op.execute("""
        UPDATE customers c SET joined_to = CASE WHEN c.customer_id = j.address THEN j.now END,
               excluded_at = coalesce(c.excluded_at, j.excluded_at)
        FROM joining j WHERE c.customer_id IN (j.address, j.now)
        """)
    op.execute("""
        UPDATE data_state SET data_version = data_version + 1, changed_at = now()
        WHERE EXISTS (SELECT FROM joining)
        """)


def downgrade() -> None:
    op.execute("""
        UPDATE orders SET customer_id = known_as WHERE known_as IS NOT NULL
        """)
    op.drop_table("customer_emails")
    op.drop_column("orders", "known_as")
    op.drop_index("ix_customers_joined_to", table_name="customers")
    op.drop_column("customers", "joined_to")
