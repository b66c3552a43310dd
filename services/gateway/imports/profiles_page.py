"""The profiles: how files of known headers are read, to be changed, removed or exported."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.imports import decision_queries as queries
from gateway.imports.decision_schemas import ProfileRow
from gateway.imports.waiting import FIELD, answers_of
from gateway.kit.dependencies import SessionDep, SessionsDep
from gateway.kit.frame import FILES, Frame, FrameDep
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.kit.rows import LAST_ROW
from rfm_common import decisions
from rfm_common.errors import existing

PROFILES = "/dashboard/profiles"
LEARNED = {
    ("date_order", "dmy"): "dates begin with the day",
    ("date_order", "mdy"): "dates begin with the month",
    ("decimal_mark", ","): "amounts have a decimal comma",
    ("decimal_mark", "."): "amounts have a decimal point",
}
"""What files prove about others of their header, in words."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer of a profile: the field of its form, the question, the choices, the chosen one."""

    name: str
    text: str
    choices: list[tuple[str, str]]
    chosen: str

    @property
    def label(self) -> str:
        """The chosen answer in words."""
        return dict(self.choices).get(self.chosen, self.chosen)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile in words."""

    row: ProfileRow
    decided: list[Decided]
    learned: list[str]


@dataclass(frozen=True, slots=True)
class ProfilesPage:
    """All of them."""

    template: ClassVar[str] = "profiles.html"
    frame: Frame
    numbers: Numbers
    profiles: list[Profile]
    now: datetime


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """One of them."""

    template: ClassVar[str] = "profile.html"
    frame: Frame
    numbers: Numbers
    profile: Profile
    now: datetime


def build_profile(row: ProfileRow) -> Profile:
    """The profile in words."""
    decided = [_decided(question, row.answers) for question in row.questions
               if question["about"] in row.answers]  # fmt: skip
    learned = [LEARNED.get(item, " ".join(item)) for item in row.learned.items()]
    return Profile(row, decided, learned)


def _decided(question: Mapping[str, Any], answers: Mapping[str, str]) -> Decided:
    about = question["about"]
    choices = [(choice["value"], choice["label"]) for choice in question["choices"]]
    return Decided(f"{FIELD}{about}", question["text"], choices, answers[about])


@get("/profiles")
async def profiles(frame: FrameDep, session: SessionDep) -> Response[str]:
    """Every profile, by name."""
    page = ProfilesPage(
        frame=frame.of("How files are read", "imports", FILES),
        numbers=frame.numbers,
        profiles=[build_profile(row) for row in await queries.list_profiles(session)],
        now=datetime.now(UTC),
    )
    return answer(page)


@get("/profiles/{profile_id:int}")
async def one_profile(
    frame: FrameDep, session: SessionDep, profile_id: FromPath[int]
) -> Response[str]:
    """One profile, with a form that changes it."""
    found = await queries.find_profile(session, profile_id) if profile_id <= LAST_ROW else None
    row = existing(found, f"profile {profile_id}", "profile_id")
    page = ProfilePage(
        frame=frame.of(row.name, "imports"), numbers=frame.numbers, profile=build_profile(row),
        now=datetime.now(UTC),
    )  # fmt: skip
    return answer(page)


@post("/profiles/{profile_id:int}")
async def change(
    request: Request[Any, Any, Any], sessions: SessionsDep, profile_id: FromPath[int]
) -> Redirect:
    """Rename a profile and answer its questions anew, or forget it, as the button says."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    async with sessions() as session, session.begin():
        if form.get("do") == "remove":
            await decisions.remove_profile(session, profile_id)
        else:
            name = form.get("name", "").strip()[:200]
            await decisions.change_profile(session, profile_id, name, answers_of(form) or None)
    return Redirect(PROFILES, status_code=303)
