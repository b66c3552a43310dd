"""What makes a restore all or nothing, however it ends.

The old tables wait in a schema of their own until the very end. Its comment names the stage, the
folder in which the backup was unpacked, and that has a list of the files that move. As long as the
schema is there, the restore can be undone: files first, then tables.
"""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from rfm_cli import psql
from rfm_common.errors import RfmError
from rfm_common.filenames import SET_ASIDE
from rfm_common.settings import Settings

log = logging.getLogger(__name__)

Move = tuple[Path, Path]
"""From where to where."""

BEFORE = "rfm_before_restore"
_STAGE = ".rfm-restore-"
_MOVES = "moves.json"
_UNFINISHED = f"""SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace
    WHERE nspname = '{BEFORE}'"""  # noqa: S608 - a constant
_UNDO = f"""BEGIN; DROP SCHEMA IF EXISTS public CASCADE; ALTER SCHEMA {BEFORE} RENAME TO public;
    COMMENT ON SCHEMA public IS 'standard public schema'; COMMIT"""


class UnfinishedRestoreError(RfmError):
    """A restore is running, or was interrupted and cannot be undone here."""


def recover(settings: Settings) -> None:
    """Undo a restore that was interrupted, and remove what others had unpacked.

    Raises UnfinishedRestoreError when one is running, or when its folder is out of reach.
    """
    if found := unfinished(settings):
        with _locked(Path(found)):
            end(settings, Path(found))
        log.warning("an interrupted restore was undone: everything is as it was before")
    for stage in settings.data_dir.glob(f"{_STAGE}*"):
        with _locked(stage):
            shutil.rmtree(stage)


def end(settings: Settings, stage: Path) -> None:
    """Remove the stage, and before that undo what was done, unless all of it was."""
    if unfinished(settings):
        moves = stage / _MOVES
        for source, target in reversed(json.loads(moves.read_text()) if moves.exists() else []):
            _move_back(Path(source), Path(target), stage)
        psql.ask(settings, _UNDO)
    shutil.rmtree(stage)


def unfinished(settings: Settings) -> str:
    """The stage of the restore that has begun and not ended, else an empty string."""
    return psql.ask(settings, _UNFINISHED).rstrip("\n")


@contextmanager
def new_stage(folder: Path) -> Generator[Path]:
    """A new folder to unpack in, locked as long as it is in use."""
    stage = Path(tempfile.mkdtemp(dir=folder, prefix=_STAGE)).absolute()
    with _locked(stage):
        yield stage


@contextmanager
def _locked(stage: Path) -> Generator[None]:
    """The system releases the lock however this process ends."""
    try:
        descriptor = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise UnfinishedRestoreError(
            f"a restore was interrupted, and {stage}, which says how to undo it, cannot be opened"
            f" ({error.strerror}): start RFM where that folder is. If it is lost, make it again,"
            f" empty; the files of before are then in the folder {SET_ASIDE}..."
        ) from error
    try:
        _lock(descriptor, stage)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, stage: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UnfinishedRestoreError(f"a restore is running: it uses {stage}") from None


def move_all(moves: Iterable[Move], stage: Path) -> None:
    """Write down all moves, then do them."""
    absolute = [(source.absolute(), target.absolute()) for source, target in moves]
    partial = stage / f"{_MOVES}.part"
    with partial.open("w") as sink:
        json.dump([[str(source), str(target)] for source, target in absolute], sink)
        sink.flush()
        os.fsync(sink.fileno())
    partial.replace(stage / _MOVES)
    for source, target in absolute:
        _move(source, target)


def _move(source: Path, target: Path) -> None:
    """Never over another file; raises FileExistsError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without links
        shutil.move(source, target)
    else:
        source.unlink()


def _move_back(source: Path, target: Path, stage: Path) -> None:
    """Undo a move as far as it happened; a file that came meanwhile keeps its name."""
    was_aside = stage not in source.parents
    if not target.exists():
        return
    if not source.exists() or source.samefile(target):
        _put(target, source)
    elif was_aside:
        _put_beside(target, source)
    if was_aside:
        with suppress(OSError):
            os.removedirs(target.parent)


def _put(path: Path, name: Path) -> None:
    """Let a file have a name that is free, or its own already."""
    if name.exists():
        path.unlink()
    else:
        _move(path, name)


def _put_beside(path: Path, name: Path) -> None:
    """Let a file have the next name that is free, because another one took its own."""
    free = another_name(name)
    while free.exists() and not free.samefile(path):
        free = another_name(free)
    log.warning("%s was taken meanwhile, so what it was before the restore is %s", name, free)
    _put(path, free)


def another_name(path: Path) -> Path:
    """The name to try when this one is taken."""
    return path.with_stem(f"{path.stem}-again")
