"""A backup is one file: a dump of the database, the dropped files, and a list that ends it.

Nothing has to stop for it. The database is dumped as of one moment and the files are packed
after that, so a file that was loaded in between is packed but not in the dump's ledger; a restore
puts such a file back into the input folder, where it is loaded again.
"""

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rfm_cli import database
from rfm_common import __version__
from rfm_common.errors import RfmError
from rfm_common.filenames import REJECTS, SET_ASIDE
from rfm_common.pseudonyms import KEY_FILE
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

_DUMP = "database.sql"
_LIST = "backup.json"
_FILES = "data"
_UNPACKED = ".rfm-restore-"
_COUNTS = """
SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders),
       (SELECT count(*) FROM imports), (SELECT version_num FROM alembic_version)
"""
_STORED = "SELECT stored_path FROM imports WHERE stored_path IS NOT NULL"
_NOT_IN_LAKE = "UPDATE imports SET in_lake = false; DELETE FROM lake_removals"
"""The lake tells of the time after the backup: ingest writes its files anew."""
_TABLES = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"


class BackupError(RfmError):
    """The file is no backup, an incomplete one, or one that cannot be restored here."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds; written last, so that a file cut short has none."""

    version: str
    schema: str
    created_at: str
    customers: int
    orders: int
    imports: int
    files: int
    sha256: str
    """Of the dump."""


def back_up(settings: Settings, target: Path) -> Contents:
    """Write the backup whole or not at all; `settings` reach the database."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".rfm-backup-") as folder:
        dump = Path(folder) / _DUMP
        counts = database.ask(settings, _COUNTS).strip().split("|")
        database.run(settings, "pg_dump", "--no-owner", "--no-privileges", "--file", dump)
        try:
            contents = _pack(partial, dump, settings, counts)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    partial.replace(target)
    return contents


def _pack(partial: Path, dump: Path, settings: Settings, counts: list[str]) -> Contents:
    partial.touch(mode=0o600)
    with tarfile.open(partial, "w:gz", compresslevel=1) as archive:
        archive.add(dump, _DUMP)
        packed = sum(_add(archive, path, name) for name, path in _kept_files(settings))
        customers, orders, imports, schema = counts
        contents = Contents(
            __version__, schema, datetime.now(UTC).isoformat(timespec="seconds"),
            int(customers), int(orders), int(imports), packed, _sha256(dump),
        )  # fmt: skip
        listed = dump.with_name(_LIST)
        listed.write_text(json.dumps(asdict(contents), indent=1))
        archive.add(listed, _LIST)
    return contents


def _folders(settings: Settings) -> dict[str, Path]:
    """Our folders by their names in a backup. Others beside them are somebody else's.

    The watched folder comes first: what ingest moves meanwhile then turns up a second time, not
    never. The same bytes load once, so the second costs nothing.
    """
    return {
        "input": settings.input_dir,
        "archive": settings.archive_dir,
        "quarantine": settings.quarantine_dir,
        "held": settings.held_dir,
    }


def _kept_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Every file of ours with its name in a backup: regular files only."""
    for name, folder in _folders(settings).items():
        for path in _files(folder):
            yield f"{name}/{path.relative_to(folder)}", path
    key = settings.data_dir / KEY_FILE
    if key.is_file():
        yield KEY_FILE, key


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _add(archive: tarfile.TarFile, path: Path, name: str) -> bool:
    """Whether the file was still there to be packed."""
    with suppress(FileNotFoundError):
        archive.add(path, f"{_FILES}/{name}")
        return True
    return False


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


async def restore(settings: Settings, source: Path, *, replace: bool) -> Contents:
    """Make database and files what the backup holds, then bring them to the newest schema.

    The database changes in one transaction. Raises BackupError when the file is damaged, and,
    without `replace`, when there is something here that would be lost.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix=_UNPACKED) as folder:
        contents = _unpack(source, Path(folder))
        if not replace:
            _refuse_to_replace(settings)
        database.run(
            settings, "psql", "--no-psqlrc", "--quiet", "--single-transaction",
            "--set", "ON_ERROR_STOP=1", "--command", "DROP SCHEMA IF EXISTS public CASCADE",
            "--command", "CREATE SCHEMA public", "--file", Path(folder) / _DUMP,
        )  # fmt: skip
        await upgrade(settings)
        database.ask(settings, _NOT_IN_LAKE)
        _set_aside(settings)
        _move_files(Path(folder) / _FILES, settings)
    _return_unknown(settings)
    return contents


def _unpack(source: Path, folder: Path) -> Contents:
    try:
        with tarfile.open(source, "r:gz") as archive:
            archive.extractall(folder, filter="data")
        contents = Contents(**json.loads((folder / _LIST).read_text()))
    except (tarfile.TarError, EOFError, OSError, ValueError, TypeError) as error:
        raise BackupError(f"{source} is not a whole backup: {error}") from error
    if contents.sha256 != _sha256(folder / _DUMP):
        raise BackupError(f"{source} is damaged: the dump is not the one that was written")
    return contents


def _refuse_to_replace(settings: Settings) -> None:
    if int(database.ask(settings, _TABLES)) and int(
        database.ask(settings, "SELECT count(*) FROM imports")
    ):
        raise BackupError("the database is not empty: add --replace to put the backup in its place")
    if _present(settings):
        raise BackupError(
            f"{settings.data_dir} holds files: add --replace to set them aside for the backup's"
        )


def _present(settings: Settings) -> list[tuple[str, Path]]:
    return [(name, path) for name, path in _kept_files(settings) if path.name != ".gitkeep"]


def _set_aside(settings: Settings) -> None:
    """Move what is here into a folder of its own; a restore deletes nobody's file."""
    aside = settings.data_dir / f"{SET_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S}"
    for name, path in _present(settings):
        _rename(path, aside / name)


def _move_files(source: Path, settings: Settings) -> None:
    folders = _folders(settings)
    for path in _files(source):
        name = path.relative_to(source)
        folder = folders.get(name.parts[0])
        target = folder / Path(*name.parts[1:]) if folder else settings.data_dir / name
        _rename(path, target)


def _rename(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def _return_unknown(settings: Settings) -> None:
    """Files that were put away after the dump go back to the input folder, to be decided again."""
    known = set(database.ask(settings, _STORED).split("\n"))
    for folder in (settings.archive_dir, settings.quarantine_dir, settings.held_dir):
        for path in _files(folder):
            name = f"{folder.name}/{path.name}"
            if name in known or name.removesuffix(REJECTS) in known:
                continue
            if name.endswith(REJECTS):
                path.unlink()
            else:
                _rename(path, settings.input_dir / path.name.split("-", 1)[-1])
