"""Reading R, F, M as CSV: of all customers, or of those who changed since a snapshot."""

import asyncio
from io import BytesIO
from itertools import pairwise

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions, raw_connection, run_sql
from rfm_common.snapshots import partition
from scoring.snapshot.dialects import Dialect
from scoring.snapshot.features import Among, Edges, Spec, features_sql
from scoring.snapshot.quiet import quiet_sql
from scoring.snapshot.records import Base

STREAMS = 2
"""Connections that group beside each other, each a range of customers of its own."""

# The planner must not believe that a shop is small because nobody has counted it yet: a nested
# loop over all customers would take hours. Its own ways of sharing work cost more than ranges.
_GROUPING = (
    "enable_nestloop = off", "max_parallel_workers_per_gather = 0", "random_page_cost = 1.1",
)  # fmt: skip


async def everyone(
    sessions: Sessions, session: AsyncSession, spec: Spec, dialect: Dialect
) -> list[bytes]:
    """All customers in several parts; every part sees the data as `session` does."""
    parts = await ranges(session, dialect, STREAMS)
    queries = [features_sql(spec, dialect, among) for among in parts]
    return await _at_once(sessions, session, queries)


async def _at_once(sessions: Sessions, session: AsyncSession, queries: list[str]) -> list[bytes]:
    snapshot = await export_snapshot(session)
    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(_part(sessions, snapshot, query)) for query in queries]
    return [part.result() for part in parts]


async def _part(sessions: Sessions, snapshot: str, query: str) -> bytes:
    async with sessions() as session, session.begin():
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        await run_sql(session, f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        for setting in _GROUPING:
            await run_sql(session, f"SET LOCAL {setting}")
        return await copy_out(session, query)


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


async def going_quiet(
    sessions: Sessions, session: AsyncSession, spec: Spec, dialect: Dialect, edges: Edges
) -> list[bytes]:
    """The rows of `quiet_sql` in several parts, as `session` sees the data."""
    parts = await ranges(session, dialect, STREAMS)
    queries = [quiet_sql(spec, edges, dialect, among) for among in parts]
    return await _at_once(sessions, session, queries)


async def changed(session: AsyncSession, spec: Spec, dialect: Dialect, base: Base) -> bytes:
    """The customers who changed since the base."""
    await run_sql(session, f"CREATE TEMP TABLE touched ON COMMIT DROP AS {base.touched}")
    await run_sql(session, "ANALYZE touched")
    return await copy_out(session, features_sql(spec, dialect, _touched))


def _touched(column: str) -> str:
    return f"{column} IN (SELECT customer_id FROM touched)"


async def published(session: AsyncSession, base: Base) -> bytes:
    """All customers as the base has them."""
    return await copy_out(
        session,
        f"""
SELECT f.customer_id, f.recency_days, f.frequency, f.monetary, 0 AS left_out, u.country,
       CASE WHEN f.frequency > 0 OR EXISTS (
           SELECT 1 FROM orders o WHERE o.customer_id = f.customer_id AND {base.counted}
       ) THEN 1 ELSE 0 END AS has_ordered
FROM {partition("rfm_features", base.run_id)} f JOIN customers u USING (customer_id)
""",
    )


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
