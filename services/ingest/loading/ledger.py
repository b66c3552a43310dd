"""The ledger's SQL: one row per dropped file, from the claim to its final state and place."""

import os
import secrets
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.reading.questions import Question
from rfm_common.arrivals import claim_name, input_path, new_row
from rfm_common.bus import add_to_outbox
from rfm_common.db import Sessions, run_sql
from rfm_common.erasure import QUOTING
from rfm_common.events import ImportFinished, ImportHeld, ImportRejected, ImportStarted
from rfm_common.models import IS_HELD, LOADED, Import, ImportState, Kind, Undo

ATTEMPTS = 5
"""Failures of one file, for reasons that will not pass by themselves, until it is given up."""


def new_owner() -> str:
    """Who works on a file: no two processes and no two workers of one have the same."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}:{os.getpid()}"


@asynccontextmanager
async def holding(sessions: Sessions, file_name: str) -> AsyncGenerator[bool]:
    """Be the only process that works on this name; False when another one is.

    The lock lives in a transaction of its own, so that a killed process gives it back at once.
    """
    async with sessions() as session, session.begin():
        yield await claim_name(session, file_name)


async def claim(
    session: AsyncSession, file_name: str, size: int, identity: str, owner: str
) -> Import:
    """The row of this file: a new one, the one that a killed process left unfinished, or the
    decision that stands when this very file was judged before but could not be moved."""
    found = await session.exec(
        select(Import)
        .where(Import.file_name == file_name, Import.stored_path == input_path(file_name))
        .where((Import.state == ImportState.READING) | (Import.file_identity == identity))
        .order_by(col(Import.import_id).desc())
        .limit(1)
    )
    row = found.first() or new_row(file_name)
    _take(row, owner)
    session.add(row)
    if row.state is not ImportState.READING:
        return row
    if row.file_identity != identity:
        row.attempts = 0  # another file of the name
    row.size_bytes, row.file_identity = size, identity
    row.started_at, row.stored_path = datetime.now(UTC), input_path(file_name)
    await session.flush()
    add_to_outbox(session, ImportStarted(
        import_id=row.import_id or 0, file_name=file_name, size_bytes=size))  # fmt: skip
    return row


def _take(row: Import, owner: str) -> None:
    """Note who works on it; who did before and neither finished nor let go has been killed."""
    if row.claimed_by not in (None, owner):
        row.attempts += 1
    row.claimed_by = owner


def take_up(row: Import, owner: str) -> None:
    """The same of a wish about an import that is decided: its attempts are counted anew."""
    if row.claimed_by is None:
        row.attempts = 0
    _take(row, owner)


async def let_go(session: AsyncSession, row: Import, owner: str) -> None:
    """Leave a file for another time: this process goes on."""
    await run_sql(
        session, "UPDATE imports SET claimed_by = NULL WHERE import_id = :id AND claimed_by = :by",
        id=row.import_id, by=owner,
    )  # fmt: skip


async def broken_off(session: AsyncSession) -> set[str]:
    """Names of files over which a process ended, or on which one is working now."""
    found = await session.exec(
        select(Import.file_name).where(
            col(Import.claimed_by).is_not(None)
            | (col(Import.state) == ImportState.READING) & (col(Import.attempts) > 0)
        )
    )
    return set(found.all())


async def resume(session: AsyncSession, import_id: int, identity: str, owner: str) -> Import:
    """The row of a file that waited; read anew when somebody has decided."""
    row = await session.get_one(Import, import_id, with_for_update=True)
    _take(row, owner)
    session.add(row)
    if row.state is ImportState.READING:
        row.file_identity, row.started_at = identity, datetime.now(UTC)
        add_to_outbox(session, ImportStarted(
            import_id=import_id, file_name=row.file_name, size_bytes=row.size_bytes))  # fmt: skip
    return row


async def loaded_before(session: AsyncSession, sha256: str | None, kind: Kind) -> int | None:
    """The import that loaded these bytes, if any."""
    found = await session.exec(
        select(Import.import_id).where(
            Import.sha256 == sha256, Import.kind == kind, col(Import.state).in_(LOADED)
        )
    )
    return found.first()


async def held_before(session: AsyncSession, row: Import) -> int | None:
    """Another import of the same bytes that waits for a decision, if any."""
    found = await session.exec(
        select(Import.import_id).where(
            Import.sha256 == row.sha256, Import.state == ImportState.NEEDS_DECISION,
            Import.import_id != row.import_id,
        )
    )  # fmt: skip
    return found.first()


async def in_folder(session: AsyncSession, folder: str) -> list[Import]:
    """Imports whose file was last seen in `input` or `held`, decided or not."""
    found = await session.exec(
        select(Import)
        .where(col(Import.stored_path).startswith(f"{folder}/", autoescape=True))
        .order_by(col(Import.import_id))
    )
    return list(found.all())


async def to_read_again(session: AsyncSession) -> list[Import]:
    """Imports that were undone to be read again, and whose file is still in the archive."""
    found = await session.exec(
        select(Import)
        .where(Import.undo == Undo.READ_AGAIN, Import.state == ImportState.READING)
        .where(col(Import.stored_path).startswith("archive/"))
        .order_by(col(Import.import_id))
    )
    return list(found.all())


async def to_go_on(session: AsyncSession) -> list[Import]:
    """Imports whose file waited for a decision and is still where it waited."""
    found = await session.exec(
        select(Import)
        .where(text(IS_HELD))
        .where(Import.state != ImportState.NEEDS_DECISION)
        .order_by(col(Import.import_id))
    )
    return list(found.all())


def hold(session: AsyncSession, row: Import, questions: Sequence[Question], **values: Any) -> None:
    """Let the import wait for answers and remember the event that tells of it."""
    for name, value in values.items():
        setattr(row, name, value)
    row.state, row.attempts = ImportState.NEEDS_DECISION, 0
    row.questions = [asdict(question) for question in questions]
    others = f" ({len(questions) - 1} more to answer)" if len(questions) > 1 else ""
    row.message = questions[0].text + others
    session.add(row)
    number = row.import_id or 0
    held = ImportHeld(import_id=number, file_name=row.file_name, questions=len(questions))
    add_to_outbox(session, held)


def finish(session: AsyncSession, row: Import, state: ImportState, **values: Any) -> None:
    """Decide the import and remember the event that tells of it; the caller commits."""
    row.reason = row.message = None
    for name, value in values.items():
        setattr(row, name, value)
    row.state, row.finished_at = state, datetime.now(UTC)
    row.preview, row.undo = {}, None
    session.add(row)
    add_to_outbox(session, _verdict(row))


def finish_vanished(session: AsyncSession, row: Import) -> None:
    """End an import whose file is nowhere."""
    finish(session, row, ImportState.QUARANTINED, reason="vanished",
           message="the file was removed before it was loaded; drop it again",
           stored_path=None)  # fmt: skip


def finish_erased(session: AsyncSession, row: Import) -> None:
    """End the wait of a file that names an erased person in rows that cannot be told apart."""
    finish(session, row, ImportState.QUARANTINED, reason="erased",
           message="the file named a customer who was erased")  # fmt: skip


def told(row: Import) -> str:
    """What logs and events say of a decided file: nothing that quotes its cells."""
    quotes = row.reason in QUOTING
    if row.state is ImportState.NEEDS_DECISION:
        return "waits for a decision"
    return f"{row.reason}: the import says more" if quotes else row.message or row.state.value


def _verdict(row: Import) -> ImportFinished | ImportRejected:
    number = row.import_id or 0
    if row.state is ImportState.QUARANTINED:
        return ImportRejected(
            import_id=number, file_name=row.file_name, reason=row.reason or "", message=told(row)
        )  # fmt: skip
    return ImportFinished(
        import_id=number, file_name=row.file_name, kind=row.kind, state=row.state,
        data_version=row.data_version, rows_total=row.rows_total, rows_new=row.rows_new,
        rows_updated=row.rows_updated, rows_rejected=row.rows_rejected,
    )  # fmt: skip
