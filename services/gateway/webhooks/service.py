"""The background activity of a gateway: announce, deliver, tidy up, for as long as it runs."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar import Litestar
from sqlalchemy.exc import SQLAlchemyError

from gateway.webhooks.announcing import announce_all
from gateway.webhooks.delivering import Courier, deliver_due, due_endpoints, forget_old
from gateway.webhooks.endpoints import take_settings
from gateway.webhooks.sending import open_client
from rfm_common.errors import RfmError
from rfm_common.settings import Settings
from rfm_common.tasks import alongside, end

TICK_SECONDS = 5
"""How often it looks by itself; a finished run wakes it at once."""
TIDY_SECONDS = 3600
log = logging.getLogger("rfm.gateway.webhooks")


class Rounds:
    """One activity per endpoint at a time, so that a slow one keeps no other waiting."""

    def __init__(self, courier: Courier, settings: Settings) -> None:
        self.courier = courier
        self.settings = settings
        self.busy: dict[int, asyncio.Task[None]] = {}
        self._tidy_at = 0.0

    async def go(self, bell: asyncio.Event) -> None:
        """Go on for ever; PostgreSQL may be away in between."""
        while True:
            bell.clear()
            try:
                await self._round()
            except (SQLAlchemyError, OSError, RfmError) as error:
                log.warning("will look after webhooks later: %s", error)
            except Exception:
                log.exception("webhooks: unexpected error")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), TICK_SECONDS)

    async def _round(self) -> None:
        await announce_all(self.courier.sessions)
        await self._tidy_up()
        for endpoint_id in await due_endpoints(self.courier.sessions):
            if endpoint_id not in self.busy:
                task = asyncio.create_task(self._serve(endpoint_id))
                self.busy[endpoint_id] = task

    async def _tidy_up(self) -> None:
        """Soon after the start, then now and then."""
        if time.monotonic() >= self._tidy_at:
            await forget_old(self.courier.sessions, self.settings.webhook_days)
            self._tidy_at = time.monotonic() + TIDY_SECONDS

    async def _serve(self, endpoint_id: int) -> None:
        try:
            while await deliver_due(self.courier, endpoint_id):
                pass
        except (SQLAlchemyError, OSError) as error:
            log.warning("will deliver later: %s", error, extra={"endpoint_id": endpoint_id})
        finally:
            del self.busy[endpoint_id]

    async def stop(self) -> None:
        """Leave what is under way; its lease runs out and somebody repeats it."""
        await end(*self.busy.values())


@asynccontextmanager
async def delivering(app: Litestar) -> AsyncGenerator[None]:
    """Look after webhooks in the background for as long as the gateway runs."""
    settings: Settings = app.state.settings
    async with open_client() as client:
        courier = Courier(
            sessions=app.state.sessions,
            client=client,
            allow_private=settings.webhook_allow_private == "on",
        )
        rounds = Rounds(courier, settings)
        try:
            async with alongside(_begin(rounds, app.state.webhook_bell)):
                yield
        finally:
            await rounds.stop()


async def _begin(rounds: Rounds, bell: asyncio.Event) -> None:
    while True:
        try:
            async with rounds.courier.sessions() as session, session.begin():
                await take_settings(session, rounds.settings)
            break
        except (SQLAlchemyError, OSError) as error:
            log.warning("will look after webhooks later: %s", error)
            await asyncio.sleep(TICK_SECONDS)
    await rounds.go(bell)
