"""What a backup file holds, and whether it is whole: a tar of a dump, files, and a list."""

import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rfm_common import __version__
from rfm_common.errors import RfmError
from rfm_common.pseudonyms import KEY_FILE
from rfm_common.settings import Settings

DUMP = "database.sql"
LIST = "backup.json"
FILES = "data"

FOLDERS = ("input", "archive", "quarantine", "held")
"""The watched folder comes first: what ingest moves meanwhile then turns up a second time, not
never. The same bytes load once, so the second costs nothing."""

_SINGLE = {DUMP, LIST, f"{FILES}/{KEY_FILE}"}
_PLACES = tuple(f"{FILES}/{name}/" for name in FOLDERS)
_COPY = re.compile(rb"COPY (\S+) .*FROM stdin;\s*$")
_RESTRICTION = re.compile(rb"\\(un)?restrict [0-9A-Za-z]+\s*$")
"""What pg_dump writes around a dump, so that psql refuses backslash commands inside."""
_REVISION_TABLE = b"public.alembic_version"
_BROKEN = (tarfile.TarError, EOFError, OSError, ValueError, TypeError, LookupError,
           AttributeError, zlib.error)  # fmt: skip
"""What reading a file raises that is no backup."""


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
    listed: dict[str, str] | None = None
    """The files by their names in the data folder, each with its SHA-256; None: written before
    backups had a list."""


def folders(settings: Settings) -> dict[str, Path]:
    """Our folders by their names in a backup. Others beside them are somebody else's."""
    places = (
        settings.input_dir, settings.archive_dir, settings.quarantine_dir, settings.held_dir
    )  # fmt: skip
    return dict(zip(FOLDERS, places, strict=True))


def kept_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Every file of ours with its name in a backup: regular files only."""
    for name, folder in folders(settings).items():
        for path in files_in(folder):
            yield f"{name}/{path.relative_to(folder)}", path
    key = settings.data_dir / KEY_FILE
    if key.is_file():
        yield KEY_FILE, key


def files_in(folder: Path) -> list[Path]:
    """Regular files at any depth, by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def unpack(source: Path, folder: Path, known: frozenset[str], *, unlisted: bool) -> Contents:
    """Unpack a backup into an empty folder and check all of it.

    `known` are the schemas that can be brought to the newest. Raises BackupError when anything
    is missing, altered, added or not understood; a backup without a list passes only if
    `unlisted`.
    """
    try:
        _extract(source, folder)
        contents = _contents(json.loads((folder / LIST).read_text()), source, known)
        _check_files(source, contents, folder, unlisted=unlisted)
        if contents.sha256 != sha256(folder / DUMP):
            raise BackupError(f"{source} is damaged: the dump is not the one that was written")
        _check_dump(source, folder / DUMP, contents.schema)
    except _BROKEN as error:
        raise BackupError(f"{source} is not a whole backup: {error}") from error
    return contents


def _extract(source: Path, folder: Path) -> None:
    names = set()
    with tarfile.open(source, "r:gz") as archive:
        for member in archive:
            if not (member.isreg() or member.islnk() or member.isdir()):
                raise BackupError(f"{source} holds {member.name!r}, which is no file")
            if member.name in names:
                raise BackupError(f"{source} holds {member.name!r} twice")
            names.add(member.name)
            archive.extract(member, folder, filter="data")


def _contents(listed: dict[str, Any], source: Path, known: frozenset[str]) -> Contents:
    """The list, unless a version wrote it whose schema or list this one does not know."""
    strange = listed.keys() - {field.name for field in fields(Contents)}
    if listed["schema"] not in known or strange:
        raise BackupError(
            f"{source} was written by version {listed['version']} with the schema"
            f" {listed['schema']}, which version {__version__} does not know:"
            " restore it with that version or a newer one"
        )
    return Contents(**listed)


def _check_files(source: Path, contents: Contents, folder: Path, *, unlisted: bool) -> None:
    _check_places(source, folder)
    inner = folder / FILES
    here = {path.relative_to(inner).as_posix(): path for path in files_in(inner)}
    if contents.listed is not None:
        _compare(source, {name: sha256(path) for name, path in here.items()}, contents.listed)
    elif not unlisted:
        raise BackupError(
            f"{source} was written by version {contents.version}, which did not list the files, so"
            " RFM cannot tell whether one was altered. Add --unlisted to restore it anyway"
        )
    if len(here) != contents.files:
        raise BackupError(f"{source} is damaged: {len(here)} files instead of {contents.files}")


def _check_places(source: Path, folder: Path) -> None:
    """Each file is the dump, the list, the key, or lies in a folder of a backup."""
    for path in files_in(folder):
        name = path.relative_to(folder).as_posix()
        if name not in _SINGLE and not name.startswith(_PLACES):
            raise BackupError(f"{source} is damaged: it holds {name!r}, which belongs to no backup")


def _compare(source: Path, found: dict[str, str], listed: dict[str, str]) -> None:
    for words, names in (
        ("lacks {}", listed.keys() - found.keys()),
        ("holds {}, which it does not list", found.keys() - listed.keys()),
        ("holds {} altered", {name for name in found if found[name] != listed.get(name)}),
    ):
        if names:
            some = ", ".join(repr(name) for name in sorted(names)[:3])
            more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
            raise BackupError(f"{source} is damaged: it {words.format(some + more)}")


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal digits."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _check_dump(source: Path, dump: Path, schema: str) -> None:
    """Refuse backslash commands, and a dump of another schema than the list says."""
    revisions, table = [], None
    for number, (line, table) in enumerate(_dump_lines(dump), 1):
        if table is None and line.startswith(b"\\"):
            raise BackupError(
                f"{source} is not restored: line {number} of its dump is a backslash command,"
                " which could run programs and is not what RFM writes"
            )
        if table == _REVISION_TABLE:
            revisions.append(line.strip().decode(errors="replace"))
    if table:
        raise BackupError(f"{source} is damaged: its dump ends in the middle of a table")
    if revisions != [schema]:
        found = ", ".join(revisions) or "none"
        raise BackupError(
            f"{source} is damaged: its dump has the schema {found}, its list says {schema}"
        )


def dump_script(dump: Path) -> Iterator[bytes]:
    """The lines of a dump that psql may be given when it refuses backslash commands."""
    return (line for line, _ in _dump_lines(dump))


def _dump_lines(dump: Path) -> Iterator[tuple[bytes, bytes | None]]:
    """Each line with the table that it is a row of; without pg_dump's own restriction."""
    table: bytes | None = None
    with dump.open("rb") as lines:
        for line in lines:
            if table is None and _RESTRICTION.match(line):
                yield b"\n", None
                continue
            ended = table is not None and line.rstrip(b"\r\n") == b"\\."
            yield line, b"" if ended else table
            if ended:
                table = None
            elif table is None and (copy := _COPY.match(line)):
                table = copy[1]
