"""The settings in effect, for every request: those of the environment, and those stored."""

import asyncio
import logging
import time

from litestar.datastructures import State
from msgspec.json import decode

from gateway.kit.quick import Quick
from gateway.kit.schemas import Answer
from rfm_common.lasting_store import STORED, with_stored
from rfm_common.settings import Settings

FRESH = 1.0
"""Seconds for which what is stored is not looked up again."""
PATIENCE = 1.0
"""Seconds that looking it up may take."""

log = logging.getLogger("rfm.gateway")


class StoredRow(Answer):
    """A stored setting; `value` is JSON."""

    name: str
    value: str


class Current:
    """Looks up what is stored once a second; while the database is away, what it was last."""

    def __init__(self, settings: Settings, quick: Quick) -> None:
        self._fixed, self._known, self._quick = settings, settings, quick
        self._until = -1.0
        self._is_read = True

    async def now(self) -> Settings:
        """The settings in effect."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + FRESH
            await self._look()
        return self._known

    def forget(self) -> None:
        """Look them up the next time: they were changed here."""
        self._until = -1.0

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._quick.many(StoredRow, STORED)
        except Exception as error:
            if self._is_read:
                log.warning("the stored settings cannot be read: %s", str(error) or "no answer")
            self._is_read = False
        else:
            self._is_read = True
            self._known = with_stored(self._fixed, {row.name: decode(row.value) for row in found})


async def settings_of(state: State) -> Settings:
    """The settings in effect, for a handler without dependencies."""
    current: Current = state.current
    return await current.now()
