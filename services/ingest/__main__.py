"""The ingest process: settings, logs, schema, servers, signals, then the service."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from ingest.lake.sync import Lake
from ingest.service import Ingest
from rfm_common.beats import beating
from rfm_common.bus import open_redis
from rfm_common.db import Sessions, open_sessions
from rfm_common.errors import UnavailableError
from rfm_common.faults import is_passing
from rfm_common.installation import (
    OtherFolderError,
    OtherRedisError,
    check_folder,
    claiming,
    folder_id,
)
from rfm_common.logs import configure_logging
from rfm_common.schema import upgrade
from rfm_common.settings import Settings
from rfm_common.startup import database_or_exit, read_settings
from rfm_common.strays import find_strays, say_strays

log = logging.getLogger("rfm.ingest")


async def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    if strays := find_strays(settings):
        log.warning(say_strays(settings, strays))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # A writer that opens a file at the very moment of our lease test signals us; no harm done.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    with database_or_exit("ingest", settings):
        await _until_migrated(settings, stop)
    if stop.is_set():
        return
    async with (
        open_sessions(settings, "ingest") as sessions,
        open_redis(settings, "ingest") as redis,
        claiming(sessions, redis),
        _watching_alone(settings, sessions),
    ):
        if lake := Lake.of(settings):
            await lake.claim(sessions)
        await Ingest(settings, sessions, redis).run(stop)


@asynccontextmanager
async def _watching_alone(settings: Settings, sessions: Sessions) -> AsyncGenerator[None]:
    """Show signs of life, as the ingest of this data folder; raises OtherFolderError."""
    folder = folder_id(settings.data_dir)
    await check_folder(sessions, folder)
    async with beating(sessions, "ingest", folder):
        yield


async def _until_migrated(settings: Settings, stop: asyncio.Event) -> None:
    """Bring the schema up to date; wait for a database that is not there yet."""
    while not stop.is_set():
        try:
            await upgrade(settings)
            return
        except (OSError, SQLAlchemyError) as error:
            if not is_passing(error):
                raise
            log.warning("waiting for PostgreSQL: %s", error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)


@contextmanager
def _or_exit() -> Generator[None]:
    """Say at the start, not at the first file, that a lake cannot be written, or that another
    installation is in the way."""
    try:
        yield
    except (UnavailableError, OtherRedisError, OtherFolderError) as error:
        sys.exit(f"ingest: {error}")


def run() -> None:
    """The entry point: reads the environment, the only place that does."""
    settings = read_settings("ingest")
    configure_logging("ingest", settings.log_level, settings.log_format)
    with _or_exit():
        if lake := Lake.of(settings):
            lake.check()
        asyncio.run(main(settings))


if __name__ == "__main__":
    run()
