"""Definitions, limits and keys; and the report: one snapshot on paper."""

from dataclasses import dataclass
from typing import ClassVar

from litestar import Response, get

from gateway.kit.days import DayDep
from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import Frame, FrameDep
from gateway.kit.guide import GUIDES, Guide
from gateway.kit.numbers import Numbers
from gateway.kit.render import answer
from gateway.kit.snapshots import find_run, find_snapshot_run
from gateway.overview.page import Snapshot, load_snapshot
from rfm_common.errors import NotFoundError
from rfm_common.settings import Settings

KEYS = (
    ("/", "search customers"),
    ("?", "this page"),
    ("g o", "overview"),
    ("g s", "segments"),
    ("g c", "customers"),
    ("g h", "cohorts"),
    ("g k", "clusters"),
    ("g m", "migrations"),
    ("g i", "imports"),
    ("g r", "runs"),
    ("j k", "next and previous row; Enter opens it"),
    ("x", "choose the day to compare with"),
    ("t", "change the theme"),
    ("Esc", "clear the filters"),
)


@dataclass(frozen=True, slots=True)
class HelpPage:
    """What the words mean."""

    template: ClassVar[str] = "help.html"
    frame: Frame
    settings: Settings
    guides: tuple[Guide, ...]
    keys: tuple[tuple[str, str], ...]
    statuses: list[str]


@dataclass(frozen=True, slots=True)
class ReportPage:
    """One snapshot for printing."""

    template: ClassVar[str] = "report.html"
    frame: Frame
    numbers: Numbers
    snapshot: Snapshot


@get("/help")
async def help_page(frame: FrameDep, settings: SettingsDep) -> Response[str]:
    """Definitions with the settings of this installation."""
    view = HelpPage(
        frame=frame.of("Help", "help"),
        settings=settings,
        guides=GUIDES,
        keys=KEYS,
        statuses=sorted(settings.counted_statuses),
    )
    return answer(view)


@get("/report")
async def report(
    frame: FrameDep, session: SessionDep, settings: SettingsDep, day: DayDep
) -> Response[str]:
    """A snapshot on one or two A4 pages, to be printed from the browser."""
    run = await find_snapshot_run(session, settings.zone, day)
    if run is None:
        raise NotFoundError(f"There are no scores of {day}." if day else "Nothing is scored yet.")
    numbers = frame.numbers.of(run.base_currency)
    compared = await find_run(session, run.previous_run_id)
    view = ReportPage(
        frame=frame.of("Report", "report"),
        numbers=numbers,
        snapshot=await load_snapshot(session, numbers, run, compared),
    )
    return answer(view)
