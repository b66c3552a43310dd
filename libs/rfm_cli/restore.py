"""Put a backup in the place of what is here, or leave everything as it was."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from rfm_cli import psql
from rfm_cli.archive import (
    DUMP,
    FILES,
    BackupError,
    Contents,
    dump_script,
    files_in,
    folders,
    kept_files,
    unpack,
)
from rfm_cli.recovery import (
    BEFORE,
    Move,
    another_name,
    end,
    move_all,
    new_stage,
    recover,
    unfinished,
)
from rfm_common.filenames import REJECTS, SET_ASIDE
from rfm_common.schema import known_revisions, upgrade
from rfm_common.settings import Settings

_TABLES = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
_IMPORTS = "SELECT count(*) FROM imports"
_STORED = "SELECT stored_path FROM imports WHERE stored_path IS NOT NULL"
_NOT_IN_LAKE = "UPDATE imports SET in_lake = false; DELETE FROM lake_removals"
"""The lake tells of the time after the backup: ingest writes its files anew."""
_DONE = f"DROP SCHEMA {BEFORE} CASCADE"
_PLACEHOLDER = ".gitkeep"


async def restore(
    settings: Settings, source: Path, *, replace: bool, unlisted: bool = False
) -> Contents:
    """Make database and files what the backup holds, then bring them to the newest schema.

    Raises BackupError when the file is damaged or not of this product, and, without `replace`,
    when there is something here that would be lost. Then, and after any other failure, database
    and files are what they were.
    """
    recover(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with new_stage(settings.data_dir) as stage:
        try:
            contents = unpack(source, stage, known_revisions(settings), unlisted=unlisted)
            if not replace:
                _refuse_to_replace(settings)
            await _switch(settings, stage)
        finally:
            end(settings, stage)
    return contents


async def _switch(settings: Settings, stage: Path) -> None:
    """Until the last statement, `end` undoes all of it."""
    psql.run_script(settings, _script(stage))
    if not unfinished(settings):
        raise BackupError("the dump does not commit as a whole. Everything is as it was")
    try:
        await upgrade(settings)
    except (CommandError, SQLAlchemyError) as error:
        raise BackupError(
            f"the backup cannot be brought to the newest schema: {error}. Everything is as it was"
        ) from error
    psql.ask(settings, _NOT_IN_LAKE)
    move_all([*_away(settings), *_into_place(settings, stage / FILES)], stage)
    psql.ask(settings, _DONE)


def _script(stage: Path) -> Iterator[bytes]:
    """One transaction: the old tables step aside, the dump's take their place."""
    quoted = str(stage).replace("'", "''")
    yield b"SET client_min_messages = warning; BEGIN; CREATE SCHEMA IF NOT EXISTS public;\n"
    yield f"ALTER SCHEMA public RENAME TO {BEFORE};\n".encode()
    yield f"COMMENT ON SCHEMA {BEFORE} IS '{quoted}';\n".encode()
    yield b"CREATE SCHEMA public;\n"
    yield from dump_script(stage / DUMP)
    yield b"\nCOMMIT;\n"


def _refuse_to_replace(settings: Settings) -> None:
    if int(psql.ask(settings, _TABLES)) and int(psql.ask(settings, _IMPORTS)):
        raise BackupError("the database is not empty: add --replace to put the backup in its place")
    if any(_present(settings)):
        raise BackupError(
            f"{settings.data_dir} holds files: add --replace to set them aside for the backup's"
        )


def _present(settings: Settings) -> Iterator[tuple[str, Path]]:
    return ((name, path) for name, path in kept_files(settings) if path.name != _PLACEHOLDER)


def _away(settings: Settings) -> Iterator[Move]:
    """What is here goes into a folder of its own; a restore deletes nobody's file."""
    aside = settings.data_dir / f"{SET_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    return ((path, aside / name) for name, path in _present(settings))


def _into_place(settings: Settings, unpacked: Path) -> Iterator[Move]:
    """The backup's files; those that were put away after the dump are decided again."""
    known = set(psql.ask(settings, _STORED).split("\n"))
    taken: set[Path] = set()
    for path in files_in(unpacked):
        target = _target(settings, path.relative_to(unpacked), known)
        if target and path.name != _PLACEHOLDER:
            while target in taken:
                target = another_name(target)
            taken.add(target)
            yield path, target


def _target(settings: Settings, name: Path, known: set[str]) -> Path | None:
    """Where a file of the backup belongs; None for a list of rejected rows that is out of date."""
    if name.parent == Path():
        return settings.data_dir / name
    folder = name.parts[0]
    stored = f"{folder}/{name.name}"
    if folder == "input" or known & {stored, stored.removesuffix(REJECTS)}:
        return folders(settings)[folder].joinpath(*name.parts[1:])
    if stored.endswith(REJECTS):
        return None
    return settings.input_dir / name.name.split("-", 1)[-1]
