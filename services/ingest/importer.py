"""One dropped file, from the claim to its final state and place, or until a person decides."""

import asyncio
import logging
import os
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import BinaryIO

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.folder import Dropped, check_ordinary, check_unchanged, entry_named, opened
from ingest.keeping import scrub, shelf
from ingest.keeping.scrub import Found
from ingest.lake.sync import Lake
from ingest.loading import ledger, profiles, suppressed
from ingest.loading.loader import Load, LoadedMeanwhileError, Progress, load
from ingest.options import lenient_options, read_options
from ingest.reading import preview
from ingest.reading.containers.source import Source, opened_source
from ingest.reading.preview import Subject
from ingest.reading.questions import fingerprint
from ingest.reading.reader import Layout, Options
from ingest.refusal import RefusedError
from rfm_common.bus import BUS_ERRORS, publish, relay
from rfm_common.db import Sessions
from rfm_common.decisions import LOAD_GOOD, REJECTS, declines, release
from rfm_common.erasure import QUOTING
from rfm_common.events import ImportProgress
from rfm_common.lasting_store import effective
from rfm_common.logs import bound
from rfm_common.models import LOADED, Import, ImportState
from rfm_common.settings import Settings

log = logging.getLogger("rfm.ingest")


OPEN = (ImportState.READING, ImportState.NEEDS_DECISION)
"""States of a file that has not come to its end."""


def _check_attempts(row: Import) -> None:
    """Refuse a file over which one process after another has ended."""
    if row.attempts >= ledger.ATTEMPTS:
        raise RefusedError(
            "given_up",
            f"{row.attempts} processes ended while they read this file, so RFM stopped trying; it"
            " may need more memory than there is: cut it into several files",
        )


def _tell(layout: Layout, text: str) -> None:
    """Add a sentence to what the import says about how its file was read."""
    layout.notes["told"] = [*layout.notes.get("told", ()), {"about": "profile", "text": text}]


def _not_readable(error: PermissionError) -> RefusedError:
    return RefusedError(
        "not_readable",
        f"the file cannot be read ({error.strerror}); let the user that RFM runs as read it",
    )


class Importer:
    """Takes files of one folder in, one at a time; safe beside other processes doing the same."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self._settings, self._sessions, self._redis = settings, sessions, redis
        self._lake = Lake.of(settings)
        self._owner = ledger.new_owner()

    async def bring_in(self, item: Dropped) -> None:
        """Judge the file, load it or not, and put it away.

        Raises ChangedError when it is still being written, OSError and database errors when
        something is away; then nothing is decided and it can be tried again.
        """
        async with ledger.holding(self._sessions, item.name) as mine:
            if not mine:
                return
            item.check_unchanged()
            row = await self._claim(item)
            with bound(import_id=row.import_id):
                try:
                    await self._finish(row, item)
                except (Exception, asyncio.CancelledError):
                    await self._let_go(row)
                    raise

    async def _finish(self, row: Import, item: Dropped) -> None:
        if row.state is ImportState.READING:
            await self._announce()
            await self._decide(row, item)
            await self._announce()
            log.info("%s: %s", item.name, ledger.told(row), extra={"rows": row.rows_total})
        await self._put_away(row, item)

    async def _let_go(self, row: Import) -> None:
        """Say that this process did not end over the file; nobody knows while the database is
        away."""
        with suppress(SQLAlchemyError, OSError):
            async with self._sessions() as session, session.begin():
                await ledger.let_go(session, row, self._owner)

    async def in_order(self, ready: list[Dropped]) -> list[Dropped]:
        """The files over which a process ended last, so that no other waits for them."""
        if len(ready) < 2:
            return ready
        async with self._sessions() as session:
            suspects = await ledger.broken_off(session)
        return sorted(ready, key=lambda item: item.name in suspects)

    async def give_up(self, item: Dropped, error: Exception) -> None:
        """Quarantine a file that fails again and again for a reason of its own."""
        async with ledger.holding(self._sessions, item.name) as mine:
            if mine:
                row = await self._claim(item)
                await self._refuse(
                    row,
                    item,
                    RefusedError(
                        "internal_error", f"loading failed ({error}); drop it again, or see the log"
                    ),
                )
                await self._put_away(row, item)

    async def tidy(self) -> None:
        """Bring the ledger and the folders together after a kill or a failed move."""
        async with self._sessions() as session:
            rows = [*await ledger.in_folder(session, "input"),
                    *await ledger.in_folder(session, "held")]  # fmt: skip
        for row in rows:
            async with ledger.holding(self._sessions, row.file_name) as mine:
                if mine:
                    await self._settle(row)

    async def _settle(self, row: Import) -> None:
        """Find out where the file of a row is that should be in the input folder, or wait."""
        path = await asyncio.to_thread(entry_named, self._settings.input_dir, row.file_name)
        if str(row.stored_path).startswith("held/"):
            path = shelf.held_path(self._settings, row)
            if os.path.lexists(path):
                return
        elif await asyncio.to_thread(shelf.is_there, path, row):
            return
        async with self._sessions() as session, session.begin():
            fresh = await session.get_one(Import, row.import_id, with_for_update=True)
            place = await asyncio.to_thread(shelf.find, self._settings, fresh)
            if place or fresh.state not in OPEN:
                fresh.stored_path, fresh.claimed_by = place, None
            elif not os.path.lexists(path):
                ledger.finish_vanished(session, fresh)

    async def decided(self) -> list[Dropped]:
        """Files that waited, of which somebody has decided what becomes of them."""
        async with self._sessions() as session:
            rows = await ledger.to_go_on(session)
        found = []
        for row in rows:
            path = shelf.held_path(self._settings, row)
            with suppress(FileNotFoundError):  # `tidy` finds out what happened to it
                found.append(Dropped(path, path.lstat(), row.import_id, row.file_name))
        return found

    async def ask_again(self) -> None:
        """Let every file that waits be read anew: what it left open may be told by now."""
        async with self._sessions() as session, session.begin():
            await release(session)

    async def _claim(self, item: Dropped) -> Import:
        async with self._sessions() as session, session.begin():
            if item.import_id is not None:
                return await ledger.resume(session, item.import_id, item.identity.text, self._owner)
            return await ledger.claim(
                session, item.name, item.identity.size, item.identity.text, self._owner
            )

    async def _decide(self, row: Import, item: Dropped) -> None:
        try:
            _check_attempts(row)
            if declines(row.answers):
                raise RefusedError(
                    "declined",
                    "somebody decided not to import this file; to decide again, drop it again",
                )
            check_ordinary(item.status)
            if item.identity.size > self._settings.max_file_bytes:
                raise RefusedError(
                    "file_too_large",
                    f"the file has more than {self._settings.max_file_bytes:,} bytes"
                    " (RFM_MAX_FILE_BYTES); split it",
                )
            with opened(item.path) as file:
                check_unchanged(file, item.identity)
                await self._read(row, item, file)
        except PermissionError as error:
            await self._refuse(row, item, _not_readable(error))
        except RefusedError as refusal:
            await self._refuse(row, item, refusal)

    async def _refuse(self, row: Import, item: Dropped, refusal: RefusedError) -> None:
        message = refusal.message
        if refusal.reason in QUOTING and not (await self._erased_in(row, item)).nobody:
            message = "the reason is not shown, because it would name an erased customer"
        async with self._sessions() as session, session.begin():
            ledger.finish(session, row, ImportState.QUARANTINED,
                          reason=refusal.reason, message=message)  # fmt: skip

    async def _erased_in(self, row: Import, item: Dropped) -> Found:
        """Where the file names people who were erased; costs nothing while nobody was."""
        if row.attempts >= ledger.ATTEMPTS:
            return Found(is_readable=False)
        async with self._sessions() as session:
            known = await suppressed.read(session, self._settings)
        if known is None:
            return Found()
        options = replace(lenient_options(self._settings), answers=row.answers)
        with suppress(PermissionError):
            return await asyncio.to_thread(scrub.find, item.path, item.name, known.persons, options)
        return Found(is_readable=False)

    async def _read(self, row: Import, item: Dropped, file: BinaryIO) -> None:
        async with self._sessions() as session:
            options = read_options(await effective(session, self._settings))
        with ExitStack() as opened:
            opening = opened_source(file, options)
            source = await asyncio.to_thread(opened.enter_context, opening)
            row.sha256 = await asyncio.to_thread(lambda: source.sha256)
            subject = await self._plan(row, item, source, options)
            await self._load_once(row, item, file, subject)

    async def _load_once(
        self, row: Import, item: Dropped, file: BinaryIO, subject: Subject
    ) -> None:
        layout = subject.planned.layout
        try:
            async with self._sessions() as session, session.begin():
                if not await self._is_duplicate(session, row, layout):
                    await self._load_or_hold(session, row, subject)
                check_unchanged(file, item.identity)
        except LoadedMeanwhileError:
            async with self._sessions() as session, session.begin():
                await self._is_duplicate(session, row, layout)

    async def _plan(self, row: Import, item: Dropped, source: Source, options: Options) -> Subject:
        """How to read the file, with what is known about files of its header."""
        planned = None
        if row.fingerprint is None:
            planned = await asyncio.to_thread(source.planned, item.name, options)
            row.fingerprint = fingerprint(planned.layout.headers)
        known = None  # a file that is to ask again is not answered for
        if row.undo is None:
            known = await profiles.find(self._sessions, row.fingerprint)
        answers = (known.answers if known else {}) | row.answers
        if planned is None or answers or (known and planned.layout.questions):
            learned = known.learned if known else {}
            options = replace(options, answers=answers, learned=learned)
            planned = await asyncio.to_thread(source.planned, item.name, options)
            if known and known.answers and not row.answers:
                _tell(planned.layout,
                      f"Read as decided for import {known.import_id} ({known.name}).")  # fmt: skip
        return Subject(source=source, name=item.name, planned=planned, options=options)

    async def _load_or_hold(self, session: AsyncSession, row: Import, subject: Subject) -> None:
        """Load the file, unless it or its rows leave something open that nobody has answered."""
        layout, asked = subject.planned.layout, subject.planned.layout.questions
        erased = await suppressed.read(session, self._settings)
        if asked:
            ledger.hold(session, row, asked, kind=layout.mapping.kind, notes=layout.notes)
        else:
            loads_rest = row.answers.get(REJECTS) == LOAD_GOOD
            work = Load(session, row, subject.planned.file, layout,
                        1.0 if loads_rest else self._settings.max_reject_share,
                        self._progress(row), erased, self._lake)  # fmt: skip
            asked = await load(work, self._settings.rebuild_rows)
        if row.state is ImportState.NEEDS_DECISION:
            subject = replace(subject, erased=erased.persons if erased else None)
            row.preview = await asyncio.to_thread(preview.build, subject, asked)
        elif row.state in LOADED:
            row.answers = dict(subject.options.answers)  # a profile's, too
            await profiles.note_use(session, row, layout)

    async def _is_duplicate(self, session: AsyncSession, row: Import, layout: Layout) -> bool:
        earlier = await ledger.loaded_before(session, row.sha256, layout.mapping.kind)
        if earlier:
            ledger.finish(
                session, row, ImportState.DUPLICATE, kind=layout.mapping.kind, notes=layout.notes,
                duplicate_of=earlier, message=f"the same file as import {earlier}; nothing changed",
            )  # fmt: skip
        elif not row.answers and (earlier := await ledger.held_before(session, row)):
            ledger.finish(
                session, row, ImportState.DUPLICATE, kind=layout.mapping.kind, notes=layout.notes,
                duplicate_of=earlier,
                message=f"the same file as import {earlier}, which awaits a decision",
            )  # fmt: skip
        return bool(earlier)

    def _progress(self, row: Import) -> Progress:
        """Announce at most once a second, and only of files that take longer than one."""
        started = last = time.monotonic()

        async def tell(rows: int, share: float) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= 1:
                last = now
                await self._publish(ImportProgress(
                    import_id=row.import_id or 0, file_name=row.file_name, rows=rows,
                    percent=round(100 * share, 1), rows_per_second=round(rows / (now - started)),
                ))  # fmt: skip

        return tell

    async def _publish(self, event: ImportProgress) -> None:
        with suppress(*BUS_ERRORS):
            await publish(self._redis, event)

    async def _announce(self) -> None:
        """Ring at once; when Redis is away the relay of the service does it later."""
        with suppress(*BUS_ERRORS):
            await relay(self._sessions, self._redis)

    async def _put_away(self, row: Import, item: Dropped) -> None:
        """Move the file to where its state belongs; where that fails the ledger alone decides."""
        found = await self._erased_in(row, item)
        if not found.nobody:  # noted before, so that a kill in between leaves no silent change
            async with self._sessions() as session, session.begin():
                row.notes = row.notes | shelf.changed_for(found)
                if found.is_anywhere and row.state is ImportState.NEEDS_DECISION:
                    ledger.finish_erased(session, row)
                session.add(row)
        place = await shelf.put_away(self._sessions, self._settings, row, item, found)
        async with self._sessions() as session, session.begin():
            row.stored_path, row.claimed_by = place, None
            session.add(row)
