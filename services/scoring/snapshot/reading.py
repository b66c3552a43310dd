"""Reading R, F, M as CSV: of all customers, or of those who changed since a snapshot."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from io import BytesIO
from itertools import pairwise

import polars as pl
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions, raw_connection, run_sql
from rfm_common.snapshots import partition
from scoring.snapshot.dialects import Dialect
from scoring.snapshot.features import Among, Spec, features_sql
from scoring.snapshot.quiet import spent_sql
from scoring.snapshot.records import Base

STREAMS = 2
"""Connections that group beside each other, each a range of customers of its own."""

# Ranges cost less than the planner's own ways of sharing work.
_READING = ("max_parallel_workers_per_gather = 0", "random_page_cost = 1.1")
# The planner must not believe that a shop is small because nobody has counted it yet: a nested
# loop over all customers would take hours.
_GROUPING = (*_READING, "enable_nestloop = off")


async def everyone(
    sessions: Sessions, session: AsyncSession, spec: Spec, dialect: Dialect
) -> list[bytes]:
    """All customers in several parts; every part sees the data as `session` does."""
    return await in_parts(sessions, session, dialect, partial(features_sql, spec, dialect))


async def in_parts(
    sessions: Sessions, session: AsyncSession, dialect: Dialect, query: Callable[[Among], str]
) -> list[bytes]:
    """The same of any query that is narrowed by customer."""
    queries = [query(among) for among in await ranges(session, dialect, STREAMS)]
    snapshot = await export_snapshot(session)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_part(sessions, snapshot, one)) for one in queries]
    return [task.result() for task in tasks]


async def _part(sessions: Sessions, snapshot: str, query: str) -> bytes:
    async with _beside(sessions, snapshot, _GROUPING) as session:
        return await copy_out(session, query)


@asynccontextmanager
async def _beside(
    sessions: Sessions, snapshot: str, planning: Sequence[str]
) -> AsyncGenerator[AsyncSession]:
    """A transaction that sees the data as another one does."""
    async with sessions() as session, session.begin():
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        await run_sql(session, f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        for setting in planning:
            await run_sql(session, f"SET LOCAL {setting}")
        yield session


async def export_snapshot(session: AsyncSession) -> str:
    """The name under which others see the data as `session` does, until its transaction ends."""
    return str((await run_sql(session, "SELECT pg_export_snapshot()")).scalar_one())


async def estimated_orders(session: AsyncSession) -> int:
    """As the statistics tell."""
    found = await run_sql(
        session, "SELECT reltuples FROM pg_class WHERE oid = CAST('orders' AS regclass)"
    )
    return max(int(found.scalar_one()), 0)


async def ranges(session: AsyncSession, dialect: Dialect, count: int) -> list[Among]:
    """At most `count` ranges of ids with about as many orders each, as the statistics tell."""
    found = await run_sql(session, _BOUNDS, streams=count)
    bounds = [dialect.text(str(row[0])) for row in found.all()]
    return [_between(low, high) for low, high in pairwise(["", *bounds, ""])]


def _between(low: str, high: str) -> Among:
    def among(column: str) -> str:
        lower = [f"{column} >= {low}"] if low else []
        upper = [f"{column} < {high}"] if high else []
        return " AND ".join([*lower, *upper]) or "TRUE"

    return among


_BOUNDS = """
SELECT DISTINCT ids[1 + (array_length(ids, 1) - 1) * part / :streams] COLLATE "C" AS bound
FROM (SELECT CAST(CAST(histogram_bounds AS text) AS text[]) AS ids FROM pg_stats
      WHERE schemaname = 'public' AND tablename = 'orders' AND attname = 'customer_id') s
CROSS JOIN generate_series(1, :streams - 1) part
WHERE ids IS NOT NULL ORDER BY bound
"""


async def spent(
    sessions: Sessions, session: AsyncSession, spec: Spec, dialect: Dialect, quiet: pl.DataFrame
) -> list[bytes]:
    """The rows of `spent_sql` for these customers in several parts, as `session` sees the data."""
    query, snapshot = spent_sql(spec, dialect, "pg_temp.quiet"), await export_snapshot(session)
    length = max(1, -(-quiet.height // STREAMS))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_spent(sessions, snapshot, query, part.write_csv().encode()))
            for part in quiet.iter_slices(length)
        ]
    return [task.result() for task in tasks]


async def _spent(sessions: Sessions, snapshot: str, query: str, quiet: bytes) -> bytes:
    async with _beside(sessions, snapshot, _READING) as session:
        raw = await raw_connection(session)
        await raw.execute(_QUIET_TABLE)
        await raw.copy_to_table(
            "quiet", schema_name="pg_temp", source=BytesIO(quiet), format="csv", header=True
        )
        await raw.execute("ANALYZE pg_temp.quiet")
        return await copy_out(session, query)


_QUIET_TABLE = """
CREATE TEMP TABLE quiet (customer_id text COLLATE "C", silent_days integer) ON COMMIT DROP
"""


async def changed(session: AsyncSession, spec: Spec, dialect: Dialect, base: Base) -> bytes:
    """The customers who changed since the base."""
    await run_sql(session, f"CREATE TEMP TABLE touched ON COMMIT DROP AS {base.touched}")
    await run_sql(session, "ANALYZE touched")
    return await copy_out(session, features_sql(spec, dialect, _touched))


def _touched(column: str) -> str:
    return f"{column} IN (SELECT customer_id FROM touched)"


def snapshot_query(run_id: int) -> str:
    """A published snapshot with its segments; the columns of `frames.SNAPSHOT`."""
    return f"""
SELECT f.customer_id, f.recency_days, f.frequency, f.monetary, 0 AS left_out, c.segment_name
FROM {partition("rfm_features", run_id)} f
JOIN {partition("customer_clusters", run_id)} c USING (customer_id)
"""


async def copy_out(session: AsyncSession, query: str) -> bytes:
    """The rows of a query as CSV, quoted where needed."""
    raw = await raw_connection(session)
    await raw.execute("SET LOCAL work_mem = '256MB'")
    buffer = BytesIO()
    await raw.copy_from_query(query, output=buffer, format="csv")
    return buffer.getvalue()


async def count_rows(session: AsyncSession) -> None:
    """Renew the planner's statistics when much was loaded since they were made."""
    found = await run_sql(session, _STALE_STATISTICS)
    for row in found.all():
        await run_sql(session, f"ANALYZE {row[0]}")


_STALE_STATISTICS = """
SELECT s.relname FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.schemaname = 'public' AND s.relname IN ('orders', 'customers')
  AND (c.reltuples < 0 OR s.n_mod_since_analyze > 1000 + 0.2 * c.reltuples)
"""
