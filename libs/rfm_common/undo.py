"""Undoing an import: who asks for it, what it will change, which files have to be read for it.

Whoever asks writes the wish on the import; ingest carries it out in one transaction.
"""
# ruff: noqa: S608 - the name of the table is that of a kind

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.db import run_sql
from rfm_common.errors import ConflictError, existing
from rfm_common.models import LOADED, Import, ImportState, Kind, Undo


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an undo would change."""

    rows: int
    """Rows of the tables that are as this import left them: orders, customers or rates."""
    files: int
    """Other imports whose files may have some of them: those rows get the value from there."""
    missing: list[str]
    """Those of which the file is gone, with their names."""


async def ask_undo(session: AsyncSession, import_id: int, actor: str, how: Undo) -> None:
    """Let ingest undo an import, and read its file again where that is asked for.

    Raises NotFoundError, and ConflictError when its rows are not in the tables, or when there is
    nothing to read in another way.
    """
    row = loaded_import(await session.get(Import, import_id, with_for_update=True), import_id)
    if how is Undo.READ_AGAIN and not can_be_read_again(row.answers, row.stored_path):
        raise ConflictError(
            f"import {import_id} cannot be read in another way: nobody decided anything about it,"
            " or its file is gone", import_id=import_id,
        )  # fmt: skip
    row.undo, row.message, row.correction = how, None, {}
    session.add(row)
    audit.record(session, actor, "import.undo", f"import {import_id}", detail={"how": how})


def can_be_read_again(answers: Mapping[str, str], stored_path: str | None) -> bool:
    """Whether a loaded file may ask again: it did once, or a profile answered, and it is there."""
    return bool(answers) and stored_path is not None


def loaded_import(found: Import | None, import_id: int) -> Import:
    """Raises NotFoundError, and ConflictError when its rows are not in the tables."""
    row = existing(found, f"import {import_id}", "import_id")
    if row.state not in LOADED:
        how = "undone already" if row.state is ImportState.UNDONE else f"{row.state}, not loaded"
        raise ConflictError(f"import {import_id} is {how}", import_id=import_id)
    return row


async def wished(session: AsyncSession) -> list[Import]:
    """Imports that wait to be undone."""
    found = await session.exec(
        select(Import).where(col(Import.undo).is_not(None)).order_by(col(Import.import_id))
    )
    return [row for row in found.all() if row.state in LOADED]


async def look_ahead(session: AsyncSession, import_id: int) -> Outlook:
    """What undoing an import would change, as far as the ledger can tell. Raises as `ask_undo`."""
    row = loaded_import(await session.get(Import, import_id), import_id)
    if row.kind is None:
        return Outlook(0, 0, [])
    counted = await run_sql(
        session, f"SELECT count(*) FROM {row.kind.value} WHERE import_id = :id", id=row.import_id
    )
    found = await sources(session, row, row.kind)
    missing = [told(one) for one in found if one.stored_path is None]
    return Outlook(int(counted.scalar_one()), len(found), missing)


async def sources(session: AsyncSession, row: Import, kind: Kind) -> list[Import]:
    """Imports whose files may have keys that `row` brought; the one that was loaded last first.

    Of two imports with a key in common the later one found it there, which its counts tell.
    """
    found = await session.exec(
        select(Import)
        .where(Import.kind == kind, col(Import.state).in_(LOADED))
        .where(Import.import_id != row.import_id)
        .order_by(col(Import.finished_at).desc(), col(Import.import_id).desc())
    )
    return [one for one in found.all() if shared_at_most(one, row)]


def shared_at_most(one: Import, other: Import) -> int:
    """How many rows two imports may have in common."""
    later = max(one, other, key=lambda row: (row.finished_at, row.import_id))
    return later.rows_updated + later.rows_unchanged


def told(row: Import) -> str:
    """An import for a sentence."""
    return f"import {row.import_id} ({row.file_name})"
