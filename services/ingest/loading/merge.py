"""Stage into table, row by row: the ordinary way, for a file that is small beside the table."""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading.stage import Stage
from rfm_common.db import run_sql


async def merge(session: AsyncSession, stage: Stage) -> dict[str, Any]:
    """Insert new keys, update rows that differ, count the file's rows of both; the effects."""
    await run_sql(session, f"ANALYZE {stage.table}")
    await run_sql(session, f"""
        CREATE TEMP TABLE delta ON COMMIT DROP AS
        SELECT s.*, t.{stage.target.key[0]} IS NULL AS is_new
        FROM {stage.table} s LEFT JOIN {stage.target.name} t ON {stage.same_key}
        WHERE t.{stage.target.key[0]} IS NULL OR {stage.differs}
        """)  # fmt: skip
    await run_sql(session, "ANALYZE delta")
    replaced = await _replaced(session, stage) if stage.line_items else {}
    await _apply(session, stage)
    await _count(session, stage)
    touched = "count(DISTINCT customer_id)" if "customer_id" in stage.target.columns else "0"
    effects = await run_sql(session, f"""
        SELECT {touched} AS customers_touched,
               count(*) FILTER (WHERE is_new) AS {stage.target.name}_new,
               count(*) FILTER (WHERE NOT is_new) AS {stage.target.name}_updated
        FROM delta
        """)  # fmt: skip
    return dict(effects.one()._mapping) | replaced


async def _replaced(session: AsyncSession, stage: Stage) -> dict[str, Any]:
    """Orders of earlier files that have other lines now: lines add up within one file only."""
    found = await run_sql(session, f"""
        SELECT count(*) AS orders, min(s.order_id) AS example
        FROM delta s JOIN {stage.target.name} t ON {stage.same_key}
        WHERE s.order_amount <> t.order_amount
        """)  # fmt: skip
    row = found.one()
    return {"orders_replaced": dict(row._mapping)} if row.orders else {}


async def _apply(session: AsyncSession, stage: Stage) -> None:
    changed = (*stage.values, "import_id", "import_line")
    sets = ", ".join(f"{name} = s.{name}" for name in changed)
    await run_sql(session, f"""
        UPDATE {stage.target.name} t SET {sets} FROM delta s
        WHERE NOT s.is_new AND {stage.same_key}
        """)  # fmt: skip
    columns = ", ".join((*stage.target.key, *changed))
    await run_sql(session, f"""
        INSERT INTO {stage.target.name} ({columns}) SELECT {columns} FROM delta WHERE is_new
        """)  # fmt: skip


async def _count(session: AsyncSession, stage: Stage) -> None:
    """Rows of the file by outcome; of several lines that make one order, each is a row."""
    source = f"delta JOIN {stage.items} USING (order_id)" if stage.line_items else "delta"
    counted = await run_sql(session, f"""
        SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM {source}
        """)  # fmt: skip
    stage.counts.new, stage.counts.updated = tuple(counted.one())
