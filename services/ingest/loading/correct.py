"""Applying other meanings of a loaded file's statuses, in one transaction that the caller owns.

The file is read again with them and merged in its place: what a later import says of an order
stays. The rows of a file do not depend on what its statuses mean, so its counts stand.
"""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading import customers, joining, merge, refunds, reread, stage, suppressed
from ingest.loading.loader import Load
from ingest.reading.preview import as_rule
from ingest.reading.statuses import question_about
from rfm_common.counting import ABOUT_STATUS
from rfm_common.db import AdvisoryLock, lock, run_sql
from rfm_common.decisions import remember_for_header
from rfm_common.models import Import
from rfm_common.settings import Settings
from rfm_common.versions import change_without_file


async def correct(session: AsyncSession, settings: Settings, import_id: int) -> None:
    """Apply the correction that waits on an import, unless somebody was quicker.

    Raises FileNotFoundError, RefusedError and what is away. The locks are those of a load, in its
    order.
    """
    await lock(session, AdvisoryLock.STAGE, shared=True)
    await lock(session, AdvisoryLock.LOAD)
    row = await session.get_one(Import, import_id, with_for_update=True)
    if not row.correction:
        return
    erased = await suppressed.read(session, settings)
    with ExitStack() as opening:
        answers = row.correction["answers"]
        planned = await reread.planned(session, settings, row, opening, answers)
        load = reread.load_of(session, row, planned, erased)
        await reread.fill(load)
    await _finish(load, answers, await _merge(load))


async def _merge(load: Load) -> int:
    """Let the table say what the file says now; the number of orders that changed."""
    session, staged, row = load.session, load.stage, load.row
    await refunds.between(session, staged)
    await run_sql(session, f"""
        DELETE FROM {staged.table} s USING orders t, imports i
        WHERE {staged.same_key} AND i.import_id = t.import_id AND t.import_id <> :id
        AND (i.finished_at, i.import_id) > (:finished, :id)
        """, id=row.import_id, finished=row.finished_at)  # fmt: skip
    await joining.resolve(session, staged)
    await customers.add_unknown(session, staged)
    effects = await merge.merge(session, staged)
    await stage.drop(session, staged)
    return int(effects["orders_new"] + effects["orders_updated"])


async def _finish(load: Load, answers: Mapping[str, str], changed: int) -> None:
    session, row, layout = load.session, load.row, load.layout
    if changed:
        version = await change_without_file(session)
        row.data_version = row.data_version or version
        row.in_lake = False
    row.answers = row.answers | dict(answers)
    if row.correction["remember"]:
        asked = [asdict(_question(about, value)) for about, value in answers.items()]
        read = {"headers": [header.strip() for header in layout.headers],
                "mapping": as_rule(layout.mapping, layout.headers)}  # fmt: skip
        await remember_for_header(session, row, answers, asked, read)
    row.notes = row.notes | _notes(load, answers, changed)
    row.correction = {}
    session.add(row)


def _question(about: str, value: str) -> Any:
    return question_about(about.removeprefix(ABOUT_STATUS), "", value)


def _notes(load: Load, answers: Mapping[str, str], changed: int) -> dict[str, Any]:
    listed = load.statuses.listed(load.layout.mapping.statuses, load.layout.counted_words)
    earlier = [item for item in load.row.notes.get("told", ()) if item["about"] not in answers]
    told = [{"about": about, "text": _told(load.row, about, value, changed)}
            for about, value in answers.items()]  # fmt: skip
    return {"statuses": listed, "told": [*earlier, *told]}


def _told(row: Import, about: str, value: str, changed: int) -> str:
    word = about.removeprefix(ABOUT_STATUS)
    next_ones = " Files with the same columns are read like this from now on."
    return (
        f"The status {word!r} was changed to {value} after the import. Orders that changed:"
        f" {changed:,}.{next_ones if row.correction['remember'] else ''}"
    )
