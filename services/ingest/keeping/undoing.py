"""Carrying out the undos and corrections that somebody asked for; a kill at any step leaves the
wish."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from redis.asyncio import Redis
from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.folder import Dropped, move
from ingest.keeping import shelf
from ingest.loading import correct, ledger, undo
from ingest.refusal import RefusedError
from rfm_common import bus, corrections
from rfm_common.db import Sessions
from rfm_common.models import Import
from rfm_common.settings import Settings
from rfm_common.undo import wished

log = logging.getLogger("rfm.ingest")

Change = Callable[[AsyncSession, Settings, int], Awaitable[None]]

GIVEN_UP = (
    f"{ledger.ATTEMPTS} processes of ingest ended while they read the files for it; see the log,"
    " make sure of enough memory, and ask again"
)


class Undoer:
    """Undoes or corrects every import that waits for it."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self._settings, self._sessions, self._redis = settings, sessions, redis
        self._owner = ledger.new_owner()

    async def is_asked(self) -> bool:
        """Whether an import waits to be undone or corrected."""
        async with self._sessions() as session:
            return bool(
                await wished(session) or await ledger.to_read_again(session)
                or await corrections.wished(session)
            )  # fmt: skip

    async def carry_out(self) -> None:
        """By import. Raises what is away; then the wish stands."""
        for row in await self._waiting():
            async with ledger.holding(self._sessions, row.file_name) as mine:
                if mine:
                    await self._undo(row.import_id)
        async with self._sessions() as session:
            undone = await ledger.to_read_again(session)
        for row in undone:
            async with ledger.holding(self._sessions, row.file_name) as mine:
                if mine:
                    await self._fetch_back(row)
        async with self._sessions() as session:
            corrected = await corrections.wished(session)
        for row in corrected:
            async with ledger.holding(self._sessions, row.file_name) as mine:
                if mine:
                    await self._correct(row.import_id)

    async def _waiting(self) -> list[Import]:
        async with self._sessions() as session:
            return await wished(session)

    async def _undo(self, import_id: int) -> None:
        await self._change(import_id, undo.undo)
        log.info("import %d: an undo was carried out or refused", import_id)

    async def _correct(self, import_id: int) -> None:
        await self._change(import_id, correct.correct)
        log.info("import %d: a correction was carried out or refused", import_id)

    async def _change(self, import_id: int, change: Change) -> None:
        """The ledger counts the processes that end over it; after too many it is declined."""
        row = await self._take_up(import_id)
        try:
            if row.attempts >= ledger.ATTEMPTS:
                raise RefusedError("given_up", GIVEN_UP)
            async with self._sessions() as session, session.begin():
                await change(session, self._settings, import_id)
        except undo.NotUndoneError as refusal:
            await self._decline(import_id, refusal.detail)
        except FileNotFoundError:
            await self._decline(import_id, "Nothing was changed: the file is gone.")
        except RefusedError as refusal:
            await self._decline(import_id, f"Nothing was changed: {refusal.message}.")
        except (Exception, asyncio.CancelledError):
            await self._let_go(row)
            raise
        await self._let_go(row)
        await bus.relay(self._sessions, self._redis)

    async def _take_up(self, import_id: int) -> Import:
        async with self._sessions() as session, session.begin():
            row = await session.get_one(Import, import_id, with_for_update=True)
            ledger.take_up(row, self._owner)
        return row

    async def _let_go(self, row: Import) -> None:
        async with self._sessions() as session, session.begin():
            await ledger.let_go(session, row, self._owner)

    async def _decline(self, import_id: int, message: str) -> None:
        async with self._sessions() as session, session.begin():
            row = await session.get_one(Import, import_id, with_for_update=True)
            row.undo, row.message, row.correction = None, message, {}
            session.add(row)

    async def _fetch_back(self, row: Import) -> None:
        """Move a file from the archive to where files wait; killed in between, it is there."""
        path = self._settings.data_dir / str(row.stored_path)
        with suppress(FileNotFoundError):
            identity = Dropped(path, path.lstat()).identity
            await asyncio.to_thread(move, path, shelf.held_path(self._settings, row), identity)
        place = await asyncio.to_thread(shelf.find, self._settings, row)
        async with self._sessions() as session, session.begin():
            fresh = await session.get_one(Import, row.import_id, with_for_update=True)
            if place:
                fresh.stored_path = place
            else:
                ledger.finish_vanished(session, fresh)
