"""One version of the model beside the one in force, and the buttons that decide about it."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from litestar import Request, Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from gateway.kit.dependencies import ActorDep, RedisDep, SessionDep, SessionsDep, SettingsDep
from gateway.kit.frame import SCORES, Frame, FrameDep
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.kit.rows import LAST_ROW
from gateway.kit.snapshots import find_run
from gateway.models import queries
from gateway.models.schemas import ModelDetail
from gateway.runs.requests import ring
from rfm_common.errors import NotFoundError, existing
from rfm_common.model_versions import publish_model, refuse_model, unpin_model

PATH = "/dashboard/models"
RowNumber = Annotated[int, QueryParameter(ge=1, le=LAST_ROW)]


@dataclass(frozen=True, slots=True)
class ModelPage:
    """One version."""

    template: ClassVar[str] = "model.html"
    frame: Frame
    numbers: Numbers
    model: ModelDetail
    in_force: ModelDetail | None
    """The one that it would replace; None where it is in force itself."""


@get("/models/{version:int}")
async def one_model(
    frame: FrameDep, session: SessionDep, settings: SettingsDep, version: FromPath[int]
) -> Response[str]:
    """What it consists of, and what publishing it would mean."""
    is_row = version <= LAST_ROW
    model = await queries.find_model(session, settings, version) if is_row else None
    if model is None:
        raise NotFoundError(f"There is no model {version}.")
    page = ModelPage(
        frame=frame.of(f"Model {version}", "clusters", SCORES),
        numbers=frame.numbers.of(model.base_currency),
        model=model,
        in_force=await queries.find_in_force(session, settings, model),
    )
    return answer(page)


@post("/models/{version:int}")
async def decide(
    request: Request[Any, Any, Any], settings: SettingsDep, sessions: SessionsDep,
    redis: RedisDep, actor: ActorDep, version: FromPath[int],
) -> Redirect:  # fmt: skip
    """The buttons: leads to the run that scores with the model, or back to it."""
    form = await request.form()
    async with sessions() as session, session.begin():
        if form.get("do") == "publish":
            run = await publish_model(session, settings, version, actor)
            target = f"/dashboard/runs/{run.run_id}"
        else:
            act = refuse_model if form.get("do") == "refuse" else unpin_model
            await act(session, version, actor)
            target = f"{PATH}/{version}"
    await ring(sessions, redis)
    return Redirect(target, status_code=303)


@get("/models/proposal")
async def proposed(session: SessionDep, run: RowNumber) -> Redirect:
    """Where a run that proposes a model leads to: the model, or its clusters if it has none."""
    found = existing(await find_run(session, run), f"run {run}", "run")
    number = found.model_version
    return Redirect(f"{PATH}/{number}" if number else f"/dashboard/clusters?run={run}")
