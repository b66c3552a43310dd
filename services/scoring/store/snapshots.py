"""SQL of snapshots: filling a run's tables, swapping them in whole."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions, raw_connection, run_sql
from scoring.engines.protocol import Target

PARENTS = ("rfm_features", "customer_clusters")
INDEXES = {
    "rfm_features": tuple(
        f"{figure}, customer_id" for figure in ("recency_days", "frequency", "monetary")
    ),
    "customer_clusters": ("segment_name, segment_rank",),
}
ANALYZED = {
    "rfm_features": ("customer_id", "recency_days", "frequency", "monetary", "r_score",
                     "f_score", "m_score"),
    "customer_clusters": ("customer_id", "segment_name", "segment_rank"),
}  # fmt: skip
"""What queries filter or sort by; the planner needs to know no more."""
LOCK_WAIT = "200ms"
"""Readers queue behind a waiting swap; no longer than this, then it steps back."""


def partition(parent: str, run_id: int) -> str:
    """The table of one run in a partitioned one."""
    return f"{parent}_{run_id:d}"


def staged(parent: str, run_id: int, fence: int) -> str:
    """The same before it is published; a worker that lost its run fills a table of its own."""
    return f"{partition(parent, run_id)}_{fence:d}"


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a table that are alike in some columns: COPY carries only the others."""

    alike: Mapping[str, str]
    """Column to SQL literal."""
    columns: Sequence[str]
    """Those in the lines."""
    lines: AsyncGenerator[bytes]
    """For COPY, in the text format."""


async def fill(sessions: Sessions, parent: str, target: Target, blocks: Sequence[Block]) -> None:
    """Make the run's table from blocks of rows; keys and indexes follow the rows.

    The CHECK is what ATTACH would otherwise scan the table for. One transaction: the server
    need not log rows of a table that it may throw away, and a kill leaves nothing. Rows are
    frozen, so that the table is as if vacuumed from the first moment.
    """
    table = staged(parent, target.run_id, target.fence)
    moment = f"TIMESTAMPTZ '{target.calc_date.isoformat()}'"
    async with sessions() as session, session.begin():
        await run_sql(session, f"DROP TABLE IF EXISTS {table}")
        await run_sql(
            session,
            f"CREATE TABLE {table} (LIKE {parent} INCLUDING DEFAULTS INCLUDING GENERATED,"
            f" CHECK (calc_date = {moment}))",
        )
        for block in blocks:
            await _append(session, table, block, {"calc_date": moment, **block.alike})
        await run_sql(session, "SET LOCAL maintenance_work_mem = '256MB'")
        await run_sql(session, f"ALTER TABLE {table} ADD PRIMARY KEY (customer_id, calc_date)")
        for columns in INDEXES[parent]:
            await run_sql(session, f"CREATE INDEX ON {table} ({columns})")
        await run_sql(session, f"ANALYZE {table} ({', '.join(ANALYZED[parent])})")


async def _append(
    session: AsyncSession, table: str, block: Block, alike: Mapping[str, str]
) -> None:
    """A default costs the server less than the same text, parsed row by row."""
    given = ", ".join(f"ALTER {column} SET DEFAULT {value}" for column, value in alike.items())
    await run_sql(session, f"ALTER TABLE {table} {given}")
    raw = await raw_connection(session)
    await raw.copy_to_table(
        table, source=block.lines, columns=block.columns, format="text", freeze=True
    )
    forgotten = ", ".join(f"ALTER {column} DROP DEFAULT" for column in alike)
    await run_sql(session, f"ALTER TABLE {table} {forgotten}")


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
