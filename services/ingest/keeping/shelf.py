"""Where files go: the archive, quarantine with the list of what was wrong, or where they wait."""

import asyncio
import csv
import os
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import sqlalchemy
from sqlalchemy import Row
from sqlmodel import col

from ingest.folder import Dropped, move, stored_name
from ingest.keeping.scrub import Found, copy_without
from rfm_common.db import Sessions
from rfm_common.filenames import REJECTS
from rfm_common.models import Import, ImportReject, ImportState
from rfm_common.settings import Settings
from rfm_common.spreadsheets import harmless

COLUMNS = ("line", "column", "value", "reason", "message", "raw")


def place_of(settings: Settings, row: Import) -> Path:
    """The path that the file of an import is to have once it has left the watched folder."""
    folders = {
        ImportState.QUARANTINED: settings.quarantine_dir,
        ImportState.NEEDS_DECISION: settings.held_dir,
        ImportState.READING: settings.held_dir,
    }
    return folders.get(row.state, settings.archive_dir) / _name(row)


def held_path(settings: Settings, row: Import) -> Path:
    """Where the file of an import waits, or waited, for a decision."""
    return settings.held_dir / _name(row)


def _name(row: Import) -> str:
    return stored_name(row.import_id or 0, row.file_name)


def is_there(path: Path, row: Import) -> bool:
    """Whether the very file that a row tells of is at this path."""
    try:
        return Dropped(path, path.lstat()).identity.text == row.file_identity
    except FileNotFoundError:
        return False


def find(settings: Settings, row: Import) -> str | None:
    """`stored_path` of a file that is not in the input folder; None when it is gone."""
    target = place_of(settings, row)
    return _relative(target) if os.path.lexists(target) else None


async def put_away(
    sessions: Sessions, settings: Settings, row: Import, item: Dropped, found: Found
) -> str | None:
    """Move a file, without the rows of erased people; its new `stored_path`.

    None: they are named in it and their rows cannot be told apart, so nothing is kept of it.
    The list of rejects is written before.
    """
    target = place_of(settings, row)
    if row.state is ImportState.QUARANTINED:
        await _write_rejects(sessions, target, row)
    if found.nobody:
        await asyncio.to_thread(move, item.path, target, item.identity)
    else:
        await asyncio.to_thread(_move_without, item, target, found)
    return None if found.is_anywhere else _relative(target)


def _move_without(item: Dropped, target: Path, found: Found) -> None:
    item.check_unchanged()
    if not found.is_anywhere:
        copy_without(item.path, target, found)
        if item.path == target:  # it goes on waiting where it was
            return
        item.check_unchanged()
    item.path.unlink()


def changed(what: str, why: str, lines: int = 0) -> dict[str, object]:
    """What `notes` of an import say about a file that is not as it was dropped."""
    told = {"what": what, "why": why, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    return {"file_changed": told | ({"lines": lines} if lines else {})}


def changed_for(found: Found) -> dict[str, object]:
    """The same, of a file in which erased people were found."""
    what = "removed" if found.is_anywhere else "rewritten"
    return changed(what, "erasure", len(found.lines))


def rejects_of(path: Path) -> Path:
    """The list of rejects beside a quarantined file."""
    return path.with_name(path.name + REJECTS)


def _relative(target: Path) -> str:
    return f"{target.parent.name}/{os.fsencode(target.name).decode('utf-8', 'replace')}"


async def _write_rejects(sessions: Sessions, target: Path, row: Import) -> None:
    """`<file>.rejects.csv`: a line for what condemned the file, then one for each bad row."""
    path = rejects_of(target)
    partial = path.with_name(f"{path.name}.part")
    with await asyncio.to_thread(_begun, partial, row) as sink:
        writer = csv.writer(sink)
        async for page in _rejects(sessions, row):
            await asyncio.to_thread(writer.writerows, map(_cells, page))
    await asyncio.to_thread(partial.rename, path)


def _begun(partial: Path, row: Import) -> TextIO:
    partial.parent.mkdir(parents=True, exist_ok=True)
    sink = partial.open("w", encoding="utf-8", newline="")
    writer = csv.writer(sink)
    writer.writerow(COLUMNS)
    writer.writerow(("", "", "", row.reason, harmless(row.message or ""), ""))
    return sink


async def _rejects(sessions: Sessions, row: Import) -> AsyncGenerator[Sequence[Row[Any]]]:
    """The rejected rows, a page at a time: there may be as many as the file has."""
    columns = (ImportReject.line, ImportReject.column_name, ImportReject.value,
               ImportReject.reason, ImportReject.message, ImportReject.raw)  # fmt: skip
    async with sessions() as session:
        listed = await session.stream(
            sqlalchemy.select(*columns)  # type: ignore[call-overload]
            .where(col(ImportReject.import_id) == row.import_id)
            .order_by(col(ImportReject.line), col(ImportReject.reject_id))
            .execution_options(yield_per=1000)
        )
        async for page in listed.partitions():
            yield page


def _cells(reject: Row[Any]) -> tuple[Any, ...]:
    texts: Sequence[str | None] = reject[1:]
    return reject[0], *(harmless(text or "") for text in texts)
