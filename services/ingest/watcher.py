"""When to look at the folder. The only user of watchfiles, which is trusted with nothing else."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

from watchfiles import awatch
from watchfiles._rust_notify import WatchfilesRustInternalError

from ingest.folder import Dropped, Identity, has_writer, listing, opened
from ingest.refusal import RefusedError

log = logging.getLogger("rfm.ingest")

BLIND_SECONDS = 1.0
"""How often the folder is looked at while it cannot be watched, at least."""


async def wakeups(folder: Path, rescan_seconds: float, stop: asyncio.Event) -> AsyncGenerator[None]:
    """Yield at the start, soon after any change, and at least every `rescan_seconds`.

    A folder that is removed and made again is a new one to the operating system: the watch is
    renewed when that happens. A folder that cannot be watched (a name in it is not UTF-8, the
    system has no watches left) is looked at instead, and said so once for each reason.
    """
    told = ""
    while not stop.is_set():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            yield
            async for _ in _changes(folder, rescan_seconds, stop):
                yield
        except* (OSError, WatchfilesRustInternalError) as errors:
            if (reason := _reason(errors)) != told:
                told = reason
                log.warning("the folder cannot be watched, so it is polled: %s", told)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(rescan_seconds, BLIND_SECONDS))


def _reason(errors: BaseException) -> str:
    """The first error in a group, in its words."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return str(errors)


async def _changes(
    folder: Path, rescan_seconds: float, stop: asyncio.Event
) -> AsyncGenerator[None]:
    """Yield for what happens in this very folder, until another one takes its name."""
    with suppress(FileNotFoundError):
        watched = folder.stat().st_ino
        async for _ in awatch(
            folder, debounce=200, step=20, stop_event=stop, recursive=False,
            rust_timeout=int(rescan_seconds * 1000), yield_on_timeout=True,
        ):  # fmt: skip
            yield
            if folder.stat().st_ino != watched:
                return


class Settling:
    """Which files are complete: no process writes to them and they have not changed for a while."""

    def __init__(self, settle_seconds: float) -> None:
        self._settle = settle_seconds
        self._since: dict[Path, tuple[Identity, float]] = {}

    def look(self, folder: Path) -> tuple[list[Dropped], float | None]:
        """The files that are ready, and in how many seconds to look again for the others."""
        ready: list[Dropped] = []
        waits: list[float] = []
        found = listing(folder)
        self._since = {item.path: self._first_seen(item) for item in found}
        for item in found:
            since = time.monotonic() - self._since[item.path][1]
            if (quiet := max(time.time() - _changed_at(item), since)) < self._settle:
                waits.append(self._settle - quiet)
            elif _is_being_written(item):
                waits.append(self._settle or 0.1)
            else:
                ready.append(item)
        return ready, min(waits, default=None)

    def _first_seen(self, item: Dropped) -> tuple[Identity, float]:
        known = self._since.get(item.path)
        return known if known and known[0] == item.identity else (item.identity, time.monotonic())


def _changed_at(item: Dropped) -> float:
    """A file with two names may be an upload that is just getting its own: names count as well."""
    status = item.status
    return max(status.st_mtime, status.st_ctime) if status.st_nlink > 1 else status.st_mtime


def _is_being_written(item: Dropped) -> bool:
    try:
        with opened(item.path) as file:
            return has_writer(file)
    except (RefusedError, OSError):
        return False  # whoever reads it next says what is wrong
