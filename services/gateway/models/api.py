"""`GET /models`: the versions of the model."""

from typing import Any

from litestar import Request, Response, get

from gateway.kit.dependencies import RowId, SessionDep
from gateway.kit.responses import answer
from gateway.models import queries
from gateway.models.schemas import ModelDetail, ModelList, ModelRow
from rfm_common.errors import existing


@get(["/models", "/models.csv"], summary="The versions of the model", tags=["Models"])
async def models(request: Request[Any, Any, Any], session: SessionDep) -> Response[ModelList]:
    """Newest first: when and why each came, and which one is in force for its k, transform, rule.

    Runs keep the model in force unless there is a reason; a run that changes it makes a version.
    """
    found = await queries.list_models(session)
    return answer(request, ModelList(models=found), found, ModelRow)


@get("/models/{version:int}", summary="One version in full", tags=["Models"])
async def one_model(session: SessionDep, version: RowId) -> ModelDetail:
    """Its clusters as the first run found them, and the constants that put a customer into one."""
    return existing(await queries.find_model(session, version), f"model {version}", "version")


ROUTES = [models, one_model]
