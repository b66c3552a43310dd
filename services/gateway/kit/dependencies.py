"""What handlers are given by name: settings, connections, a read-only session, a snapshot."""

from contextlib import AsyncExitStack, suppress
from typing import Annotated

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.middleware import ASGIMiddleware
from litestar.params import PathParameter, QueryParameter
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.current import settings_of
from gateway.kit.quick import Quick, Recent
from gateway.kit.responses import refuse_unchanged
from gateway.kit.rows import LAST_ROW, Page
from gateway.kit.schemas import MOMENT_OR_LATEST, Snapshot
from gateway.kit.snapshots import find_snapshot
from rfm_common.credentials import Identity
from rfm_common.db import Sessions
from rfm_common.models import Scope as CredentialScope
from rfm_common.settings import Settings

SettingsDep = NamedDependency[Settings]
SessionsDep = NamedDependency[Sessions]
RedisDep = NamedDependency[Redis]
SessionDep = NamedDependency[AsyncSession]
SnapshotDep = NamedDependency[Snapshot]
PageDep = NamedDependency[Page]
ActorDep = NamedDependency[str]
"""Who asks, as the audit log has it: `local`, `key:NAME` or `login:NUMBER`."""
MayExportDep = NamedDependency[bool]
"""Whether who asks has the scope for the rows of files."""

CalcDate = Annotated[
    str | None,
    QueryParameter(
        description="Which snapshot: an ISO date (the latest of that day in the shop's time zone),"
        " an ISO date-time (exactly that one), or `latest` (also without this parameter)",
        max_length=40,
        schema_extra={"pattern": MOMENT_OR_LATEST},
    ),
]
RowId = Annotated[int, PathParameter(ge=1, le=LAST_ROW)]
PageNumber = Annotated[int, QueryParameter(description="From 1", ge=1, le=10_000_000)]
PageSize = Annotated[int, QueryParameter(description="Rows a page", ge=1, le=1000)]


def readers(sessions: Sessions, recent: Recent) -> Sessions:
    """Sessions on the same pool that each read one moment of the database, and only read."""
    engine = sessions.kw["bind"].execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    return async_sessionmaker(
        engine, class_=AsyncSession, expire_on_commit=False, info={"recent": recent}
    )


async def provide_settings(state: State) -> Settings:
    """The settings in effect; not to be handed to `lasting_store`, which wants the fixed ones."""
    return await settings_of(state)


def provide_sessions(state: State) -> Sessions:
    """The session maker, for handlers that own their transactions."""
    sessions: Sessions = state.sessions
    return sessions


def quick_of(state: State) -> Quick:
    """Single statements without a session, for the calls that are asked most.

    A function to call and no dependency: the framework makes a task of each where a handler has
    several, which costs as much as a statement.
    """
    quick: Quick = state.quick
    return quick


def provide_redis(state: State) -> Redis:
    """The client of the bus; Redis may be away at any time."""
    redis: Redis = state.redis
    return redis


def provide_actor(scope: Scope) -> str:
    """Who asks, as the check of credentials found out."""
    identity: Identity = scope["state"]["identity"]
    return identity.actor


def provide_may_export(scope: Scope) -> bool:
    """Whether who asks may see the rows of files."""
    identity: Identity = scope["state"]["identity"]
    return identity.may(CredentialScope.EXPORT)


async def provide_session(state: State, scope: Scope) -> AsyncSession:
    """A session that reads one moment of the database: every query sees the same data."""
    session: AsyncSession = await scope["state"]["exits"].enter_async_context(state.readers())
    return session


class Exits(ASGIMiddleware):
    """Closes what dependencies opened, before the first byte of the answer leaves.

    The framework closes its own generator dependencies only when all of them succeeded: a 404
    out of a later dependency would keep the session of an earlier one.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Give the request a stack of exits; sessions must not wait for a slow client."""
        async with AsyncExitStack() as exits:
            scope["state"]["exits"] = exits

            async def close_and_send(message: Message) -> None:
                # A connection that is lost now has done its work: the answer is complete.
                with suppress(SQLAlchemyError, OSError):
                    await exits.aclose()
                await send(message)

            await next_app(scope, receive, close_and_send)


def provide_paging(page: PageNumber = 1, page_size: PageSize = 100) -> Page:
    """The page of a list."""
    return Page(page, page_size)


async def provide_snapshot(
    request: Request[object, object, State],
    session: SessionDep,
    settings: SettingsDep,
    calc_date: CalcDate = None,
) -> Snapshot:
    """The snapshot that `calc_date` names; ends the request when the client has it already."""
    snapshot = await find_snapshot(session, settings, calc_date)
    if "compare" not in request.query_params:
        refuse_unchanged(request, snapshot)
    return snapshot


DEPENDENCIES = {
    "settings": Provide(provide_settings),
    "sessions": Provide(provide_sessions, sync_to_thread=False),
    "redis": Provide(provide_redis, sync_to_thread=False),
    "session": Provide(provide_session),
    "actor": Provide(provide_actor, sync_to_thread=False),
    "may_export": Provide(provide_may_export, sync_to_thread=False),
}
READS = {
    "snapshot": Provide(provide_snapshot),
    "paging": Provide(provide_paging, sync_to_thread=False),
}
"""Added by the routers of the API."""
