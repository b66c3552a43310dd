"""The strip that says what is going on: files being read, runs, and how the last ones ended."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from litestar import Response, get
from litestar.params import QueryParameter

from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import NumbersDep
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.kit.snapshots import find_snapshot_run
from gateway.overview.queries import Activity, activity
from rfm_common.models import ScoringRun

OWN_PAGE = "^/dashboard([/?].*)?$"
"""Only our own pages are linked to, whatever an address says."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """The strip; pulled again whenever a file or a run changes state."""

    template: ClassVar[str] = "jobs.html"
    numbers: Numbers
    activity: Activity
    now: datetime


@dataclass(frozen=True, slots=True)
class News:
    """What a page that is pinned to a snapshot says instead of changing under the reader."""

    template: ClassVar[str] = "news.html"
    numbers: Numbers
    run: ScoringRun | None
    shown_run: int
    back: str


@get("/p/jobs")
async def jobs(numbers: NumbersDep, session: SessionDep) -> Response[str]:
    """The strip as it is now."""
    return answer(Jobs(numbers, await activity(session), datetime.now(UTC)))


@get("/p/news")
async def news(
    numbers: NumbersDep, session: SessionDep, settings: SettingsDep,
    shown_run: Annotated[int, QueryParameter(name="run")] = 0,
    back: Annotated[str, QueryParameter(pattern=OWN_PAGE, max_length=2000)] = "/dashboard",
) -> Response[str]:  # fmt: skip
    """Whether there is a newer snapshot than the one on the page; `back` leads to it."""
    newest = await find_snapshot_run(session, settings.zone)
    return answer(News(numbers, newest, shown_run, back))
