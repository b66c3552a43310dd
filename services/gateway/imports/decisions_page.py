"""The form of a file that waits, and the page of profiles."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.imports import decision_queries as queries
from gateway.imports.decision_schemas import Preview, ProfileRow
from gateway.imports.queries import find_import
from gateway.imports.waiting import Waiting, answers_of, build_waiting
from gateway.kit.dependencies import ActorDep, RedisDep, SessionDep, SessionsDep
from gateway.kit.frame import FILES, Frame, FrameDep, NumbersDep
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.runs.requests import ring
from rfm_common import decisions
from rfm_common.errors import existing

PROFILES = "/dashboard/profiles"


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """The first rows and the numbers, for the answers that are chosen."""

    template: ClassVar[str] = "preview.html"
    numbers: Numbers
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class ProfilesPage:
    """How files of known headers are read."""

    template: ClassVar[str] = "profiles.html"
    frame: Frame
    numbers: Numbers
    profiles: list[ProfileRow]
    now: datetime


@get("/imports/{import_id:int}/preview")
async def preview_part(
    request: Request[Any, Any, Any], numbers: NumbersDep, session: SessionDep,
    import_id: FromPath[int],
) -> Response[str]:  # fmt: skip
    """What the answers in the query would give."""
    found = await find_import(session, import_id) if import_id < 2**31 else None
    file = existing(found, f"import {import_id}", "import_id")
    preview = await queries.find_preview(session, import_id) or Preview()
    given = {name: str(value) for name, value in request.query_params.items()}
    waiting = build_waiting(import_id, file.questions, preview, given)
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


@get("/profiles")
async def profiles(frame: FrameDep, session: SessionDep) -> Response[str]:
    """Every profile, to be renamed or forgotten."""
    page = ProfilesPage(
        frame=frame.of("How files are read", "imports", FILES),
        numbers=frame.numbers,
        profiles=await queries.list_profiles(session),
        now=datetime.now(UTC),
    )
    return answer(page)


@post("/profiles/{profile_id:int}")
async def change(
    request: Request[Any, Any, Any], sessions: SessionsDep, profile_id: FromPath[int]
) -> Redirect:
    """Rename or forget a profile, as the button says."""
    form = await request.form()
    async with sessions() as session, session.begin():
        if form.get("do") == "remove":
            await decisions.remove_profile(session, profile_id)
        else:
            name = str(form.get("name", "")).strip()[:200]
            await decisions.change_profile(session, profile_id, name, None)
    return Redirect(PROFILES, status_code=303)
