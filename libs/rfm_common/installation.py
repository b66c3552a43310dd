"""Which installation this is: two must share neither a Redis nor a database.

On one Redis, each would take the other's events for its own; on one database, each would look in
its own folders for files that the other has put away.
"""

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from rfm_common.appearing import appearing
from rfm_common.beats import SECONDS, SILENT
from rfm_common.bus import BUS_ERRORS
from rfm_common.db import Sessions, database_identity, run_sql
from rfm_common.errors import RfmError
from rfm_common.plain_files import read_plain
from rfm_common.tasks import alongside

log = logging.getLogger("rfm.installation")

KEY = "rfm:installation"
"""In Redis: the database of the installation that uses it, for as long as that is alive."""
ID_FILE = "installation.id"
LONGEST = 100
"""Bytes of that file."""


class OtherRedisError(RfmError):
    """Another installation of RFM, with another database, uses this Redis: set REDIS_URL to one of
    its own, or to another database number of it. If the other one has just been stopped, this one
    can start in half a minute."""


class OtherFolderError(RfmError):
    """An ingest with another data folder uses this database: give each installation a database of
    its own (DB_NAME). If the other one has just been killed, this one can start in half a
    minute."""


@asynccontextmanager
async def claiming(sessions: Sessions, redis: Redis) -> AsyncGenerator[None]:
    """Hold the Redis for this database while the block lasts; either server may be away.

    Raises OtherRedisError at the start. Who meets another installation later, because Redis was
    away or lost its data, stops.
    """
    with suppress(SQLAlchemyError, *BUS_ERRORS):
        await claim(sessions, redis)
    try:
        async with alongside(_claim_on(sessions, redis)):
            yield
    finally:
        with suppress(SQLAlchemyError, *BUS_ERRORS):
            await _release(sessions, redis)


async def claim(sessions: Sessions, redis: Redis) -> None:
    """Say which database uses this Redis. Raises OtherRedisError when another one does."""
    async with asyncio.timeout(SECONDS):
        here = await _here(sessions)
        await redis.set(KEY, here, nx=True, ex=int(SILENT))
        if await redis.get(KEY) not in {here, None}:
            raise OtherRedisError
        await redis.expire(KEY, int(SILENT))


async def _claim_on(sessions: Sessions, redis: Redis) -> None:
    while True:
        await asyncio.sleep(SECONDS)
        try:
            await claim(sessions, redis)
        except OtherRedisError as error:
            log.error("stopping: %s", error)
            os.kill(os.getpid(), signal.SIGTERM)
        except (SQLAlchemyError, *BUS_ERRORS) as error:
            log.debug("cannot claim Redis: %s", error)


async def _release(sessions: Sessions, redis: Redis) -> None:
    """The other services of this installation claim it again."""
    if await redis.get(KEY) == await _here(sessions):
        await redis.delete(KEY)


async def _here(sessions: Sessions) -> str:
    async with sessions() as session:
        return await database_identity(session)


def folder_id(data_dir: Path) -> str:
    """What tells this data folder from others, on whatever machine it is mounted."""
    path = data_dir / ID_FILE
    with suppress(FileExistsError):
        if not path.exists():
            data_dir.mkdir(parents=True, exist_ok=True)
            with appearing(path, replace=False) as sink:
                sink.write(secrets.token_hex(16).encode())
    return read_plain(path, LONGEST).decode("ascii", "replace")


async def check_folder(sessions: Sessions, folder: str) -> None:
    """Raise OtherFolderError while an ingest with another data folder is alive."""
    async with sessions() as session:
        found = await run_sql(session, """
            SELECT EXISTS (SELECT FROM service_beats WHERE figures ->> 'folder' <> :folder
                AND beat_at > now() - make_interval(secs => :silent))
            """, folder=folder, silent=SILENT)  # fmt: skip
        if found.scalar():
            raise OtherFolderError
