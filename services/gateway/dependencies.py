"""What handlers are given by name: `settings`, `sessions`, `redis` and a read-only `session`."""

from collections.abc import AsyncGenerator

from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from redis.asyncio import Redis
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import Sessions
from rfm_common.settings import Settings

SettingsDep = NamedDependency[Settings]
SessionsDep = NamedDependency[Sessions]
RedisDep = NamedDependency[Redis]
SessionDep = NamedDependency[AsyncSession]


def provide_settings(state: State) -> Settings:
    """The settings that the app was made with."""
    settings: Settings = state.settings
    return settings


def provide_sessions(state: State) -> Sessions:
    """The session maker, for handlers that own their transactions."""
    sessions: Sessions = state.sessions
    return sessions


def provide_redis(state: State) -> Redis:
    """The client of the bus; Redis may be away at any time."""
    redis: Redis = state.redis
    return redis


async def provide_session(state: State) -> AsyncGenerator[AsyncSession]:
    """A session that reads one moment of the database: every query sees the same data."""
    async with state.sessions() as session:
        await session.connection(
            execution_options={
                "isolation_level": "REPEATABLE READ",
                "postgresql_readonly": True,
            }
        )
        yield session


DEPENDENCIES = {
    "settings": Provide(provide_settings, sync_to_thread=False),
    "sessions": Provide(provide_sessions, sync_to_thread=False),
    "redis": Provide(provide_redis, sync_to_thread=False),
    "session": Provide(provide_session),
}
