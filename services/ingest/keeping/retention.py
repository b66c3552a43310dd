"""Nothing that may name people is kept for longer than the settings say, nor what nobody reads."""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import col, select

from ingest.keeping.shelf import changed, rejects_of
from rfm_common.db import Sessions, run_sql
from rfm_common.filenames import uploading
from rfm_common.models import Import
from rfm_common.settings import Settings

log = logging.getLogger("rfm.ingest")

AT_ONCE = 1000
DAY = 86_400


async def thin(settings: Settings, sessions: Sessions) -> None:
    """Remove old files, lists of rejects and events, and uploads that broke off; repeatable."""
    ages = {"archive": settings.archive_days, "quarantine": settings.quarantine_days}
    for folder, days in ages.items():
        removed = 0
        while days and (count := await _remove_files(settings, sessions, folder, days)):
            removed += count
        if removed:
            log.info("removed %d files of more than %d days from %s/", removed, days, folder)
    if settings.reject_days:
        await _remove_rejects(sessions, settings.reject_days)
    await _remove_told(sessions)
    await asyncio.to_thread(_remove_uploads, settings.input_dir)


async def _remove_files(settings: Settings, sessions: Sessions, folder: str, days: int) -> int:
    """The file first, then the ledger: killed in between, the next time finds no file."""
    async with sessions() as session, session.begin():
        rows = await session.exec(
            select(Import)
            .where(col(Import.stored_path).startswith(f"{folder}/", autoescape=True))
            .where(col(Import.finished_at) < datetime.now(UTC) - timedelta(days=days))
            .limit(AT_ONCE)
        )
        old = rows.all()
        for row in old:
            path = settings.data_dir / str(row.stored_path)
            await asyncio.to_thread(path.unlink, missing_ok=True)
            await asyncio.to_thread(rejects_of(path).unlink, missing_ok=True)
            row.stored_path, row.notes = None, row.notes | changed("removed", "retention")
            session.add(row)
    return len(old)


async def _remove_rejects(sessions: Sessions, days: int) -> None:
    """The list goes, the counts stay."""
    async with sessions() as session, session.begin():
        await run_sql(session, """
            WITH old AS (
                UPDATE imports SET notes = notes || jsonb_build_object('rejects_removed_at', now())
                WHERE finished_at < now() - make_interval(days => :days)
                  AND NOT jsonb_exists(notes, 'rejects_removed_at')
                  AND EXISTS (SELECT FROM import_rejects r WHERE r.import_id = imports.import_id)
                RETURNING import_id
            )
            DELETE FROM import_rejects r USING old WHERE r.import_id = old.import_id
            """, days=days)  # fmt: skip


async def _remove_told(sessions: Sessions) -> None:
    """Events that have been on the stream for a day; what they told of is in other tables."""
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM outbox WHERE published_at < now() - interval '1 day'")


def _remove_uploads(folder: Path) -> None:
    """What killed uploads left; a slow one is still being written to."""
    for path in folder.glob(uploading("*")):
        if time.time() - path.stat().st_mtime > DAY:
            path.unlink(missing_ok=True)
