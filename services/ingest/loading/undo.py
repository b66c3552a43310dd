"""Taking an import back, in one transaction that the caller owns.

The tables are afterwards as if the file had never come: each row that it left there gets what the
other imports say of its key, read from their archived files, and goes where none says anything.
"""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading import customers, joining, merge, refunds, reread, stage, suppressed
from ingest.loading.loader import Load
from ingest.loading.stage import Stage
from ingest.loading.suppressed import Suppressed
from ingest.loading.tables import TARGETS, Target
from ingest.refusal import RefusedError
from rfm_common.db import AdvisoryLock, lock, run_sql
from rfm_common.errors import RfmError
from rfm_common.lake import note_removal
from rfm_common.models import Import, ImportState, Kind, Undo
from rfm_common.settings import Settings
from rfm_common.undo import shared_at_most, sources, told
from rfm_common.versions import change_without_file
from rfm_common.words import some

NO_LONGER = "DROP TABLE IF EXISTS pg_temp.delta, pg_temp.buyers, pg_temp.folded"
"""What one merge leaves and the next one makes anew."""


class NotUndoneError(RfmError):
    """A file that is needed is gone; the message says which, and for how many rows."""


_BUYS = "SELECT o.import_id FROM orders o WHERE o.customer_id = t.customer_id"
_BUYS_AS = """
SELECT o.import_id FROM orders o WHERE o.customer_id = t.joined_to AND o.known_as = t.customer_id
"""
"""SQL: the orders of a customer `t`, and those that only its address names."""


@dataclass(slots=True)
class Work:
    """An undo on its way."""

    session: AsyncSession
    settings: Settings
    row: Import
    suppressed: Suppressed | None
    """Who does not come back."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By noun, such as `order`, and what became of it."""


async def undo(session: AsyncSession, settings: Settings, import_id: int) -> None:
    """Take back what an import brought, unless somebody was quicker. Raises NotUndoneError, and
    what is away.

    The locks are those of a load, in its order: nobody else changes rows meanwhile.
    """
    await lock(session, AdvisoryLock.STAGE, shared=True)
    await lock(session, AdvisoryLock.LOAD)
    row = await session.get_one(Import, import_id, with_for_update=True)
    if row.undo is None:
        return
    work = Work(session, settings, row, await suppressed.read(session, settings))
    await note_removal(session, "o.import_id = :id", id=row.import_id)
    await joining.forget(session, import_id)
    for kind in (Kind.ORDERS, Kind.CUSTOMERS) if row.kind is Kind.ORDERS else (row.kind,):
        if kind:
            await _take_back(work, kind)
    if work.counts.total():
        await change_without_file(session)
    _finish(work)


def _finish(work: Work) -> None:
    row, counts = work.row, work.counts
    row.in_lake = False
    work.session.add(row)
    if row.undo is Undo.READ_AGAIN:
        row.state, row.answers, row.data_version = ImportState.READING, {}, None
        row.finished_at = None
        return
    row.state, row.undo = ImportState.UNDONE, None
    row.notes = row.notes | {"undone_at": datetime.now(UTC).isoformat(timespec="seconds")}
    done = [f"{some(counts[noun, what], noun)} {what}" for noun, what in sorted(counts)
            if counts[noun, what]]  # fmt: skip
    row.message = f"Undone: {'; '.join(done) or 'it had left nothing in the tables'}."


async def _take_back(work: Work, kind: Kind) -> None:
    """Read what others say of the rows first: until all of it is there, nothing is changed."""
    session, target = work.session, TARGETS[kind]
    key = ", ".join(target.key)
    await run_sql(session, f"""
        CREATE TEMP TABLE undone ON COMMIT DROP AS
        SELECT {key}, true AS is_open FROM {target.name} WHERE import_id = :id
        """, id=work.row.import_id)  # fmt: skip
    staged = await _stage_others(work, kind)
    await _remove(session, target)
    for other in reversed(staged):
        await _bring_back(work, other)
    if kind is Kind.CUSTOMERS:
        await joining.rejoin(session)
    await _count(work, target)
    await run_sql(session, "DROP TABLE undone")


async def _stage_others(work: Work, kind: Kind) -> list[Stage]:
    """The rows of other imports that count again, of the import that was loaded last first."""
    staged: list[Stage] = []
    for source in await sources(work.session, work.row, kind):
        if not (missing := await _count_open(work.session)):
            break
        try:
            staged += await _stage_other(work, source)
        except (FileNotFoundError, RefusedError) as error:
            if work.row.undo is not Undo.FORCED:
                rows = min(missing, shared_at_most(source, work.row))
                raise NotUndoneError(_why_not(rows, kind, source, error)) from error
    return staged


def _why_not(rows: int, kind: Kind, source: Import, error: Exception) -> str:
    why = error.message if isinstance(error, RefusedError) else "its file is gone"
    what = kind.value.replace("_", " ")
    return (
        f"Not undone: up to {rows:,} {what} may be in {told(source)} as well, and {why}. With"
        " force they get what a still earlier file says, or go where there is none."
    )


async def _count_open(session: AsyncSession) -> int:
    counted = await run_sql(session, "SELECT count(*) FROM undone WHERE is_open")
    return int(counted.scalar_one())


async def _stage_other(work: Work, source: Import) -> list[Stage]:
    """The stage of another import, with what its file says of the rows that are still open."""
    with ExitStack() as opening:
        planned = await reread.planned(work.session, work.settings, source, opening)
        load = reread.load_of(work.session, source, planned, work.suppressed)
        await _fill(load)
    return [load.stage]


async def _fill(load: Load) -> None:
    """Stage a whole file, for ids and lines that go by their neighbours, and keep open rows."""
    await reread.fill(load)
    await refunds.between(load.session, load.stage)
    await _keep_open(load.session, load.stage)
    await run_sql(load.session, NO_LONGER)


async def _keep_open(session: AsyncSession, staged: Stage) -> None:
    """Only what is still open; a row of a file that fills all columns closes it."""
    await run_sql(session, f"""
        DELETE FROM {staged.table} s
        WHERE NOT EXISTS (SELECT FROM undone t WHERE t.is_open AND {staged.same_key})
        """)  # fmt: skip
    if not staged.kept:
        await run_sql(session, f"""
            UPDATE undone t SET is_open = false FROM {staged.table} s WHERE {staged.same_key}
            """)  # fmt: skip


async def _remove(session: AsyncSession, target: Target) -> None:
    """Delete the rows; of customers with orders or excluded ones what files of customers say."""
    same = " AND ".join(f"t.{name} = u.{name}" for name in target.key)
    if target is not TARGETS[Kind.CUSTOMERS]:
        await run_sql(session, f"DELETE FROM {target.name} t USING undone u WHERE {same}")
        return
    emptied = ", ".join(f"{name} = NULL" for name in (*target.values, "import_line"))
    await run_sql(session, f"UPDATE customers t SET {emptied} FROM undone u WHERE {same}")
    await joining.rejoin(session)
    await run_sql(session, f"""
        DELETE FROM customers t USING undone u
        WHERE {same} AND t.excluded_at IS NULL AND NOT EXISTS ({_BUYS}) AND NOT EXISTS ({_BUYS_AS})
        """)  # fmt: skip
    await run_sql(session, f"""
        UPDATE customers t SET import_id = (SELECT min(import_id) FROM ({_BUYS} UNION {_BUYS_AS}) o)
        FROM undone u WHERE {same}
        """)  # fmt: skip


async def _bring_back(work: Work, staged: Stage) -> None:
    """Merge what another import says; its file in the lake is written anew from the table."""
    session = work.session
    if staged.target is TARGETS[Kind.ORDERS]:
        await joining.resolve(session, staged)
        await customers.add_unknown(session, staged)
        await run_sql(session, f"""
            UPDATE imports SET in_lake = false, data_version = coalesce(data_version, :version)
            WHERE import_id = :id AND EXISTS (SELECT FROM {staged.table})
            """, id=staged.import_id, version=work.row.data_version)  # fmt: skip
    await merge.merge(session, staged)
    await stage.drop(session, staged)
    await run_sql(session, NO_LONGER)


async def _count(work: Work, target: Target) -> None:
    same = " AND ".join(f"t.{name} = u.{name}" for name in target.key)
    counted = await run_sql(work.session, f"""
        SELECT count(*) FILTER (WHERE t.{target.key[0]} IS NULL), count(t.import_id),
               count(t.{target.key[0]}) FILTER (WHERE t.import_id IS NULL)
        FROM undone u LEFT JOIN {target.name} t ON {same}
        """)  # fmt: skip
    noun = target.name.removesuffix("s").replace("_", " ")
    outcomes = ("removed", "as in other files", "kept because excluded")
    for outcome, rows in zip(outcomes, counted.one(), strict=True):
        work.counts[noun, outcome] = rows
