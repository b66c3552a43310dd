"""Stage instead of table: for a first big load, keys and indexes are made once, afterwards.

Filling an indexed table costs ten times as much as indexing a filled one. Readers keep the old
table until the last moment: only the exchange of names locks them out.
"""
# ruff: noqa: S608 - identifiers are constants of `tables` or come from PostgreSQL's catalog

import asyncio
import re
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading import stage as stage_table
from ingest.loading.stage import Stage
from ingest.loading.tables import Target
from rfm_common.db import AdvisoryLock, lock, run_sql

PATIENCE = "250ms"
"""How long readers may queue behind one attempt to lock them out."""

MEMORY = "512MB"
"""For sorting keys; of the server, for one transaction."""


class Part(NamedTuple):
    """An index or a constraint as the catalog describes it."""

    name: str
    definition: str
    table: str
    is_primary: bool = False


async def begin(session: AsyncSession, stage: Stage, rows: int, least: int) -> bool:
    """Whether the stage will replace the table; then no other load is on its way until the end.

    A file of `least` rows is big enough. Any load has a lock on its table from its stage on, and
    queued with it; a load whose turn it is, and who waits until nobody has such a
    lock, would wait for ever.
    """
    is_promising = (
        rows >= least and not stage.line_items and await _looks_worth_it(session, stage, rows)
    )
    await lock(session, AdvisoryLock.STAGE, shared=not is_promising)
    return is_promising and await _is_worth_it(session, stage.target, rows)


async def _looks_worth_it(session: AsyncSession, stage: Stage, rows: int) -> bool:
    async with session.begin_nested() as glance:
        answer = await _is_worth_it(session, stage.target, rows)
        await glance.rollback()  # and with it the lock on the table
    return answer


async def _is_worth_it(session: AsyncSession, target: Target, rows: int) -> bool:
    """Whether a file of `rows` is twice as big as its table, and the table ours to replace.

    A table with grants, views, triggers, policies or publications of the user's own is not.
    """
    answer = await run_sql(session, f"""
        SELECT (SELECT count(*) FROM (SELECT FROM {target.name} LIMIT :half + 1)) <= :half
           AND NOT EXISTS (SELECT FROM pg_depend WHERE refobjid = c.oid
                           AND classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass,
                                           'pg_publication_rel'::regclass))
           AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
           AND c.relacl IS NULL AND NOT c.relrowsecurity
           AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
        FROM pg_class c WHERE c.oid = to_regclass(:name)
        """, half=rows // 2, name=target.name)  # fmt: skip
    return bool(answer.scalar()) and await _is_unreferenced(session, target)


async def _is_unreferenced(session: AsyncSession, target: Target) -> bool:
    """Whether no row elsewhere points here: checking those again would cost too much."""
    for key in await _foreign_keys(session, target, "confrelid"):
        filled = await run_sql(session, f"SELECT EXISTS (SELECT FROM {key.table})")
        if filled.scalar():
            return False
    return True


async def carry_over(session: AsyncSession, stage: Stage) -> dict[str, int]:
    """Bring what only the old table knows into the stage, and count what the file changes.

    From here on nobody else may write to the table; readers may go on.
    """
    await run_sql(session, f"LOCK TABLE {stage.target.name} IN SHARE ROW EXCLUSIVE MODE")
    found = await run_sql(session, f"SELECT EXISTS (SELECT FROM {stage.target.name})")
    stage.holds_older = bool(found.scalar())
    counted = await run_sql(session, f"""
        SELECT count(*) FILTER (WHERE {stage.differs}), count(*) FILTER (WHERE NOT {stage.differs})
        FROM {stage.table} s JOIN {stage.target.name} t ON {stage.same_key}
        """)  # fmt: skip
    stage.counts.updated, unchanged = tuple(counted.one())
    origin = (f"{name} = CASE WHEN {stage.differs} THEN s.{name} ELSE t.{name} END"
              for name in ("import_id", "import_line"))  # fmt: skip
    sets = ", ".join(
        (*(f"{name} = t.{name}" for name in (*stage.kept, *stage.target.own)), *origin)
    )
    await run_sql(session, f"""
        UPDATE {stage.table} s SET {sets} FROM {stage.target.name} t WHERE {stage.same_key}
        """)  # fmt: skip
    target = stage.target
    columns = ", ".join((*target.columns, *target.own, "import_id", "import_line"))
    await run_sql(session, f"""
        INSERT INTO {stage.table} ({columns}) SELECT {columns} FROM {stage.target.name} t
        WHERE NOT EXISTS (SELECT FROM {stage.table} s WHERE {stage.same_key})
        """)  # fmt: skip
    counts = stage.counts
    counts.new = counts.total - counts.rejected - counts.superseded - counts.updated - unchanged
    name = stage.target.name
    return {f"{name}_new": counts.new, f"{name}_updated": counts.updated}


async def index(session: AsyncSession, stage: Stage) -> None:
    """Give the stage the table's indexes and foreign keys, under the names they will have."""
    await run_sql(session, f"SET LOCAL maintenance_work_mem = '{MEMORY}'")
    for part in await _indexes(session, stage.target):
        if not part.is_primary:
            await run_sql(session, _elsewhere(part.definition, stage.table))
    await run_sql(session, f"ANALYZE {stage.table}")


async def refer(session: AsyncSession, stage: Stage) -> None:
    """Give the stage the table's foreign keys; the rows they point to must be there."""
    for key in await _foreign_keys(session, stage.target, "conrelid"):
        await _add_constraint(session, stage.table, key)


async def swap(session: AsyncSession, stage: Stage) -> None:
    """Put the stage in the table's place, complete with every name. Waits for long readers."""
    target = stage.target
    parts = await _indexes(session, target)
    incoming = await _foreign_keys(session, target, "confrelid")
    await stage_table.forget_import(session, stage)
    await _lock_out_readers(session, target)
    for key in incoming:
        await run_sql(session, f'ALTER TABLE {key.table} DROP CONSTRAINT "{key.name}"')
    await run_sql(session, f"DROP TABLE {target.name}")
    await run_sql(session, f"ALTER TABLE {stage.table} RENAME TO {target.name}")
    for part in parts:
        await run_sql(session, _final_name(part, stage))
    for key in incoming:
        await _add_constraint(session, key.table, key)


def _final_name(part: Part, stage: Stage) -> str:
    if part.is_primary:
        return (f'ALTER TABLE {stage.target.name} ADD CONSTRAINT "{part.name}"'
                f" PRIMARY KEY USING INDEX {stage.table}_key")  # fmt: skip
    return f'ALTER INDEX "{stage.table}_{part.name}" RENAME TO "{part.name}"'


async def _lock_out_readers(session: AsyncSession, target: Target) -> None:
    """Take the exclusive lock in short attempts, so that no queue of readers builds up."""
    while True:
        try:
            async with session.begin_nested():
                await run_sql(session, f"SET LOCAL lock_timeout = '{PATIENCE}'")
                await run_sql(session, f"LOCK TABLE {target.name} IN ACCESS EXCLUSIVE MODE")
                await run_sql(session, "SET LOCAL lock_timeout = DEFAULT")
                return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
        await asyncio.sleep(0.2)


async def _indexes(session: AsyncSession, target: Target) -> list[Part]:
    found = await run_sql(session, """
        SELECT relname, pg_get_indexdef(indexrelid), indrelid::regclass::text, indisprimary
        FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = to_regclass(:name)
        ORDER BY relname
        """, name=target.name)  # fmt: skip
    return [Part(*tuple(row)) for row in found.all()]


async def _foreign_keys(session: AsyncSession, target: Target, side: str) -> list[Part]:
    """Those of the table (`conrelid`) or those that point to it (`confrelid`)."""
    found = await run_sql(session, f"""
        SELECT conname, pg_get_constraintdef(oid), conrelid::regclass::text
        FROM pg_constraint WHERE contype = 'f' AND {side} = to_regclass(:name)
        """, name=target.name)  # fmt: skip
    return [Part(*tuple(row)) for row in found.all()]


async def _add_constraint(session: AsyncSession, table: str, part: Part) -> None:
    await run_sql(session, f'ALTER TABLE {table} ADD CONSTRAINT "{part.name}" {part.definition}')


def _elsewhere(definition: str, table: str) -> str:
    """The CREATE INDEX of a table, for another table, with that table's name before its own."""
    return re.sub(
        r"^(CREATE (?:UNIQUE )?INDEX) (\S+) ON \S+", rf"\1 {table}_\2 ON {table}", definition
    )
