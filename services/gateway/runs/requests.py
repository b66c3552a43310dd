"""Changing runs: asking for one, once per key, waiting for it, and calling it off."""

import asyncio
import contextlib
from datetime import UTC, datetime

from redis.asyncio import Redis
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.snapshots import asked_range
from rfm_common import bus
from rfm_common.db import Sessions
from rfm_common.errors import ConflictError, InvalidInputError, existing
from rfm_common.events import RunFailed
from rfm_common.models import DataState, RunState, ScoringRun
from rfm_common.runs import RunRequest, queue_run
from rfm_common.settings import Settings

ENDED = (RunState.FINISHED, RunState.FAILED, RunState.CANCELLED)
RELAY_SECONDS = 2
EARLIEST = 1900


def parse_calc_date(text: str | None, settings: Settings) -> datetime | str | None:
    """None and `latest` as they are; else a moment in the shop's zone, of a date the day's end.

    Raises InvalidInputError, also for a day to come: nobody can have ordered by then.
    """
    if text is None or text == "latest":
        return text
    _, moment = asked_range(text, settings)
    if moment.year < EARLIEST:
        raise InvalidInputError(
            f"calc_date: the year must be {EARLIEST} or later, not {moment.year}", field="calc_date"
        )
    today = settings.end_of_day(datetime.now(UTC))
    if moment > today:
        raise InvalidInputError(
            f"calc_date: {text} is in the future; ask for today ({today:%Y-%m-%d}) or earlier",
            field="calc_date",
        )
    return moment


async def request_run(
    sessions: Sessions, settings: Settings, request: RunRequest, key: str | None
) -> ScoringRun:
    """A queued run, committed; with a key that was used before, the run that it was used for.

    Raises ConflictError when the key was used with other parameters.
    """
    for _ in range(2):
        with contextlib.suppress(IntegrityError):  # the key's first use, at the same moment
            async with sessions() as session, session.begin():
                return await _keyed_run(session, settings, request, key)
    raise ConflictError("this Idempotency-Key is being used by another request")


async def _keyed_run(
    session: AsyncSession, settings: Settings, request: RunRequest, key: str | None
) -> ScoringRun:
    if key is None:
        return await queue_run(session, settings, request, "api")
    earlier = (
        await session.exec(select(ScoringRun).where(ScoringRun.idempotency_key == key))
    ).first()
    if earlier is None:
        run = await queue_run(session, settings, request, "api", key)
        run.idempotency_key = run.idempotency_key or key
        return run
    if earlier.parameters != request.parameters(settings):
        raise ConflictError(
            f"this Idempotency-Key was used for run {earlier.run_id}, with other parameters",
            run_id=earlier.run_id,
        )
    return earlier


async def ring(sessions: Sessions, redis: Redis) -> None:
    """Publish what was committed; the sweeper does it later while Redis is away."""
    with contextlib.suppress(*bus.BUS_ERRORS, TimeoutError):
        async with asyncio.timeout(RELAY_SECONDS):
            await bus.relay(sessions, redis)


async def ended_run(sessions: Sessions, run_id: int) -> ScoringRun | None:
    """The run if it has ended, in whatever way."""
    async with sessions() as session:
        run = await session.get(ScoringRun, run_id)
    return run if run is not None and run.state in ENDED else None


async def cancel_run(sessions: Sessions, run_id: int) -> None:
    """End a waiting run now, or ask the worker of a running one to stop.

    Raises NotFoundError, and ConflictError for a run that has ended.
    """
    async with sessions() as session, session.begin():
        found = await session.get(ScoringRun, run_id, with_for_update=True)
        run = existing(found, f"run {run_id}", "run_id")
        if run.state in ENDED:
            raise ConflictError(f"run {run_id} has ended: {run.state.value}", run_id=run_id)
        run.cancel_requested = True
        if run.state == RunState.QUEUED:
            run.state = RunState.CANCELLED
            run.finished_at = datetime.now(UTC)
            # Without new data the sweeper does not repeat what someone called off.
            run.data_version = (await session.exec(select(DataState.data_version))).one()
            bus.add_to_outbox(session, RunFailed(run_id=run_id, state=RunState.CANCELLED.value))
