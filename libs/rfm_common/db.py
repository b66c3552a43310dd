"""Engine, sessions and the raw connection underneath, for whoever owns a transaction."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Any, cast

import asyncpg
from sqlalchemy import URL, CursorResult, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.settings import Settings

Sessions = async_sessionmaker[AsyncSession]


class AdvisoryLock(IntEnum):
    """The keys of PostgreSQL's advisory locks, so that no two uses share one."""

    MIGRATE = 8_701_001
    LOAD = 8_701_002
    PUBLISH = 8_701_003
    ERASE = 8_701_004
    ANNOUNCE = 8_701_005
    UPKEEP = 8_701_006
    STAGE = 8_701_007
    SETTINGS = 8_701_008
    COHORTS = 8_701_009
    VALUES = 8_701_010
    TRUST = 8_701_011


def database_url(settings: Settings) -> URL:
    """The asyncpg URL of the product's database."""
    return URL.create(
        "postgresql+asyncpg",
        username=settings.db_user,
        password=settings.db_password.get_secret_value() or None,
        host=settings.db_host,
        port=settings.db_port,
        database=settings.db_name,
    )


def create_engine(
    settings: Settings, application: str, pool_size: int = 5, patience: int | None = None
) -> AsyncEngine:
    """An engine whose connections name themselves in pg_stat_activity and survive restarts.

    With `patience`, so many seconds at most are waited for a lock, and as many for a connection.
    """
    engine = create_async_engine(
        database_url(settings),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=patience or 30,
        hide_parameters=True,  # an error's text goes into logs
        connect_args={
            "timeout": 10,
            "server_settings": server_settings(application, patience),
        },
    )
    event.listen(
        engine.sync_engine, "connect", lambda made, _: notice_silence(made.driver_connection)
    )
    return engine


KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 25_000}
"""TCP's own check that the other machine is there: after 25 s without an answer it is not."""


def notice_silence(connection: Any) -> None:
    """Let an asyncpg connection break when its line is dead, however long a statement may take.

    Else it waits a quarter of an hour, or for ever, and with it whoever asked.
    """
    line = connection._transport.get_extra_info("socket")
    if line.family != socket.AF_UNIX:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if option := getattr(socket, name, None):  # systems differ in what they can be told
                line.setsockopt(socket.IPPROTO_TCP, option, value)


def server_settings(application: str, patience: int | None = None) -> dict[str, str]:
    """What each connection tells the server about itself, and how long it waits for a lock."""
    waits = {"lock_timeout": f"{patience}s"} if patience else {}
    return {"application_name": f"rfm-{application}", "timezone": "UTC", **waits}


@asynccontextmanager
async def open_pool(
    settings: Settings, application: str, size: int = 5, patience: int | None = None
) -> AsyncGenerator[Any]:
    """An asyncpg pool for single statements; connects when it is first used."""
    pool = asyncpg.create_pool(
        **database_address(settings), min_size=0, max_size=size, timeout=10, reset=_leave_as_is,
        server_settings=server_settings(application, patience), init=_init,
    )  # fmt: skip
    async with pool:
        yield pool


def database_address(settings: Settings) -> dict[str, Any]:
    """Where the database is and who asks, as asyncpg wants to be told."""
    return {
        "host": settings.db_host, "port": settings.db_port, "user": settings.db_user,
        "password": settings.db_password.get_secret_value() or None, "database": settings.db_name,
    }  # fmt: skip


async def _init(connection: Any) -> None:
    notice_silence(connection)


async def _leave_as_is(_: Any) -> None:
    """Single statements leave nothing behind that the next user of a connection could see."""


@asynccontextmanager
async def open_sessions(
    settings: Settings, application: str, pool_size: int = 5, patience: int | None = None
) -> AsyncGenerator[Sessions]:
    """Sessions for the life of a process; the caller begins and commits. As `create_engine`."""
    engine = create_engine(settings, application, pool_size, patience)
    try:
        yield async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
    finally:
        await engine.dispose()


async def run_sql(session: AsyncSession, statement: str, **values: object) -> CursorResult[Any]:
    """Execute SQL text with bound values, for what the expression language says worse."""
    result = await session.exec(text(statement).bindparams(**values))  # type: ignore[call-overload]
    return cast("CursorResult[Any]", result)


async def raw_connection(session: AsyncSession) -> Any:
    """The asyncpg connection inside the session's open transaction, for COPY.

    SQLAlchemy begins lazily: without a first statement a COPY would commit by itself.
    """
    await run_sql(session, "SELECT 1")
    connection = await session.connection()
    raw = (await connection.get_raw_connection()).driver_connection
    if raw is None or not raw.is_in_transaction():
        raise RuntimeError("COPY outside a transaction")
    return raw


async def try_lock(session: AsyncSession, key: AdvisoryLock) -> bool:
    """Hold an advisory lock until the session's transaction ends; False if somebody else does."""
    found = await run_sql(session, "SELECT pg_try_advisory_xact_lock(:key)", key=int(key))
    return bool(found.scalar_one())


async def database_identity(session: AsyncSession) -> str:
    """What tells this database from every other one, a copy or a restored one included."""
    found = await run_sql(session, """
        SELECT concat(system_identifier, '/', oid) FROM pg_control_system(), pg_database
        WHERE datname = current_database()
        """)  # fmt: skip
    return str(found.scalar_one())


async def lock(session: AsyncSession, key: AdvisoryLock, *, shared: bool = False) -> None:
    """Hold an advisory lock until the session's transaction ends; waits for it."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    await run_sql(session, f"SELECT {function}(:key)", key=int(key))
