"""Rows into tables: staged by COPY, made unique by key, then merged, all in one transaction."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.tables import Target
from rfm_common.db import raw_connection, run_sql


@dataclass(slots=True)
class Counts:
    """What became of the rows of a file; together they are all its rows."""

    total: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0

    @property
    def changed(self) -> bool:
        """Whether the tables differ from before."""
        return self.new + self.updated > 0


@dataclass(slots=True)
class Stage:
    """The work table of one import: the target's columns, filled by COPY in the file's order."""

    target: Target
    import_id: int
    columns: Sequence[str]
    """The target's columns that the file fills."""
    counts: Counts = field(default_factory=Counts)

    @property
    def table(self) -> str:
        """Its name; migrations ignore the prefix."""
        return f"stage_{self.target.name}_{self.import_id}"

    @property
    def key(self) -> str:
        """The key columns, for SQL."""
        return ", ".join(self.target.key)


async def create(session: AsyncSession, stage: Stage) -> None:
    """An empty heap like the target, without keys, private to this transaction."""
    await run_sql(session, f"CREATE UNLOGGED TABLE {stage.table} (LIKE {stage.target.name})")


async def copy_rows(session: AsyncSession, stage: Stage, rows: pl.DataFrame) -> None:
    """Append a batch, in order."""
    if rows.height:
        await copy(session, stage.table, rows)


async def copy(session: AsyncSession, table: str, frame: pl.DataFrame) -> None:
    """COPY a frame into the columns of the same names; null and empty text stay apart."""
    raw = await raw_connection(session)
    text = await asyncio.to_thread(_csv, frame)
    await raw.copy_to_table(table, source=text, columns=frame.columns, format="csv")


def _csv(frame: pl.DataFrame) -> io.BytesIO:
    sink = io.BytesIO()
    frame.write_csv(sink, include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.f+00")
    sink.seek(0)
    return sink


async def drop_earlier_lines(session: AsyncSession, stage: Stage) -> None:
    """Keep the last line of each key; list the others as duplicates or superseded."""
    same = ", ".join(stage.target.columns)
    twins = await run_sql(
        session,
        f"""
        WITH ranked AS (
            SELECT s.ctid AS place, s.import_line AS line, ROW({same}) AS content,
                   max(s.import_line) OVER key AS kept, count(*) OVER key AS times,
                   last_value(ROW({same})) OVER (
                       PARTITION BY {stage.key} ORDER BY s.import_line
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS kept_content,
                   {stage.target.key[0]} AS id
            FROM {stage.table} s WINDOW key AS (PARTITION BY {stage.key})
        ), gone AS (
            DELETE FROM {stage.table} s USING ranked r
            WHERE r.times > 1 AND r.line < r.kept AND s.ctid = r.place
            RETURNING r.line, r.id, r.kept, r.content IS NOT DISTINCT FROM r.kept_content AS equal
        )
        INSERT INTO import_rejects (import_id, outcome, line, column_name, value, reason, message)
        SELECT :import_id, CASE WHEN equal THEN 'duplicate' ELSE 'superseded' END, line,
               :column, id, CASE WHEN equal THEN 'repeated_row' ELSE 'repeated_id' END,
               CASE WHEN equal THEN 'line ' || kept || ' says the same'
                    ELSE 'line ' || kept || ' has the same id and is later' END
        FROM gone
        """,
        import_id=stage.import_id,
        column=stage.target.key[0],
    )
    stage.counts.superseded += twins.rowcount


async def merge(session: AsyncSession, stage: Stage) -> None:
    """Insert new keys, update those that differ, count both and what stayed."""
    target, given = stage.target, [name for name in stage.target.values if name in stage.columns]
    differs = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in given) or "false"
    await run_sql(session, f"ANALYZE {stage.table}")
    await run_sql(
        session,
        f"""
        CREATE TEMP TABLE delta ON COMMIT DROP AS
        SELECT s.*, t.{target.key[0]} IS NULL AS is_new
        FROM {stage.table} s LEFT JOIN {target.name} t USING ({stage.key})
        WHERE t.{target.key[0]} IS NULL OR {differs}
        """,
    )
    changes = ", ".join(f"{name} = d.{name}" for name in (*given, "import_id", "import_line"))
    match = " AND ".join(f"t.{name} = d.{name}" for name in target.key)
    updated = await run_sql(
        session, f"UPDATE {target.name} t SET {changes} FROM delta d WHERE NOT d.is_new AND {match}"
    )
    columns = ", ".join((*target.key, *given, "import_id", "import_line"))
    added = await run_sql(
        session, f"INSERT INTO {target.name} ({columns}) SELECT {columns} FROM delta WHERE is_new"
    )
    stage.counts.new, stage.counts.updated = added.rowcount, updated.rowcount


async def add_customers(session: AsyncSession, stage: Stage) -> None:
    """Create the customers that only orders know."""
    await run_sql(
        session,
        f"""
        INSERT INTO customers (customer_id, import_id)
        SELECT DISTINCT customer_id, import_id FROM {stage.table} s
        WHERE NOT EXISTS (SELECT FROM customers c WHERE c.customer_id = s.customer_id)
        """,
    )


async def next_version(session: AsyncSession) -> int:
    """Count the data up by one: what the scores have to catch up with."""
    answer = await run_sql(
        session,
        """
        UPDATE data_state SET data_version = data_version + 1, changed_at = now()
        RETURNING data_version""",
    )
    version: Any = answer.scalar()
    return int(version)
