"""PostgreSQL and Redis: reached, of a version that works, set up so that nothing gets lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
from alembic.script import ScriptDirectory
from redis.asyncio import Redis

from rfm_cli.database import is_private
from rfm_cli.doctor.checks import Check, fail, ok, warn
from rfm_cli.doctor.work import work
from rfm_cli.servers import private_servers, with_servers
from rfm_cli.state import StateFolder
from rfm_common.bus import BUS_ERRORS, open_redis
from rfm_common.database_words import too_old, why_not
from rfm_common.db import database_address
from rfm_common.schema import alembic_config
from rfm_common.settings import Settings

CLOCK_SECONDS = 5.0
PATIENCE = 5
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def servers(settings: Settings) -> AsyncIterator[Check]:
    """Both, as far as they run; private ones run only while the product does."""
    is_up = StateFolder(settings.state_dir).running() is not None
    private = private_servers(settings) if is_up else []
    for server in private:
        server.attach()
    reached = with_servers(settings, private) if private else settings
    if is_up or not is_private(settings):
        async for check in _database(reached):
            yield check
    else:
        yield warn("database", "private, and not running", "rfm up starts it")
    if is_up or "redis_url" in settings.model_fields_set:
        async for check in _redis(reached):
            yield check
    else:
        yield warn("redis", "private, and not running", "rfm up starts it")


async def _database(settings: Settings) -> AsyncIterator[Check]:
    where = f"{settings.db_host}:{settings.db_port}"
    try:
        connection = await asyncpg.connect(
            **database_address(settings), timeout=PATIENCE, command_timeout=PATIENCE
        )
    except AWAY as error:
        words = why_not(settings, error) or f"{where}: {error}"
        yield fail("database", words, "rfm up cannot start until this is settled")
        return
    try:
        yield await _version(connection, settings)
        yield await _clock(connection)
        schema = await _schema(connection, settings)
        yield schema
        if schema.state == "ok":
            async for check in work(connection, settings):
                yield check
    finally:
        await connection.close()


async def _version(connection: Any, settings: Settings) -> Check:
    number = int(await connection.fetchval("SHOW server_version_num"))
    if words := too_old(settings, number):
        return fail("database", words, "rfm up cannot start until this is settled")
    where = f"{settings.db_host}:{settings.db_port}"
    return ok("database", f"PostgreSQL {number // 10000}.{number % 10000} at {where}")


async def _clock(connection: Any) -> Check:
    asked = datetime.now(UTC)
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    apart = abs((theirs - asked).total_seconds())
    found = f"{apart:.1f} s from the database's"
    if apart > CLOCK_SECONDS:
        return warn("clock", found, "let both machines set their clocks by NTP")
    return ok("clock", found)


async def _schema(connection: Any, settings: Settings) -> Check:
    script = await asyncio.to_thread(ScriptDirectory.from_config, alembic_config(settings))
    newest = script.get_current_head()
    try:
        current = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        current = None
    if current != newest:
        found = f"{current or 'none'}, the newest is {newest}"
        return fail("schema", found, "rfm migrate; if it is newer than that, update RFM")
    return ok("schema", f"{current}, the newest")


async def _redis(settings: Settings) -> AsyncIterator[Check]:
    try:
        async with asyncio.timeout(PATIENCE), open_redis(settings, "doctor") as redis:
            info: dict[str, Any] = await redis.info()
            yield ok("redis", f"{info.get('server_name', 'redis')} {info['redis_version']}")
            yield _persistence(info)
            yield await _eviction(redis, info)
    except (*BUS_ERRORS, TimeoutError) as error:
        yield fail(
            "redis", str(error), "check REDIS_URL and the server; scoring goes on without it"
        )


def _persistence(info: dict[str, Any]) -> Check:
    if info.get("aof_enabled"):
        return ok("redis persistence", "appendonly")
    return warn(
        "redis persistence", "no appendonly file",
        "appendonly yes: a restart then keeps what browsers resume from (nothing else is lost)",
    )  # fmt: skip


async def _eviction(redis: "Redis", info: dict[str, Any]) -> Check:
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory") and policy != "noeviction":
        return warn("redis eviction", policy, "maxmemory-policy noeviction: queued jobs are kept")
    return ok("redis eviction", policy)
