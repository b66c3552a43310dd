"""What orders say about customers: who is new, who is touched, and whether one stands out."""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading.stage import Stage
from rfm_common.db import run_sql

DOMINANT_SHARE = 0.25
DOMINANT_ROWS = 20
"""In a file with fewer rows it means nothing that one customer has a quarter of them."""


async def add_unknown(session: AsyncSession, stage: Stage) -> dict[str, Any]:
    """Create the customers that only orders know; the effects that a count by customer tells.

    Of a stage that also holds older rows, only the file's new and changed ones count.
    """
    ours = f"WHERE import_id = {stage.import_id}" if stage.holds_older else ""
    if stage.is_rebuild:  # the planner thinks too well of hashing what an index has in order
        await run_sql(session, "SET LOCAL enable_hashagg = off")
    await run_sql(session, f"""
        CREATE TEMP TABLE buyers ON COMMIT DROP AS
        SELECT customer_id, count(*) AS orders FROM {stage.table} {ours} GROUP BY customer_id
        """)  # fmt: skip
    added = await run_sql(session, """
        INSERT INTO customers (customer_id, import_id) SELECT customer_id, :import_id FROM buyers b
        WHERE NOT EXISTS (SELECT FROM customers c WHERE c.customer_id = b.customer_id)
        """, import_id=stage.import_id)  # fmt: skip
    found = await run_sql(session, """
        SELECT customer_id, orders, sum(orders) OVER () AS total, count(*) OVER () AS customers
        FROM buyers ORDER BY orders DESC, customer_id LIMIT 1
        """)  # fmt: skip
    top = found.first()
    effects: dict[str, Any] = {
        "new_customers": added.rowcount, "customers_touched": top.customers if top else 0,
        "dominant_customer": None,
    }  # fmt: skip
    if top and top.total >= DOMINANT_ROWS and float(top.orders / top.total) >= DOMINANT_SHARE:
        share = round(float(top.orders / top.total), 4)
        effects["dominant_customer"] = {"customer_id": top.customer_id, "share": share}
    return effects


async def new_currencies(session: AsyncSession, found: set[str]) -> list[str]:
    """Those of the file's currencies that no order has had before; ask before merging.

    The only currency of a shop's first orders is not new: it is the shop's.
    """
    if len(found) <= 1 and not (await run_sql(session, "SELECT 1 FROM orders LIMIT 1")).first():
        return []
    fresh = []
    for currency in sorted(found):
        known = await run_sql(
            session, "SELECT 1 FROM orders WHERE currency = :currency LIMIT 1", currency=currency
        )
        if currency and not known.first():
            fresh.append(currency)
    return fresh
