"""SQL of snapshots: reading features out, filling a run's tables, swapping them in whole."""

from collections.abc import AsyncGenerator
from io import BytesIO

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions, raw_connection, run_sql
from scoring.engines.protocol import Base, Target
from scoring.features import Dialect, Spec, features_sql

PARENTS = ("rfm_features", "customer_clusters")
INDEXES = {"rfm_features": (), "customer_clusters": ("segment_name, segment_rank",)}
COLUMNS = {
    "rfm_features": ("customer_id", "calc_date", "recency_days", "frequency", "monetary",
                     "r_score", "f_score", "m_score"),
    "customer_clusters": ("customer_id", "calc_date", "cluster_id", "segment_name",
                          "segment_rank", "centre_recency_days", "centre_frequency",
                          "centre_monetary", "distance", "next_distance"),
}  # fmt: skip
"""In the order of the COPY lines."""
ANALYZED = {
    "rfm_features": ("customer_id", "monetary"),
    "customer_clusters": ("customer_id", "segment_name", "segment_rank"),
}
"""What queries filter or sort by; the planner needs to know no more."""
LOCK_WAIT = "200ms"
"""Readers queue behind a waiting swap; no longer than this, then it steps back."""


def partition(parent: str, run_id: int) -> str:
    """The table of one run in a partitioned one."""
    return f"{parent}_{run_id:d}"


def staged(parent: str, run_id: int, fence: int) -> str:
    """The same before it is published; a worker that lost its run fills a table of its own."""
    return f"{partition(parent, run_id)}_{fence:d}"


async def features_csv(
    session: AsyncSession, spec: Spec, dialect: Dialect, base: Base | None
) -> bytes:
    """R, F, M of every customer; with a base, only those who changed are grouped anew.

    The planner must not believe that a shop is small because nobody has counted it yet: a
    nested loop over all customers would take hours.
    """
    if base is None:
        await run_sql(session, "SET LOCAL enable_nestloop = off")
        return await copy_out(session, features_sql(spec, dialect))
    await run_sql(session, f"CREATE TEMP TABLE touched ON COMMIT DROP AS {base.touched}")
    await run_sql(session, "ANALYZE touched")
    fresh = features_sql(spec, dialect, only="SELECT customer_id FROM touched")
    return await copy_out(
        session,
        "SELECT customer_id, recency_days, frequency, monetary, 0 AS left_out, country"
        f" FROM {partition('rfm_features', base.run_id)} JOIN customers USING (customer_id)"
        f" WHERE customer_id NOT IN (SELECT customer_id FROM touched) UNION ALL ({fresh})",
    )


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


def snapshot_query(run_id: int) -> str:
    """A published snapshot with its segments; the columns of `engines.frames.SNAPSHOT`."""
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


async def fill(
    sessions: Sessions, parent: str, target: Target, lines: AsyncGenerator[bytes]
) -> None:
    """Make the run's table from COPY lines; keys and indexes follow the rows.

    The CHECK is what ATTACH would otherwise scan the table for. One transaction: the server
    need not log rows of a table that it may throw away, and a kill leaves nothing.
    """
    table, moment = staged(parent, target.run_id, target.fence), target.calc_date.isoformat()
    async with sessions() as session, session.begin():
        await run_sql(session, f"DROP TABLE IF EXISTS {table}")
        await run_sql(
            session, f"CREATE TABLE {table} (LIKE {parent} INCLUDING DEFAULTS INCLUDING GENERATED)"
        )
        raw = await raw_connection(session)
        await raw.copy_to_table(table, source=lines, columns=COLUMNS[parent], format="text")
        await run_sql(session, "SET LOCAL maintenance_work_mem = '256MB'")
        await run_sql(
            session,
            f"ALTER TABLE {table} ADD PRIMARY KEY (customer_id, calc_date),"
            f" ADD CHECK (calc_date = TIMESTAMPTZ '{moment}')",
        )
        for columns in INDEXES[parent]:
            await run_sql(session, f"CREATE INDEX ON {table} ({columns})")
    async with sessions() as session, session.begin():
        await run_sql(session, f"ANALYZE {table} ({', '.join(ANALYZED[parent])})")


async def lock_parents(session: AsyncSession) -> None:
    """Keep readers out for the moment of a swap; raises when one of them reads for long."""
    await run_sql(session, f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
    await run_sql(session, f"LOCK TABLE {', '.join(PARENTS)} IN ACCESS EXCLUSIVE MODE")


async def attach(session: AsyncSession, target: Target) -> None:
    """Make the run's tables the snapshot of its calc_date; the parents must be locked."""
    for parent in PARENTS:
        table = partition(parent, target.run_id)
        name = staged(parent, target.run_id, target.fence)
        await run_sql(session, f"ALTER TABLE {name} RENAME TO {table}")
        await run_sql(
            session,
            f"ALTER TABLE {parent} ATTACH PARTITION {table}"
            f" FOR VALUES IN (TIMESTAMPTZ '{target.calc_date.isoformat()}')",
        )


async def drop(session: AsyncSession, run_id: int) -> None:
    """Remove a published snapshot; the parents must be locked."""
    for parent in PARENTS:
        await run_sql(session, f"DROP TABLE IF EXISTS {partition(parent, run_id)}")


async def drop_staged(session: AsyncSession, target: Target) -> None:
    """Remove tables that will not be published."""
    for parent in PARENTS:
        name = staged(parent, target.run_id, target.fence)
        await run_sql(session, f"DROP TABLE IF EXISTS {name}")


async def drop_orphans(session: AsyncSession) -> int:
    """Remove tables that a killed worker left, filled and never published; how many."""
    found = await run_sql(session, _ORPHANS)
    names = [str(row[0]) for row in found.all()]
    for name in names:
        await run_sql(session, f"DROP TABLE IF EXISTS {name}")
    return len(names)


_ORPHANS = r"""
WITH stage AS (
    SELECT relname, CAST(regexp_match(relname, '_(\d+)_(\d+)$') AS bigint[]) AS ids
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND relname ~ '^(rfm_features|customer_clusters)_\d+_\d+$'
)
SELECT relname FROM stage WHERE NOT EXISTS (
    SELECT 1 FROM scoring_runs r
    WHERE r.run_id = ids[1] AND r.fence = ids[2] AND r.state = 'running')
"""
