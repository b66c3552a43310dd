"""Filling in the past: snapshots of earlier months with the model of today."""

from datetime import datetime
from typing import Any

from litestar import Request, post
from litestar.datastructures import State
from litestar.params import JSONBody

from gateway.kit.dependencies import RedisDep, SessionsDep, SettingsDep
from gateway.kit.problems import BodyIsOptional, refusal
from gateway.runs.requests import ring
from gateway.runs.schemas import BackfillAnswer, BackfillBody, BackfillRun
from rfm_common.models import ScoringRun
from rfm_common.runs import queue_backfill


@post(
    "/pipeline/backfill",
    summary="Fill in the past",
    tags=["Runs"],
    status_code=202,
    media_type="application/json",
    operation_class=BodyIsOptional,
    responses={409: refusal("No model yet")},
)
async def backfill(
    request: Request[Any, Any, State],
    settings: SettingsDep,
    sessions: SessionsDep,
    redis: RedisDep,
    data: JSONBody[BackfillBody | None] = None,
) -> BackfillAnswer:
    """Queue a run for the end of each past month, with the newest snapshot's model as it is.

    So trend and flows have data on the first day. The body may be empty. Months that ended
    before the first order are left out, and so are, in each run, customers not known by then.
    The runs wait for every other run; a run that waits already is returned again.
    """
    body = BackfillBody.strictly(await request.body()) if data else BackfillBody()
    async with sessions() as session, session.begin():
        queued = await queue_backfill(session, settings, body.months)
    await ring(sessions, redis)
    return BackfillAnswer(runs=[_row(run) for run in queued], message=_message(queued))


def _row(run: ScoringRun) -> BackfillRun:
    return BackfillRun(
        run_id=run.run_id,
        status=run.state,
        calc_date=datetime.fromisoformat(run.parameters["calc_date"]),
    )


def _message(queued: list[ScoringRun]) -> str:
    if not queued:
        return "no month before the newest snapshot has orders: there is nothing to fill in"
    model = queued[0].parameters["model_run_id"]
    return f"past months to fill in: {len(queued)}, with the model of run {model}"
