"""The ledger's SQL: one row per dropped file, from the claim to its final state and place."""

import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.bus import remember
from rfm_common.db import Sessions, run_sql
from rfm_common.events import ImportFinished, ImportRejected, ImportStarted
from rfm_common.models import Import, ImportState, Kind

FILE_LOCKS = 8_701
"""The first half of the two-part advisory locks that say who works on which file name."""

LOADED = (ImportState.LOADED, ImportState.LOADED_WITH_REJECTS)
DEMO_PREFIX = "rfm-demo-"


@asynccontextmanager
async def holding(sessions: Sessions, file_name: str) -> AsyncGenerator[bool]:
    """Be the only process that works on this name; False when another one is.

    The lock lives in a transaction of its own, so that a killed process gives it back at once.
    """
    key = zlib.crc32(file_name.encode()) - 2**31
    async with sessions() as session, session.begin():
        answer = await run_sql(
            session, "SELECT pg_try_advisory_xact_lock(:space, :key)", space=FILE_LOCKS, key=key
        )
        yield bool(answer.scalar())


async def claim(session: AsyncSession, file_name: str, size: int, owner: str) -> Import:
    """The row of this reading: a new one, or the one that a killed process left."""
    found = await session.exec(
        select(Import)
        .where(Import.file_name == file_name, Import.state == ImportState.READING)
        .order_by(col(Import.import_id))
        .limit(1)
    )
    row = found.first() or Import(file_name=file_name, is_demo=file_name.startswith(DEMO_PREFIX))
    row.size_bytes, row.claimed_by, row.started_at = size, owner, datetime.now(UTC)
    row.stored_path = f"input/{file_name}"
    session.add(row)
    await session.flush()
    remember(session, ImportStarted(
        import_id=row.import_id or 0, file_name=file_name, size_bytes=size))  # fmt: skip
    return row


async def loaded_before(session: AsyncSession, sha256: str, kind: Kind) -> int | None:
    """The import that loaded these bytes, if any."""
    found = await session.exec(
        select(Import.import_id).where(
            Import.sha256 == sha256, Import.kind == kind, col(Import.state).in_(LOADED)
        )
    )
    return found.first()


async def unmoved(session: AsyncSession, file_name: str | None = None) -> list[Import]:
    """Imports that are decided but whose file was last seen in the input folder."""
    query = select(Import).where(
        Import.state != ImportState.READING, col(Import.stored_path).startswith("input/")
    )
    if file_name is not None:
        query = query.where(Import.file_name == file_name)
    return list((await session.exec(query.order_by(col(Import.import_id)))).all())


def finish(session: AsyncSession, row: Import, state: ImportState, **values: Any) -> None:
    """Decide the import and remember the event that tells of it; the caller commits."""
    for name, value in values.items():
        setattr(row, name, value)
    row.state, row.finished_at, row.claimed_by = state, datetime.now(UTC), None
    session.add(row)
    if state is ImportState.QUARANTINED:
        remember(session, ImportRejected(
            import_id=row.import_id or 0, file_name=row.file_name,
            reason=row.reason or "", message=row.message or "",
        ))  # fmt: skip
        return
    remember(session, ImportFinished(
        import_id=row.import_id or 0, file_name=row.file_name, kind=row.kind, state=state,
        data_version=row.data_version, rows_total=row.rows_total, rows_new=row.rows_new,
        rows_updated=row.rows_updated, rows_rejected=row.rows_rejected,
    ))  # fmt: skip
