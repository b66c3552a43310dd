"""`GET /health` and `GET /health/ready`."""

import asyncio
from typing import Literal

from litestar import Response, get
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from gateway.kit.dependencies import ActorDep, RedisDep, SessionsDep, SettingsDep
from gateway.kit.responses import ExactResponse
from gateway.operation import health_queries as queries
from gateway.operation.health_schemas import Health
from rfm_common import __version__
from rfm_common.bus import BUS_ERRORS
from rfm_common.db import Sessions
from rfm_common.watched_folder import waiting_names

Presence = Literal["ok", "away"]
STRANGER = "nobody"
"""The actor of who shows neither key nor cookie where one is needed."""
PATIENCE = 2
"""Seconds; a server that hangs counts as away."""


async def _redis_presence(redis: Redis) -> Presence:
    try:
        async with asyncio.timeout(PATIENCE):
            await redis.ping()
    except (*BUS_ERRORS, TimeoutError):
        return "away"
    return "ok"


async def _figures(sessions: Sessions, counter: queries.Counter) -> dict[str, object] | None:
    """What the database says, None while it is away."""
    try:
        async with asyncio.timeout(PATIENCE), sessions() as session:
            state = await queries.state(session)
            totals = await counter.count(session, state.data_version)
    except (SQLAlchemyError, OSError, TimeoutError):
        return None
    return {
        field: getattr(part, field) for part in (state, totals) for field in part.__struct_fields__
    }


async def _health(sessions: Sessions, redis: Redis, counter: queries.Counter) -> Health:
    figures, bus = await asyncio.gather(_figures(sessions, counter), _redis_presence(redis))
    if figures is None:
        return Health(status="down", database="away", redis=bus)
    status: Literal["ok", "degraded"] = "ok" if bus == "ok" else "degraded"
    return Health(status=status, database="ok", redis=bus, **figures)  # type: ignore[arg-type]


def _answer(health: Health, actor: str) -> Response[Health]:
    """A stranger is told whether it is alive, and no figure."""
    if actor == STRANGER:
        health = Health(status=health.status, database=health.database, redis=health.redis)
    return ExactResponse(
        health,
        status_code=503 if health.status == "down" else 200,
        headers={"Cache-Control": "no-store"},
    )


AWAY = {503: ResponseSpec(Health, generate_examples=False, description="The database is away")}


@get("/health", summary="The state of the product", tags=["Operation"], responses=AWAY)
async def health(
    settings: SettingsDep, sessions: SessionsDep, redis: RedisDep, state: State, actor: ActorDep
) -> Response[Health]:
    """200 while the database answers (`degraded` without Redis), else 503.

    Where keys are needed, who shows none is told that much and no figure: they are 0.
    """
    found = await _health(sessions, redis, state.counter)
    if actor != STRANGER:
        waiting = await asyncio.to_thread(waiting_names, settings.input_dir)
        found.pending_imports = len(waiting)
        found.version, found.data_dir = __version__, str(settings.input_dir.absolute())
    return _answer(found, actor)


@get("/health/ready", summary="Whether to send requests here", tags=["Operation"], responses=AWAY)
async def ready(
    sessions: SessionsDep, redis: RedisDep, state: State, actor: ActorDep
) -> Response[Health]:
    """503 until the database answers with its tables in place; without figures for strangers."""
    return _answer(await _health(sessions, redis, state.counter), actor)
