"""The form of a file that waits."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.imports import decision_queries as queries
from gateway.imports.decision_schemas import Preview
from gateway.imports.queries import find_import
from gateway.imports.waiting import Waiting, answers_of, build_waiting
from gateway.kit.dependencies import ActorDep, MayExportDep, RedisDep, SessionDep, SessionsDep
from gateway.kit.frame import NumbersDep
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.kit.rows import LAST_ROW
from gateway.runs.requests import ring
from rfm_common import decisions
from rfm_common.errors import existing


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """The first rows and the numbers, for the answers that are chosen."""

    template: ClassVar[str] = "preview.html"
    numbers: Numbers
    waiting: Waiting


@get("/imports/{import_id:int}/preview")
async def preview_part(
    request: Request[Any, Any, Any], numbers: NumbersDep, session: SessionDep,
    may_export: MayExportDep, import_id: FromPath[int],
) -> Response[str]:  # fmt: skip
    """What the answers in the query would give."""
    found = await find_import(session, import_id) if import_id <= LAST_ROW else None
    file = existing(found, f"import {import_id}", "import_id")
    preview = await queries.find_preview(session, import_id) or Preview()
    given = {name: str(value) for name, value in request.query_params.items()}
    waiting = build_waiting(import_id, file.questions, preview, given, shows_rows=may_export)
    return answer(PreviewPart(numbers, waiting))


@post("/imports/{import_id:int}/decision")
async def decide(
    request: Request[Any, Any, Any], sessions: SessionsDep, redis: RedisDep, actor: ActorDep,
    import_id: FromPath[int],
) -> Redirect:  # fmt: skip
    """Take the form's answers and lead back to the file."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    refuses = form.get("do") == "refuse"
    answers = {decisions.FILE: decisions.REFUSE} if refuses else answers_of(form)
    async with sessions() as session, session.begin():
        await decisions.decide(session, import_id, answers, actor, remember="remember" in form)
    await ring(sessions, redis)
    return Redirect(f"/dashboard/imports/{import_id}", status_code=303)
