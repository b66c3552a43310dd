"""Carrying erasures out: every table, every file that is kept, the lake, the stream of events.

Each step may be repeated, and the request holds whom it is about until all of them are done: a
kill at any moment only means that the next start begins this one again.
"""

import asyncio
import logging
import os
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from redis.asyncio import Redis
from sqlalchemy import text
from sqlmodel import col, select

from ingest.keeping import scrub, shelf
from ingest.keeping.scrub import Found
from ingest.lake.sync import Lake
from ingest.loading import ledger
from ingest.options import lenient_options
from ingest.persons import Persons
from ingest.reading.reader import Options
from rfm_common import bus
from rfm_common.db import AdvisoryLock, Sessions, lock, run_sql
from rfm_common.erasure import (
    QUOTING,
    as_token,
    erase_rows,
    finish_erasure,
    learn_emails,
    open_erasures,
    pseudonyms_of,
)
from rfm_common.errors import RfmError
from rfm_common.events import Event, ImportRejected
from rfm_common.filenames import SET_ASIDE
from rfm_common.identity import same_id
from rfm_common.models import Erasure, Import
from rfm_common.settings import Settings

log = logging.getLogger("rfm.ingest")


LISTED = text("""
    SELECT concat_ws(',', value, raw) FROM import_rejects
    WHERE strpos(concat_ws(',', value, raw), :name) > 0
    """)
"""Rejected rows that may name somebody, found by the very letters."""


class LeftOverError(RfmError):
    """Something of the customer was left or came back: the erasure is carried out once more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the archive, in quarantine, or one that waits."""

    path: Path
    stored_path: str
    name: str
    """As it was dropped: rules of a mapping.toml go by it."""

    @property
    def key(self) -> str:
        """What it is called where attempts are counted, also when its name is not UTF-8."""
        return ascii(str(self.path))


class Eraser:
    """Carries out every request that waits."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self._settings, self._sessions, self._redis = settings, sessions, redis
        self._lake = Lake.of(settings)
        self._answers: dict[str, dict[str, str]] = {}
        """How kept files were read, by `stored_path`, where somebody had to decide."""

    async def is_asked(self) -> bool:
        """Whether a request waits."""
        async with self._sessions() as session:
            return bool(await open_erasures(session))

    async def carry_out(self) -> None:
        """The oldest one: files that wait are loaded before the next.

        Raises what is away; then the request waits on.
        """
        async with self._sessions() as session:
            waiting = [erasure.erasure_id for erasure in await open_erasures(session)]
        for erasure_id in waiting:
            async with ledger.holding(self._sessions, f"erasure {erasure_id}") as mine:
                if mine:
                    await self._erase(erasure_id)
                    return

    async def _erase(self, erasure_id: int | None) -> None:
        self._answers = await self._decided()
        erasure = await self._from_tables(erasure_id)
        counts = await self._from_files(erasure)
        counts["lake_files_rewritten"] = await self._from_lake(erasure)
        counts["stream_entries"] = await bus.forget(self._redis, _names(erasure))
        await self._verify(erasure)
        async with self._sessions() as session, session.begin():
            await finish_erasure(session, await session.get_one(Erasure, erasure_id), counts)
        await bus.relay(self._sessions, self._redis)
        log.info("a customer was erased", extra={"erasure_id": erasure_id, **counts})

    async def _verify(self, erasure: Erasure) -> None:
        """Look once more, in another way than rows were removed. Raises LeftOverError."""
        persons = _persons(erasure.customer_id, erasure.emails)
        for name in _words(erasure):
            async for texts in self._listed(name):
                if (await asyncio.to_thread(persons.named_in, texts)).any():
                    raise LeftOverError

    async def _listed(self, name: str) -> AsyncGenerator[pl.Series]:
        async with self._sessions() as session:
            listed = await session.stream(LISTED, {"name": name})
            async for page in listed.partitions(1000):
                yield pl.Series([words for (words,) in page], dtype=pl.String)

    async def _decided(self) -> dict[str, dict[str, str]]:
        async with self._sessions() as session:
            rows = await session.exec(
                select(col(Import.stored_path), col(Import.answers)).where(
                    col(Import.stored_path).is_not(None), col(Import.answers) != {}
                )
            )
            return {str(path): answers for path, answers in rows.all()}

    def _options(self, kept: Kept) -> Options:
        """How a kept file is read, so that its columns mean what they meant when it was loaded."""
        answers = self._answers.get(kept.stored_path, {})
        return replace(lenient_options(self._settings), answers=answers)

    async def _from_tables(self, erasure_id: int | None) -> Erasure:
        """The tables first, then again with the addresses that only files know."""
        erasure = await self._rows(erasure_id, set())
        return await self._rows(erasure_id, await self._addresses(erasure))

    async def _rows(self, erasure_id: int | None, addresses: set[str]) -> Erasure:
        async with self._sessions() as session, session.begin():
            await lock(session, AdvisoryLock.LOAD)  # before any lock on a table that it may replace
            erasure = await session.get_one(Erasure, erasure_id)
            pseudonyms = await pseudonyms_of(session, self._settings)
            await learn_emails(session, pseudonyms, erasure, addresses)
            await erase_rows(session, erasure)
        return erasure

    async def _addresses(self, erasure: Erasure) -> set[str]:
        """Addresses that the person had in files of customers."""
        persons = _persons(erasure.customer_id, ())
        found: set[str] = set()
        for kept in await self._naming(_words(erasure)):
            async with self._attempt(erasure, kept) as is_safe:
                if is_safe:
                    found |= await asyncio.to_thread(
                        scrub.addresses, kept.path, kept.name, persons, self._options(kept)
                    )
        return found

    async def _from_files(self, erasure: Erasure) -> Counter[str]:
        """Rewrite or remove every kept file that names the person."""
        counts: Counter[str] = Counter()
        for kept in await self._naming(_words(erasure)):
            async with self._attempt(erasure, kept) as is_safe:
                found = await self._clean(kept, erasure) if is_safe else await self._whole(kept)
            if not found.nobody:
                counts["files_deleted" if found.is_anywhere else "files_rewritten"] += 1
        return counts

    async def _clean(self, kept: Kept, erasure: Erasure) -> Found:
        """Take the person out of a file; what was found there."""
        persons = _persons(erasure.customer_id, erasure.emails)
        found = await asyncio.to_thread(self._find, kept, persons, erasure.emails)
        if not found.nobody:
            await self._take_out(kept, found)
            if not (await asyncio.to_thread(self._find, kept, persons, erasure.emails)).nobody:
                return await self._whole(kept)  # what still names the person
        return found

    async def _whole(self, kept: Kept) -> Found:
        """Remove a file."""
        found = Found(is_anywhere=True)
        await self._take_out(kept, found)
        return found

    @asynccontextmanager
    async def _attempt(self, erasure: Erasure, kept: Kept) -> AsyncGenerator[bool]:
        """Whether a file may be searched: not one over which process after process has ended.

        Only who is killed is counted: whoever fails or is stopped takes the attempt back.
        """
        begun = await self._begin(erasure.erasure_id, kept)
        try:
            yield begun <= ledger.ATTEMPTS
        except (Exception, asyncio.CancelledError):
            await self._forget(erasure.erasure_id, kept)
            raise
        if begun <= ledger.ATTEMPTS:  # the others are not searched in what follows either
            await self._forget(erasure.erasure_id, kept)

    async def _begin(self, erasure_id: int | None, kept: Kept) -> int:
        """How often its search was begun by now, and not ended."""
        async with self._sessions() as session, session.begin():
            erasure = await session.get_one(Erasure, erasure_id, with_for_update=True)
            begun = erasure.reading.get(kept.key, 0) + 1
            erasure.reading = {**erasure.reading, kept.key: begun}
        return begun

    async def _forget(self, erasure_id: int | None, kept: Kept) -> None:
        async with self._sessions() as session, session.begin():
            await run_sql(
                session, "UPDATE erasures SET reading = reading - :key WHERE erasure_id = :id",
                key=kept.key, id=erasure_id,
            )  # fmt: skip

    async def _take_out(self, kept: Kept, found: Found) -> None:
        await self._note(kept, found)
        await asyncio.to_thread(_change, kept, found)

    async def _from_lake(self, erasure: Erasure) -> int:
        """Rewrite every file of the lake with orders of the person, whether they count or not."""
        if not (self._lake and erasure.customer_id):
            return 0
        return await self._lake.forget(self._sessions, erasure.customer_id)

    def _find(self, kept: Kept, persons: Persons, emails: Iterable[str]) -> Found:
        if any(email.lower() in kept.path.name.lower() for email in emails):
            return Found(is_anywhere=True)
        with suppress(FileNotFoundError):  # retention was quicker
            found = scrub.find(kept.path, kept.name, persons, self._options(kept))
            return found if found.is_readable else Found(is_anywhere=True)
        return Found()

    async def _note(self, kept: Kept, found: Found) -> None:
        """Tell it in the ledger, before it is done: what is repeated is told again."""
        async with self._sessions() as session, session.begin():
            rows = await session.exec(select(Import).where(Import.stored_path == kept.stored_path))
            for row in rows.all():
                row.notes = row.notes | shelf.changed_for(found)
                row.stored_path = None if found.is_anywhere else row.stored_path
                session.add(row)
                if found.is_anywhere and row.finished_at is None:
                    ledger.finish_erased(session, row)

    async def _naming(self, words: Sequence[str]) -> list[Kept]:
        """The kept files that may name the person, told by their bytes."""
        return await asyncio.to_thread(lambda: list(self._looked_through(words)))

    def _looked_through(self, words: Sequence[str]) -> Iterator[Kept]:
        needles = [word.encode().lower() for word in words]
        set_aside = self._settings.data_dir.glob(f"{SET_ASIDE}*/*")
        for folder in (*_folders(self._settings), *set_aside):
            for kept in _kept(folder):
                if scrub.may_hold(kept.path, needles) or _is_named(kept, words):
                    yield kept


def _folders(settings: Settings) -> tuple[Path, ...]:
    return settings.archive_dir, settings.quarantine_dir, settings.held_dir


def _kept(folder: Path) -> list[Kept]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return [
            Kept(Path(entry.path), f"{folder.name}/{entry.name}", entry.name.partition("-")[2])
            for entry in entries if entry.is_file(follow_symlinks=False)
        ]  # fmt: skip
    return []


def _is_named(kept: Kept, words: Iterable[str]) -> bool:
    return any(word.lower() in kept.name.lower() for word in words if "@" in word)


def _change(kept: Kept, found: Found) -> None:
    if not found.is_anywhere:
        scrub.copy_without(kept.path, kept.path, found)
        return
    kept.path.unlink(missing_ok=True)
    shelf.rejects_of(kept.path).unlink(missing_ok=True)


def _words(erasure: Erasure) -> list[str]:
    return [word for word in (erasure.customer_id, *erasure.emails) if word]


def _persons(customer_id: str | None, emails: Iterable[str]) -> Persons:
    known = {same_id(name) for name in (customer_id, *emails) if name}
    known |= {email.lower() for email in emails}
    return Persons(lambda value: same_id(value) in known or value.lower() in known)


def _names(erasure: Erasure) -> Callable[[Event], bool]:
    """Whether an event's words are about the person: file names, and messages that quote."""
    token = re.compile(as_token((erasure.customer_id or "").lower()))

    def is_personal(event: Event) -> bool:
        text = " ".join(str(value) for value in event.data().values()).lower()
        quotes = isinstance(event, ImportRejected) and event.reason in QUOTING
        return any(email.lower() in text for email in erasure.emails) or (
            quotes and bool(token.search(text))
        )

    return is_personal
