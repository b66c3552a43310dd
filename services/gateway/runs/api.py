"""Scoring runs: asking for one, the history, one in full, calling one off."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.dependencies import PageDep, RedisDep, RowId, SessionDep, SessionsDep, SettingsDep
from gateway.kit.prefer import PreferHeader, applied, key_header, until, wait_seconds
from gateway.kit.problems import BodyIsOptional, refusal
from gateway.kit.responses import ExactResponse, answer
from gateway.runs import queries
from gateway.runs.replaced import find_replaced
from gateway.runs.requests import cancel_run, ended_run, parse_calc_date, request_run, ring
from gateway.runs.schemas import RunAnswer, RunBody, RunDetail, RunList, RunRow
from rfm_common.db import Sessions
from rfm_common.errors import existing
from rfm_common.models import RunState, ScoringRun
from rfm_common.runs import RunRequest, resolve_calc_date
from rfm_common.settings import Settings
from rfm_common.watched_folder import waiting_names


@post(
    "/pipeline/run",
    summary="Score now",
    tags=["Runs"],
    status_code=202,
    media_type="application/json",
    operation_class=BodyIsOptional,
    responses={
        200: ResponseSpec(RunAnswer, generate_examples=False, description="It ended in time"),
        409: refusal("The key means another run"),
    },
)
async def run_pipeline(
    request: Request[Any, Any, State],
    settings: SettingsDep,
    sessions: SessionsDep,
    redis: RedisDep,
    data: JSONBody[RunBody | None] = None,
    idempotency_key: Annotated[
        str | None,
        key_header("The same key with the same body returns the same run"),
    ] = None,
    prefer: PreferHeader = None,
) -> Response[RunAnswer]:
    """Queue a run; the body may be empty, then the settings decide everything.

    202 with `Location` as soon as it is queued. With `Prefer: wait=N` 200 when it has ended in
    time, with `customers_processed`, `clusters_created` and `message`; a run that failed says so
    in `status`. `replaced` says when the scores that the run replaces were calculated with
    another window, k or rule. A run that waits with the same parameters is returned instead of a
    second one.
    """  # fmt: skip
    body = RunBody.strictly(await request.body()) if data else RunBody()
    asked = _asked(body, settings)
    run = await request_run(sessions, settings, asked, idempotency_key)
    run_id = run.run_id
    await ring(sessions, redis)
    waiting = await asyncio.to_thread(waiting_names, settings.input_dir)
    seconds = wait_seconds(prefer)
    look = partial(ended_run, sessions, run_id)
    ended = await until(look, seconds, request.app.state.closing)
    headers = {"Location": f"/runs/{run_id}", **applied(seconds)}
    content = await _answer(sessions, settings, ended or run, waiting, has_ended=ended is not None)
    return ExactResponse(content, status_code=200 if ended else 202, headers=headers)


def _asked(body: RunBody, settings: Settings) -> RunRequest:
    calc_date: Any = parse_calc_date(body.calc_date, settings)
    return RunRequest(
        calc_date=calc_date, window_days=body.window_days, k=body.k,
        transform=body.transform, preview=body.preview,
    )  # fmt: skip


async def _answer(
    sessions: Sessions, settings: Settings, run: ScoringRun, waiting: list[str], *, has_ended: bool
) -> RunAnswer:
    asked: int | Literal["auto"] = run.parameters["k"]
    async with sessions() as session:
        calc_date = run.calc_date or await _expected_date(session, settings, run)
        replaced = await find_replaced(session, settings, run, calc_date)
    found = RunAnswer(
        run_id=run.run_id,
        status=run.state,
        calc_date=calc_date,
        window_days=run.window_days,
        k=run.k or asked,
        waiting_files=waiting,
        replaced=replaced or UNSET,
    )
    if has_ended:
        found.customers_processed = run.customers_processed or 0
        found.clusters_created = run.clusters_created or 0
        found.message = run.message or run.error or run.state.value
    return found


async def _expected_date(session: AsyncSession, settings: Settings, run: ScoringRun) -> datetime:
    """What the worker will decide, unless data arrive before it does."""
    date, _ = await resolve_calc_date(
        session, settings, run.parameters["calc_date"], run.window_days
    )
    return date


@get(["/runs", "/runs.csv"], summary="The history of runs", tags=["Runs"])
async def runs(
    request: Request[Any, Any, Any],
    session: SessionDep,
    paging: PageDep,
    status: Annotated[RunState | None, QueryParameter()] = None,
) -> Response[RunList]:
    """One page, newest first."""
    found = await queries.run_page(session, paging, status)
    body = RunList(
        page=paging.number,
        page_size=paging.size,
        total=await queries.count_runs(session, status),
        runs=found,
    )
    return answer(request, body, found, RunRow)


@get("/runs/{run_id:int}", summary="One run in full", tags=["Runs"])
async def one_run(session: SessionDep, run_id: RowId) -> RunDetail:
    """Parameters, progress, model, metrics, the sweep over k, warnings and timings."""
    return await _existing(session, run_id)


async def _existing(session: AsyncSession, run_id: int) -> RunDetail:
    return existing(await queries.find_run(session, run_id), f"run {run_id}", "run_id")


@post(
    "/runs/{run_id:int}/cancel", summary="Cancel a run", tags=["Runs"], status_code=202,
    responses={409: refusal("It has ended")},
)  # fmt: skip
async def cancel(
    session: SessionDep, sessions: SessionsDep, redis: RedisDep, run_id: RowId
) -> RunDetail:
    """A waiting run ends at once, a running one when its worker notices; 409 when it has ended."""
    await cancel_run(sessions, run_id)
    await ring(sessions, redis)
    return await _existing(session, run_id)
