"""Reading the archived file of an import once more, into a stage."""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.folder import opened
from ingest.loading import stage
from ingest.loading.loader import Load, TooManyRejectsError, copy_all, make_keys
from ingest.loading.suppressed import Suppressed
from ingest.options import read_options
from ingest.reading.containers.source import Planned, opened_source
from ingest.refusal import RefusedError
from rfm_common.db import run_sql
from rfm_common.lasting_store import effective
from rfm_common.models import FileProfile, Import
from rfm_common.settings import Settings


async def planned(
    session: AsyncSession, settings: Settings, row: Import, opening: ExitStack,
    answers: Mapping[str, str] | None = None,
) -> Planned:  # fmt: skip
    """How the file is read with the answers that it was loaded with, and those that are given.

    Raises FileNotFoundError for a file that is not kept any more, and RefusedError for one that
    would be read in another way today.
    """
    query = select(FileProfile).where(FileProfile.fingerprint == row.fingerprint)
    profile = (await session.exec(query)).first()
    known = read_options(await effective(session, settings))
    options = replace(
        known, answers={**row.answers, **(answers or {})},
        learned=profile.learned if profile else {},
    )  # fmt: skip
    file = opening.enter_context(opened(_path(settings, row)))
    text = await asyncio.to_thread(opening.enter_context, opened_source(file, options))
    found = await asyncio.to_thread(text.planned, row.file_name, options)
    if found.layout.questions or found.layout.mapping.kind is not row.kind:
        raise RefusedError("read_otherwise", "its file would be read differently today")
    return found


def _path(settings: Settings, row: Import) -> Path:
    if row.stored_path is None:
        raise FileNotFoundError
    if row.stored_path.startswith("input/"):  # loaded a moment ago
        return settings.input_dir / row.file_name
    return settings.data_dir / row.stored_path


def load_of(
    session: AsyncSession, row: Import, found: Planned, suppressed: Suppressed | None
) -> Load:
    """A load that gives no file up for its bad rows, and tells nobody how far it is."""
    return Load(session, row, found.file, found.layout, 1.0, _silent, suppressed)


async def _silent(_rows: int, _share: float) -> None:
    """Nobody follows it."""


async def fill(load: Load) -> None:
    """Stage the whole file; the import's list of rejected rows stays as it is."""
    session, staged = load.session, load.stage
    mark = await run_sql(session, "SELECT coalesce(max(reject_id), 0) FROM import_rejects")
    last = int(mark.scalar_one())
    await stage.create(session, staged)
    try:
        await copy_all(load)
        await make_keys(load)
    except TooManyRejectsError:  # each row lacks its customer
        await run_sql(session, f"DELETE FROM {staged.table}")
    except RefusedError as refusal:
        if refusal.reason != "no_rows":  # an erasure took all of them
            raise
    await run_sql(session, """
        DELETE FROM import_rejects WHERE import_id = :id AND reject_id > :last
        """, id=staged.import_id, last=last)  # fmt: skip
