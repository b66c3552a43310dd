"""`/models`: the versions of the model, and choosing one."""

from typing import Any

from litestar import Request, Response, get, post
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.dependencies import ActorDep, RedisDep, RowId, SessionDep, SessionsDep, SettingsDep
from gateway.kit.problems import refusal
from gateway.kit.responses import ExactResponse, answer
from gateway.models import queries
from gateway.models.schemas import ModelDetail, ModelList, ModelRow, ModelRun
from gateway.runs.requests import ring
from rfm_common.errors import existing
from rfm_common.model_versions import propose_model, publish_model, refuse_model, unpin_model
from rfm_common.settings import Settings


@get(["/models", "/models.csv"], summary="The versions of the model", tags=["Models"])
async def models(
    request: Request[Any, Any, Any], session: SessionDep, settings: SettingsDep
) -> Response[ModelList]:
    """Newest first: when and why each came about, and which is in force for its k, transform, rule.

    Runs keep the model in force unless there is a reason; a run that changes it makes a version.
    """
    found = await queries.list_models(session, settings)
    return answer(request, ModelList(models=found), found, ModelRow)


@get("/models/{version:int}", summary="One version in full", tags=["Models"])
async def one_model(session: SessionDep, settings: SettingsDep, version: RowId) -> ModelDetail:
    """Its clusters as a run found them, and the constants that assign customers to them."""
    return await _existing(session, settings, version)


async def _existing(session: AsyncSession, settings: Settings, version: int) -> ModelDetail:
    found = await queries.find_model(session, settings, version)
    return existing(found, f"model {version}", "version")


@post(
    "/models/{version:int}/publish", summary="Publish a version", tags=["Models"],
    status_code=202, responses={409: refusal("Automatic runs would not use it")},
)  # fmt: skip
async def publish(
    settings: SettingsDep, sessions: SessionsDep, redis: RedisDep, actor: ActorDep, version: RowId
) -> Response[ModelRun]:
    """Score today with this model, and pin it: no run replaces it by itself.

    Use this also to roll back to an older model, or to keep the one in force. Another model
    replaces it only when a person publishes that one, or unpins this one.
    """
    async with sessions() as session, session.begin():
        run = await publish_model(session, settings, version, actor)
        found = ModelRun(
            run_id=run.run_id, status=run.state,
            message=f"Run {run.run_id} scores with model {version}, which stays until a person"
            " publishes another one or unpins it.",
        )  # fmt: skip
    await ring(sessions, redis)
    return _accepted(found)


def _accepted(found: ModelRun) -> Response[ModelRun]:
    return ExactResponse(found, status_code=202, headers={"Location": f"/runs/{found.run_id}"})


@post(
    "/models/proposal", summary="Propose a new fit", tags=["Models"], status_code=202,
    responses={409: refusal("Nothing is in force yet")},
)  # fmt: skip
async def propose(
    settings: SettingsDep, sessions: SessionsDep, redis: RedisDep
) -> Response[ModelRun]:
    """Make a new fit with today's data and compare it with the model in force; publish nothing.

    When the run has finished, its `model_version` is the number of the proposal, and
    `metrics.proposal` says who would move. There is no number if nobody would.
    """
    async with sessions() as session, session.begin():
        run = await propose_model(session, settings)
        found = ModelRun(
            run_id=run.run_id, status=run.state,
            message=f"Run {run.run_id} fits a model to propose; nothing is published.",
        )  # fmt: skip
    await ring(sessions, redis)
    return _accepted(found)


@post(
    "/models/{version:int}/refuse", summary="Refuse a proposal", tags=["Models"],
    status_code=200, responses={409: refusal("It is not a proposal, or no longer one")},
)  # fmt: skip
async def refuse(
    session: SessionDep, settings: SettingsDep, sessions: SessionsDep, actor: ActorDep,
    version: RowId,
) -> ModelDetail:  # fmt: skip
    """Keep and pin the model that it was compared with.

    Runs then no longer offer another model for the same cause.
    """
    async with sessions() as writing, writing.begin():
        await refuse_model(writing, version, actor)
    return await _existing(session, settings, version)


@post(
    "/models/{version:int}/unpin", summary="Let runs replace a version", tags=["Models"],
    status_code=200, responses={409: refusal("It is not pinned")},
)  # fmt: skip
async def unpin(
    session: SessionDep, settings: SettingsDep, sessions: SessionsDep, actor: ActorDep,
    version: RowId,
) -> ModelDetail:  # fmt: skip
    """From the next run on, the usual reasons can replace the model."""
    async with sessions() as writing, writing.begin():
        await unpin_model(writing, version, actor)
    return await _existing(session, settings, version)


ROUTES = [models, one_model, publish, unpin, propose, refuse]
