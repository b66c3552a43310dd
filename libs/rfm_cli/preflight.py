"""Servers of one's own, looked at before anything uses them: what is wrong becomes a sentence."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from rfm_cli.processes import ServerError
from rfm_common.bus import BUS_ERRORS, open_redis
from rfm_common.database_words import not_allowed, too_old, why_not
from rfm_common.db import database_address
from rfm_common.settings import Settings

log = logging.getLogger(__name__)

PATIENCE = 10
"""Seconds."""
_MAY_CREATE = """SELECT to_regclass('alembic_version') IS NOT NULL
    OR coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"""


async def check_servers(settings: Settings) -> None:
    """Raise ServerError when the database cannot be used; warn when only Redis is away."""
    if "db_host" in settings.model_fields_set:
        await check_database(settings)
    if "redis_url" in settings.model_fields_set and (words := await redis_problem(settings)):
        log.warning("%s. RFM works without it, but pages do not follow by themselves", words)


async def check_database(settings: Settings) -> None:
    """Raise ServerError, in words, when the database of the settings cannot be used."""
    try:
        connection = await asyncpg.connect(**database_address(settings), timeout=PATIENCE)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise ServerError(why_not(settings, error) or f"PostgreSQL: {error}") from error
    try:
        version = int(await connection.fetchval("SHOW server_version_num"))
        if words := too_old(settings, version):
            raise ServerError(words)
        if not await connection.fetchval(_MAY_CREATE):
            raise ServerError(not_allowed(settings))
    finally:
        await connection.close()


def check_database_now(settings: Settings) -> None:
    """The same, wherever it is called."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, check_database(settings)).result()


async def redis_problem(settings: Settings) -> str | None:
    """Why Redis cannot be used; None when it can."""
    try:
        async with asyncio.timeout(PATIENCE), open_redis(settings, "check") as redis:
            await redis.ping()
    except (*BUS_ERRORS, TimeoutError) as error:
        return f"REDIS_URL: {error or 'no answer'}"
    return None
