"""A backup is one file: a dump of the database, the dropped files, and a list that ends it.

Nothing has to stop for it. The database is dumped as of one moment and the files are packed
after that, so a file that was loaded in between is packed but not in the dump's ledger; a restore
puts such a file back into the input folder, where it is loaded again.
"""

import hashlib
import io
import json
import os
import stat
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from rfm_cli import psql
from rfm_cli.archive import DUMP, FILES, LIST, BackupError, Contents, kept_files
from rfm_common import __version__
from rfm_common.appearing import appearing
from rfm_common.settings import Settings

_COUNTS = """
SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders),
       (SELECT count(*) FROM imports), (SELECT version_num FROM alembic_version)
"""
_MODE = 0o600


class _Hashed:
    """A source that is hashed as it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """As of a file."""
        piece = self._source.read(size)
        self._digest.update(piece)
        return piece

    def hexdigest(self) -> str:
        """Of what was read."""
        return self._digest.hexdigest()


def back_up(settings: Settings, target: Path, *, replace: bool = False) -> Contents:
    """Write the backup whole or not at all; `settings` reach the database.

    Raises BackupError when there is such a file already, unless `replace`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not replace and os.path.lexists(target):
        raise _exists(target)
    try:
        with appearing(target, replace=replace) as sink:
            return _write(sink, settings, target.parent)
    except FileExistsError as error:
        raise _exists(target) from error


def _exists(target: Path) -> BackupError:
    return BackupError(f"{target} exists: choose another name, or add --replace")


def _write(sink: IO[bytes], settings: Settings, folder: Path) -> Contents:
    """The dump is in a file without a name, on the disk of the folder."""
    with tempfile.TemporaryFile(dir=folder) as dumped:
        counts = psql.ask(settings, _COUNTS).strip().split("|")
        psql.dump(settings, dumped)
        dumped.seek(0)
        return _pack(sink, dumped, settings, counts)


def _pack(sink: IO[bytes], dumped: IO[bytes], settings: Settings, counts: list[str]) -> Contents:
    with tarfile.open(fileobj=sink, mode="w:gz", compresslevel=1) as archive:
        digest = _add(archive, dumped, DUMP)
        listed = _add_files(archive, settings)
        customers, orders, imports, schema = counts
        contents = Contents(
            __version__, schema, datetime.now(UTC).isoformat(timespec="seconds"),
            int(customers), int(orders), int(imports), len(listed), digest, listed,
        )  # fmt: skip
        _add_text(archive, json.dumps(asdict(contents), indent=1), LIST)
    return contents


def _add_files(archive: tarfile.TarFile, settings: Settings) -> dict[str, str]:
    """Pack what is still there; returns each name with its hash."""
    listed = {}
    for name, path in kept_files(settings):
        with suppress(FileNotFoundError), _opened(path) as source:
            listed[name] = _add(archive, source, f"{FILES}/{name}")
    return listed


def _opened(path: Path) -> IO[bytes]:
    """A regular file; one that became a link or a pipe meanwhile counts as gone."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        source = os.fdopen(os.open(path, flags), "rb")
    except OSError as error:
        if path.is_symlink():
            raise FileNotFoundError(path) from error
        raise
    if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        source.close()
        raise FileNotFoundError(path)
    return source


def _add(archive: tarfile.TarFile, source: IO[bytes], name: str) -> str:
    """Pack as many bytes as the file has now; returns their hash."""
    found = os.fstat(source.fileno())
    member = _member(name, found.st_size, found.st_mtime)
    member.mode = stat.S_IMODE(found.st_mode)
    hashed = _Hashed(source)
    try:
        archive.addfile(member, hashed)
    except OSError as error:
        if error.errno is None:  # tarfile's own
            raise BackupError(f"{name} became shorter meanwhile: make the backup again") from error
        raise
    return hashed.hexdigest()


def _add_text(archive: tarfile.TarFile, text: str, name: str) -> None:
    content = text.encode()
    member = _member(name, len(content), datetime.now(UTC).timestamp())
    archive.addfile(member, io.BytesIO(content))


def _member(name: str, size: int, mtime: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, mtime, _MODE
    return member
