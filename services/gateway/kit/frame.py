"""What every full page shares: the reader, the navigation, the place in the event stream."""

from dataclasses import dataclass, replace
from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import assets
from gateway.kit.dependencies import RedisDep, SessionDep, SettingsDep
from gateway.kit.numbers import Numbers, choose_locale
from rfm_common.bus import BUS_ERRORS, NOWHERE, end_of_stream
from rfm_common.models import Import

NAVIGATION = (
    ("overview", "/dashboard", "Overview"),
    ("segments", "/dashboard/segments", "Segments"),
    ("customers", "/dashboard/customers", "Customers"),
    ("cohorts", "/dashboard/cohorts", "Cohorts"),
    ("clusters", "/dashboard/clusters", "Clusters"),
    ("migrations", "/dashboard/migrations", "Migrations"),
    ("imports", "/dashboard/imports", "Imports"),
    ("runs", "/dashboard/runs", "Runs"),
    ("settings", "/dashboard/settings", "Settings"),
)
SCORES = ("run-finished", "snapshot-deleted", "data-changed", "resync")
"""The events after which a page of scores is out of date."""
VALUES = (*SCORES, "forecast-finished")
"""The same of a page that also shows what customers are expected to buy."""
JUDGED = (*VALUES, "forecast-judged")
"""The same of a page that depends on how far that can be trusted."""
FILES = (
    "import-started",
    "import-finished",
    "import-rejected",
    "import-held",
    "data-changed",
    "resync",
)
RUNS = ("run-queued", "run-started", "run-finished", "run-failed", "snapshot-deleted", "resync")


@dataclass(frozen=True, slots=True)
class Frame:
    """The context of `layout.html`."""

    title: str
    section: str
    numbers: Numbers
    libraries: dict[str, dict[str, str | None]]
    events_url: str
    has_demo: bool
    url: str
    refresh_on: tuple[str, ...] = ()
    navigation: tuple[tuple[str, str, str], ...] = NAVIGATION

    def of(self, title: str, section: str, refresh_on: tuple[str, ...] = ()) -> "Frame":
        """The frame of one page; `section` is its entry in the navigation.

        Its content is asked for again, and morphed in place, after the events `refresh_on`.
        """
        return replace(self, title=title, section=section, refresh_on=refresh_on)

    @property
    def trigger(self) -> str:
        """The value of `hx-trigger`: the first event at once, a burst twice a second."""
        return ", ".join(f"{name} from:body throttle:500ms" for name in self.refresh_on)


FrameDep = NamedDependency[Frame]
NumbersDep = NamedDependency[Numbers]


def provide_numbers(request: Request[Any, Any, Any], settings: SettingsDep) -> Numbers:
    """The reader's way to write figures, from the Accept-Language header."""
    locale = choose_locale(request.headers.get("accept-language", ""))
    return Numbers(locale, settings.zone, settings.currency)


async def provide_frame(
    request: Request[Any, Any, Any],
    session: SessionDep,
    redis: RedisDep,
    settings: SettingsDep,
    numbers: NumbersDep,
) -> Frame:
    """A frame without a title.

    The place in the stream is read before the page's data, so that no event falls between; a
    page without one will be told to load anew.
    """
    try:
        place = await end_of_stream(redis)
    except BUS_ERRORS:
        place = NOWHERE
    return Frame(
        title="",
        section="",
        numbers=numbers,
        libraries=assets.describe(settings),
        events_url=f"/events?since={place}",
        has_demo=await _has_demo_data(session),
        url=f"{request.url.path}?{request.url.query}".rstrip("?"),
    )


async def _has_demo_data(session: AsyncSession) -> bool:
    """Whether any loaded file is demo data."""
    found = await session.exec(select(Import.import_id).where(Import.is_demo).limit(1))
    return found.first() is not None
