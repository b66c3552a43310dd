"""Carrying out the undos that somebody asked for; a kill at any step leaves the wish."""

import logging

from redis.asyncio import Redis

from ingest.loading import ledger, undo
from rfm_common import bus
from rfm_common.db import Sessions
from rfm_common.models import Import
from rfm_common.settings import Settings
from rfm_common.undo import wished

log = logging.getLogger("rfm.ingest")


class Undoer:
    """Undoes every import that waits for it."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self._settings, self._sessions, self._redis = settings, sessions, redis

    async def is_asked(self) -> bool:
        """Whether an import waits to be undone."""
        return bool(await self._waiting())

    async def carry_out(self) -> None:
        """By import. Raises what is away; then the wish stands."""
        for row in await self._waiting():
            async with ledger.holding(self._sessions, row.file_name) as mine:
                if mine:
                    await self._undo(row.import_id)

    async def _waiting(self) -> list[Import]:
        async with self._sessions() as session:
            return await wished(session)

    async def _undo(self, import_id: int) -> None:
        try:
            async with self._sessions() as session, session.begin():
                await undo.undo(session, self._settings, import_id)
        except undo.NotUndoneError as refusal:
            await self._decline(import_id, refusal)
        await bus.relay(self._sessions, self._redis)
        log.info("import %d: an undo was carried out or refused", import_id)

    async def _decline(self, import_id: int, refusal: undo.NotUndoneError) -> None:
        async with self._sessions() as session, session.begin():
            row = await session.get_one(Import, import_id, with_for_update=True)
            row.undo, row.message = None, refusal.detail
            session.add(row)
