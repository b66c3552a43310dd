"""Bring ids to the one spelling under which files keep them now (`rfm_common.identity`)."""

# ruff: noqa: S608 - the statements are put together from constants

from collections.abc import Sequence

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEPT = r"""CASE WHEN {0} ~ '^[^@\s]+@[^@\s]+$' THEN regexp_replace(lower({0}), '^mailto:', '')
            ELSE regexp_replace({0}, '^([0-9]+)\.0$', '\1') END"""
CUSTOMERS = _KEPT.format("customer_id")
ORDERS = _KEPT.format("order_id")


def upgrade() -> None:
    """Join customers and orders whose ids are the same now; the later import's order stays."""
    op.execute(f"""
        CREATE TEMP TABLE renamed ON COMMIT DROP AS
        SELECT customer_id AS old, {CUSTOMERS} AS new FROM customers
        WHERE customer_id <> {CUSTOMERS}
        """)
    op.execute("""
        INSERT INTO customers (customer_id, email, country, created_at, import_id, import_line)
        SELECT DISTINCT ON (r.new) r.new, email, country, created_at, import_id, import_line
        FROM renamed r JOIN customers c ON c.customer_id = r.old
        ORDER BY r.new, import_id DESC NULLS LAST, r.old
        ON CONFLICT DO NOTHING
        """)
    op.execute(f"""
        CREATE TEMP TABLE doubled ON COMMIT DROP AS
        WITH odd AS (SELECT order_id, {ORDERS} AS new, import_id FROM orders
                     WHERE order_id <> {ORDERS}),
             both_spellings AS (
                SELECT * FROM odd UNION
                SELECT o.order_id, o.order_id, o.import_id FROM orders o
                JOIN odd ON odd.new = o.order_id)
        SELECT *, row_number() OVER (PARTITION BY new
                                     ORDER BY import_id DESC NULLS LAST, order_id) AS place
        FROM both_spellings
        """)
    op.execute("""
        UPDATE imports SET in_lake = false WHERE in_lake AND import_id IN (
            SELECT import_id FROM doubled UNION
            SELECT o.import_id FROM orders o JOIN renamed r ON o.customer_id = r.old)
        """)
    op.execute("""
        UPDATE data_state SET data_version = data_version + 1, changed_at = now()
        WHERE EXISTS (SELECT FROM renamed) OR EXISTS (SELECT FROM doubled)
        """)
    op.execute("DELETE FROM orders o USING doubled d WHERE d.place > 1 AND o.order_id = d.order_id")
    op.execute("""
        UPDATE orders o SET order_id = d.new FROM doubled d
        WHERE d.place = 1 AND o.order_id = d.order_id AND d.new <> o.order_id
        """)
    op.execute("""
        UPDATE orders o SET customer_id = r.new FROM renamed r WHERE o.customer_id = r.old
        """)
    op.execute("DELETE FROM customers c USING renamed r WHERE c.customer_id = r.old")


def downgrade() -> None:
    """How ids were written before is in the files; nothing to do."""
