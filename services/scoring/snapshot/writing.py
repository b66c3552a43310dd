"""SQL of snapshots: filling a run's tables, swapping them in whole."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions, raw_connection, run_sql
from rfm_common.snapshots import PARENTS, SORTABLE, VALUES, partition, sortable
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.records import Target

INDEXES = {
    "rfm_features": {"key": ("UNIQUE", "customer_id, calc_date")},
    "customer_clusters": {
        "key": ("UNIQUE", "customer_id, calc_date"),
        "segment": ("", "segment_name, sort_monetary DESC, customer_id"),
    },
    VALUES: {"key": ("UNIQUE", "customer_id, calc_date")},
}  # fmt: skip
"""What a table needs before readers see it: how names end, what kind it is, its columns."""
LISTED = {
    **{
        figure: f"{figure} DESC, customer_id"
        for figure in ("recency_days", "frequency", "monetary")
    },
    "cell": "r_score, ((f_score + m_score + 1) / 2), monetary DESC, customer_id",
}
"""What lists are ordered by, and the cells of the grid; they may wait for these indexes."""
ANALYZED = {
    "rfm_features": ("customer_id", "recency_days", "frequency", "monetary", "r_score",
                     "f_score", "m_score"),
    "customer_clusters": ("customer_id", "segment_name", "sort_monetary"),
    VALUES: ("customer_id",),
}  # fmt: skip
"""What queries filter or sort by; the planner needs to know no more."""
SORTS = 2
"""Indexes of figures that are built beside each other."""
AMENDED = {
    "rfm_features": ("recency_days", "frequency", "monetary", "r_score", "f_score", "m_score"),
    "customer_clusters": (
        "cluster_id", "segment_name", "sort_monetary", "centre_recency_days", "centre_frequency",
        "centre_monetary", "distance", "next_distance",
    ),
}  # fmt: skip
"""What a customer's row holds beside its key."""


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


async def off_loop(lines: Generator[bytes]) -> AsyncGenerator[bytes]:
    """The lines, each part made in a thread."""
    while (part := await asyncio.to_thread(next, lines, None)) is not None:
        yield part


async def fill(sessions: Sessions, parent: str, target: Target, blocks: Sequence[Block]) -> None:
    """Make the run's table from blocks of rows; keys and indexes follow the rows, side by side.

    Table and index are each filled by the transaction that makes them: the server need not log
    what it may throw away. Rows are frozen, so that the table is as if vacuumed from the first
    moment.
    """
    table, moment = staged(parent, target.run_id, target.fence), _moment(target)
    async with sessions() as session, session.begin():
        await _create(session, parent, target)
        for block in blocks:
            await _append(session, table, block, {"calc_date": moment, **block.alike})
    await _index_all(sessions, parent, target)


async def prepare(sessions: Sessions, parent: str, target: Target) -> str:
    """Make the run's empty table for writers elsewhere, who leave out calc_date; its name."""
    table = staged(parent, target.run_id, target.fence)
    async with sessions() as session, session.begin():
        await _create(session, parent, target)
        await run_sql(session, f"ALTER TABLE {table} ALTER calc_date SET DEFAULT {_moment(target)}")
    return table


async def complete(sessions: Sessions, parent: str, target: Target, rows: int) -> bool:
    """Index what writers elsewhere have written; False unless all rows are there.

    A writer that was lost after its commit was repeated, so that its rows may be there twice:
    they are equal. One that was only thought to be lost finds the key and fails.
    """
    table = staged(parent, target.run_id, target.fence)
    async with sessions() as session, session.begin():
        await run_sql(session, f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        found = (await run_sql(session, f"SELECT count(*) FROM {table}")).scalar_one()
        if found > rows:
            found -= (await run_sql(session, _REPEATED.format(table=table))).rowcount
        if found != rows:
            return False
        await run_sql(session, f"ALTER TABLE {table} ALTER calc_date DROP DEFAULT")
        await _prepare_sort(session)
        await run_sql(session, f"CREATE {_index_sql(parent, table, 'key')}")
    await _index_all(sessions, parent, target, but="key")
    return True


_REPEATED = """
DELETE FROM {table} WHERE ctid IN (
    SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY customer_id) AS place
                      FROM {table}) p
    WHERE place > 1)
"""


async def append(
    session: AsyncSession, table: str, columns: Sequence[str], lines: AsyncGenerator[bytes]
) -> None:
    """Fill an empty table that `prepare` made; emptied once more, so that rows can be frozen."""
    await run_sql(session, f"TRUNCATE {table}")
    raw = await raw_connection(session)
    await raw.copy_to_table(table, source=lines, columns=columns, format="text", freeze=True)


async def index_values(sessions: Sessions, target: Target) -> None:
    """Index figures that are not shown yet for lists in their order, a few at a time.

    With the column itself, for else the table is read beside the index. Only who analyses all of
    a table learns how what is indexed is spread.
    """
    table, turn = staged(VALUES, target.run_id, target.fence), asyncio.Semaphore(SORTS)

    async def index(name: str) -> None:
        async with turn:
            await _index(
                sessions,
                f"INDEX {table}_{name} ON {table} ({sortable(name)} DESC, customer_id)"
                f" INCLUDE ({name})",
            )

    async with asyncio.TaskGroup() as group:
        for name in SORTABLE:
            group.create_task(index(name))
    async with sessions() as session, session.begin():
        await run_sql(session, f"ANALYZE {table}")


async def _create(session: AsyncSession, parent: str, target: Target) -> None:
    """The CHECK is what ATTACH would otherwise scan the table for."""
    table = staged(parent, target.run_id, target.fence)
    await run_sql(session, f"DROP TABLE IF EXISTS {table}")
    await run_sql(
        session,
        f"CREATE TABLE {table} (LIKE {parent} INCLUDING DEFAULTS INCLUDING GENERATED,"
        f" CHECK (calc_date = {_moment(target)}))",
    )


def _moment(target: Target) -> str:
    return PostgresDialect().timestamp(target.calc_date)


async def _index_all(sessions: Sessions, parent: str, target: Target, but: str = "") -> None:
    table = staged(parent, target.run_id, target.fence)
    async with asyncio.TaskGroup() as group:
        for name in INDEXES[parent].keys() - {but}:
            group.create_task(_index(sessions, _index_sql(parent, table, name)))
    async with sessions() as session, session.begin():
        await run_sql(session, f"ALTER TABLE {table} ADD PRIMARY KEY USING INDEX {table}_key")
        await run_sql(session, f"ANALYZE {table} ({', '.join(ANALYZED[parent])})")


def _index_sql(parent: str, table: str, name: str) -> str:
    kind, columns = INDEXES[parent][name]
    return f"{kind} INDEX {table}_{name} ON {table} ({columns})"


async def _index(sessions: Sessions, definition: str) -> None:
    async with sessions() as session, session.begin():
        await _prepare_sort(session)
        await run_sql(session, f"CREATE {definition}")


async def _prepare_sort(session: AsyncSession) -> None:
    """Memory for it, and no helpers: other sorts run beside it, and rows are half sorted."""
    await run_sql(session, "SET LOCAL maintenance_work_mem = '256MB'")
    await run_sql(session, "SET LOCAL max_parallel_maintenance_workers = 0")


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


async def amend(session: AsyncSession, parent: str, target: Target, base: int) -> None:
    """Bring the rows of the run's own table into that of a published snapshot."""
    sets = ", ".join(f"{name} = excluded.{name}" for name in AMENDED[parent])
    columns = ", ".join(("customer_id", "calc_date", *AMENDED[parent]))
    await run_sql(
        session,
        f"INSERT INTO {partition(parent, base)} ({columns})"
        f" SELECT {columns} FROM {staged(parent, target.run_id, target.fence)}"
        f" ON CONFLICT (customer_id, calc_date) DO UPDATE SET {sets}",
    )


async def take_over(session: AsyncSession, parent: str, target: Target, base: int) -> None:
    """Give an amended table, and its indexes, the name of the run; parents must be locked."""
    table, old = (partition(parent, run_id) for run_id in (target.run_id, base))
    await run_sql(session, f"DROP TABLE {staged(parent, target.run_id, target.fence)}")
    await run_sql(session, f"ALTER TABLE {old} RENAME TO {table}")
    for name in LISTED:
        await run_sql(session, f"ALTER INDEX IF EXISTS {old}_{name} RENAME TO {table}_{name}")


async def attach(session: AsyncSession, target: Target, parents: Sequence[str]) -> None:
    """Make the run's tables the snapshot of its calc_date; the parents must be locked."""
    for parent in parents:
        table = partition(parent, target.run_id)
        name = staged(parent, target.run_id, target.fence)
        await run_sql(session, f"ALTER TABLE {name} RENAME TO {table}")
        await run_sql(
            session,
            f"ALTER TABLE {parent} ATTACH PARTITION {table} FOR VALUES IN ({_moment(target)})",
        )


async def drop_staged(session: AsyncSession, target: Target) -> None:
    """Remove tables that will not be published."""
    for parent in PARENTS:
        name = staged(parent, target.run_id, target.fence)
        await run_sql(session, f"DROP TABLE IF EXISTS {name}")


async def index_lists(session: AsyncSession) -> bool:
    """Index one published snapshot for the lists of its customers; False if all of them are.

    After the swap, because that takes as long as the table itself; lists are slower until then.
    """
    run_id = (await run_sql(session, _UNINDEXED)).scalar()
    if run_id is None:
        return False
    table = partition("rfm_features", run_id)
    await _prepare_sort(session)
    for name, columns in LISTED.items():
        await run_sql(session, f"CREATE INDEX {table}_{name} ON {table} ({columns})")
    return True


_UNINDEXED = f"""
SELECT run_id FROM scoring_runs
WHERE is_current AND to_regclass('rfm_features_' || run_id) IS NOT NULL
  AND to_regclass('rfm_features_' || run_id || '_{list(LISTED)[-1]}') IS NULL
ORDER BY run_id DESC LIMIT 1
"""


async def drop_values(session: AsyncSession) -> None:
    """Remove figures that a killed worker left; to be called by the only one that writes any."""
    for name in (await run_sql(session, _STAGED_VALUES)).scalars().all():
        await run_sql(session, f"DROP TABLE {name}")


_STAGED_VALUES = rf"""
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
  AND relname ~ '^{VALUES}_\d+_\d+$'
"""


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
