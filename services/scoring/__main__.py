"""`python -m scoring`: the scoring worker, until SIGTERM or Ctrl-C."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress

from rfm_common.beats import beating
from rfm_common.bus import open_redis
from rfm_common.db import open_sessions
from rfm_common.installation import OtherRedisError, claiming
from rfm_common.logs import configure_logging
from rfm_common.schema import upgrade
from rfm_common.settings import Settings
from rfm_common.startup import database_or_exit, read_settings
from scoring.engines import open_engine
from scoring.runs.jobs import Context
from scoring.worker import ScoringWorker


async def serve(settings: Settings) -> None:
    """Bring the schema up to date, then work until stopped."""
    with database_or_exit("scoring", settings):
        await upgrade(settings)
    name = f"{socket.gethostname()}:{os.getpid()}"
    async with (
        open_sessions(settings, "scoring", 8) as sessions,
        open_redis(settings, name) as bus,
        claiming(sessions, bus),
        beating(sessions, "scoring"),
    ):
        engine = open_engine(settings, sessions)
        await ScoringWorker(Context(settings, sessions, bus, engine, name)).run()


async def main() -> None:
    """Turn a signal into a cancellation, which puts the run in hand back into the queue."""
    settings = read_settings("scoring")
    configure_logging("scoring", settings.log_level, settings.log_format)
    task = asyncio.create_task(serve(settings))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        try:
            await task
        except OtherRedisError as error:
            sys.exit(f"scoring: {error}")


if __name__ == "__main__":
    asyncio.run(main())
