"""Watch, read, load, announce: the folder is worked off again and again until it is empty."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from ingest.folder import Dropped, Identity
from ingest.importer import Importer
from ingest.keeping import retention
from ingest.keeping.erasing import Eraser
from ingest.keeping.undoing import Undoer
from ingest.lake.sync import Lake, leave
from ingest.loading import ledger
from ingest.options import state_of_rules
from ingest.refusal import ChangedError
from ingest.watcher import Settling, wakeups
from rfm_common.bus import BUS_ERRORS, relay
from rfm_common.db import Sessions
from rfm_common.faults import is_passing
from rfm_common.settings import Settings
from rfm_common.tasks import end

log = logging.getLogger("rfm.ingest")

GRACE_SECONDS = 4.0
"""How long a stop waits for the file in hand."""

LONGEST_PAUSE = 30.0
"""Seconds between two attempts, at most."""


@dataclass(slots=True)
class Trouble:
    """A file that could not be finished, and when to try again."""

    identity: Identity
    failures: int = 0
    pauses: int = 0
    not_before: float = 0.0

    def pause(self) -> float:
        """Wait twice as long each time."""
        seconds = min(0.25 * 2.0**self.pauses, LONGEST_PAUSE)
        self.pauses += 1
        self.not_before = time.monotonic() + seconds
        return seconds


class Ingest:
    """One watched folder."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self._settings, self._sessions, self._redis = settings, sessions, redis
        self._importer = Importer(settings, sessions, redis)
        self._settling = Settling(settings.settle_seconds)
        self._troubles: dict[Path, Trouble] = {}
        self._bell = asyncio.Event()
        self._eraser = Eraser(settings, sessions, redis)
        self._undoer = Undoer(settings, sessions, redis)
        self._not_before: dict[str, float] = {}
        """When to try again what was asked for and failed."""
        self._lake = Lake.of(settings)
        self._rules = state_of_rules(settings)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a file in hand is finished if that is a matter of seconds."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(stop))
            tasks.create_task(self._relay(stop))
            working = tasks.create_task(self._work(stop))
            tasks.create_task(self._end(working, stop))

    async def _end(self, working: "asyncio.Task[None]", stop: asyncio.Event) -> None:
        """Break off a long load: its transaction rolls back and the next start does it again."""
        await stop.wait()
        await asyncio.wait([working], timeout=GRACE_SECONDS)
        await end(working)

    async def _listen(self, stop: asyncio.Event) -> None:
        async for _ in wakeups(self._settings.input_dir, self._settings.rescan_seconds, stop):
            self._bell.set()
        self._bell.set()

    async def _relay(self, stop: asyncio.Event) -> None:
        """Publish what a kill, or an absence of Redis, left; notice what people ask for."""
        while not stop.is_set():
            with suppress(SQLAlchemyError, *BUS_ERRORS):
                if await self._is_asked():
                    self._bell.set()
                await relay(self._sessions, self._redis)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)

    async def _is_asked(self) -> bool:
        """Whether an erasure, an undo or a decision waits."""
        asked = await self._eraser.is_asked() or await self._undoer.is_asked()
        return asked or bool(await self._importer.decided())

    async def _work(self, stop: asyncio.Event) -> None:
        tidied = thinned = -math.inf
        while not stop.is_set():
            self._bell.clear()
            await self._carry_out("an erasure", self._eraser.carry_out)
            await self._carry_out("an undo", self._undoer.carry_out)
            if time.monotonic() - thinned >= self._settings.retention_seconds:
                thinned = await self._thin()
            if time.monotonic() - tidied >= self._settings.rescan_seconds:
                tidied = await self._tidy()
            again = await self._round(stop)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), again)

    async def _tidy(self) -> float:
        try:
            await self._importer.tidy()
        except (SQLAlchemyError, OSError) as error:
            log.warning("the ledger cannot be compared with the folder: %s", error)
        if self._lake:
            await self._keep(self._lake.keep_up)
        return time.monotonic()

    async def _thin(self) -> float:
        try:
            await retention.thin(self._settings, self._sessions)
        except (SQLAlchemyError, OSError) as error:
            log.warning("what is too old cannot be removed: %s", error)
        await self._keep(self._lake.tidy if self._lake else leave)
        return time.monotonic()

    async def _keep(self, step: Callable[[Sessions], Awaitable[None]]) -> None:
        """Keep the lake in step with the table; what fails now is done the next time."""
        try:
            await step(self._sessions)
        except Exception as error:
            log.warning("the lake is behind: %s", error, exc_info=not is_passing(error))

    async def _carry_out(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        """Do what was asked for before anything is loaded; try again later what fails."""
        if time.monotonic() < self._not_before.get(what, 0):
            return
        try:
            await step()
        except Exception as error:
            self._not_before[what] = time.monotonic() + LONGEST_PAUSE / 6
            log.warning("%s waits: %s", what, error, exc_info=not is_passing(error))

    async def _round(self, stop: asyncio.Event) -> float | None:
        """Try every file that is ready; in how many seconds to look again, None: when rung."""
        await self._notice_rules()
        try:
            ready, again = await asyncio.to_thread(self._settling.look, self._settings.input_dir)
        except OSError as error:
            log.warning("the folder cannot be read: %s", error)
            return self._settings.rescan_seconds
        waits = [] if again is None else [again]
        with suppress(SQLAlchemyError, OSError):  # the database is away: the next round asks again
            ready = await self._importer.in_order([*ready, *await self._importer.decided()])
        for item in ready:
            if stop.is_set():
                break
            waits += await self._try(item)
        present = {item.path for item in ready}
        self._troubles = {path: it for path, it in self._troubles.items() if path in present}
        return min(waits, default=None)

    async def _notice_rules(self) -> None:
        """Let files that wait be read anew when mapping.toml is another than it was."""
        seen = await asyncio.to_thread(state_of_rules, self._settings)
        if seen == self._rules:
            return
        with suppress(SQLAlchemyError, OSError):  # the database is away: the next round asks again
            await self._importer.ask_again()
            self._rules = seen

    async def _try(self, item: Dropped) -> list[float]:
        """Finish one file; or the seconds after which to try it again."""
        trouble = self._troubles.get(item.path)
        if trouble is None or trouble.identity != item.identity:
            trouble = Trouble(item.identity)
        remaining = trouble.not_before - time.monotonic()
        if remaining > 0:
            return [remaining]
        try:
            await self._importer.bring_in(item)
        except (ChangedError, FileNotFoundError):
            return [self._settings.settle_seconds]  # it is looked at anew, as another file
        except Exception as error:
            self._troubles[item.path] = trouble
            return await self._postpone(item, trouble, error)
        self._troubles.pop(item.path, None)
        return []

    async def _postpone(self, item: Dropped, trouble: Trouble, error: Exception) -> list[float]:
        trouble.failures += not is_passing(error)
        if trouble.failures >= ledger.ATTEMPTS:
            with suppress(SQLAlchemyError, OSError):
                await self._importer.give_up(item, error)
                return []
        is_first, seconds = trouble.pauses == 0, trouble.pause()
        log.log(
            logging.WARNING if is_first else logging.DEBUG,
            "%s: %s; trying again until it works", item.name, error,
            exc_info=None if is_passing(error) else error,
        )  # fmt: skip
        return [seconds]
