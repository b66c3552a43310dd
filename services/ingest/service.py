"""Watch, read, load, announce: the life of each dropped file, and what happens when it fails."""

import asyncio
import logging
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from ingest import ledger, loader
from ingest.folder import (
    MAPPING_FILE,
    Dropped,
    Identity,
    check_unchanged,
    move,
    opened,
    stored_name,
)
from ingest.mapping import Rule, read_rules
from ingest.reader import Options, plan
from ingest.refusal import RefusedError
from ingest.survey import survey
from ingest.watcher import Settling, wakeups
from rfm_common.bus import BUS_ERRORS, publish, relay
from rfm_common.db import Sessions
from rfm_common.events import ImportProgress
from rfm_common.models import Import, ImportState
from rfm_common.settings import Settings

log = logging.getLogger("rfm.ingest")


class Ingest:
    """One watched folder."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self.settings, self.sessions, self.redis = settings, sessions, redis
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self.settling = Settling(settings.settle_seconds)
        self.bell = asyncio.Event()
        self.left: dict[Path, Identity] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(stop))
            tasks.create_task(self._relay(stop))
            tasks.create_task(self._work(stop))

    async def _listen(self, stop: asyncio.Event) -> None:
        async for _ in wakeups(self.settings.input_dir, self.settings.rescan_seconds, stop):
            self.bell.set()
        self.bell.set()

    async def _relay(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with suppress(SQLAlchemyError, *BUS_ERRORS):
                await relay(self.sessions, self.redis)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)

    async def _work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.bell.clear()
            ready, again = self.settling.look(self.settings.input_dir)
            for item in ready:
                await self.process(item)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.bell.wait(), again)

    async def process(self, item: Dropped) -> None:
        """Bring one file to its final state and place."""
        if self.left.get(item.path) == item.identity:
            return
        async with ledger.holding(self.sessions, item.name) as mine:
            if mine:
                await self._process(item)

    async def _process(self, item: Dropped) -> None:
        async with self.sessions() as session, session.begin():
            row = await ledger.claim(session, item.name, item.identity.size, self.owner)
        await self._announce()
        try:
            with opened(item.path) as file:
                await self._read(row, item, file)
        except RefusedError as refusal:
            async with self.sessions() as session, session.begin():
                ledger.finish(
                    session,
                    row,
                    ImportState.QUARANTINED,
                    reason=refusal.reason,
                    message=refusal.message,
                )
        await self._announce()
        await self._put_away(row, item)

    async def _read(self, row: Import, item: Dropped, file: BinaryIO) -> None:
        check_unchanged(file, item.identity)
        facts = await asyncio.to_thread(survey, file)
        layout = await asyncio.to_thread(plan, file, item.name, facts, self._options())
        async with self.sessions() as session, session.begin():
            earlier = await ledger.loaded_before(session, facts.sha256, layout.mapping.kind)
            if earlier:
                ledger.finish(
                    session,
                    row,
                    ImportState.DUPLICATE,
                    kind=layout.mapping.kind,
                    sha256=facts.sha256,
                    duplicate_of=earlier,
                    notes=layout.notes,
                )
                return
            await loader.load(
                session, row, file, layout, self.settings.max_reject_share, self._progress(row)
            )
            check_unchanged(file, item.identity)

    def _options(self) -> Options:
        return Options(
            zone=self.settings.timezone, date_order=self.settings.date_order,
            max_rows=self.settings.max_rows, max_line_bytes=self.settings.max_line_bytes,
            rules=self._rules(),
        )  # fmt: skip

    def _rules(self) -> list[Rule]:
        try:
            return read_rules((self.settings.input_dir / MAPPING_FILE).read_text("utf-8"))
        except FileNotFoundError:
            return []

    def _progress(self, row: Import) -> loader.Progress:
        started = last = time.monotonic()

        async def tell(rows: int, share: float) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < 1:
                return
            last = now
            event = ImportProgress(
                import_id=row.import_id or 0, file_name=row.file_name, rows=rows,
                percent=round(100 * share, 1), rows_per_second=round(rows / (now - started)),
            )  # fmt: skip
            with suppress(*BUS_ERRORS):
                await publish(self.redis, event)

        return tell

    async def _announce(self) -> None:
        with suppress(*BUS_ERRORS):
            await relay(self.sessions, self.redis)

    async def _put_away(self, row: Import, item: Dropped) -> None:
        refused = row.state is ImportState.QUARANTINED
        folder = self.settings.quarantine_dir if refused else self.settings.archive_dir
        target = folder / stored_name(row.import_id or 0, item.name)
        try:
            move(item.path, target, item.identity)
        except OSError as error:
            log.warning("%s stays in the folder: %s", item.name, error)
            self.left[item.path] = item.identity
            return
        async with self.sessions() as session, session.begin():
            row.stored_path = f"{folder.name}/{target.name}"
            session.add(row)
        log.info("%s: %s", item.name, row.state, extra={"import_id": row.import_id})
