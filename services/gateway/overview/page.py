"""The overview: figures, grid and segments of one snapshot, and what is going on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import ClassVar

from litestar import Response, get
from litestar.params import FromQuery
from markupsafe import Markup
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.charts.queries import trend_breaks
from gateway.kit.days import Choice, DayDep, choices, day_of
from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.expected import Expected
from gateway.kit.frame import JUDGED, Frame, FrameDep
from gateway.kit.guide import rank
from gateway.kit.numbers import Numbers
from gateway.kit.pager import query
from gateway.kit.recipe import Recipe
from gateway.kit.render import answer, render
from gateway.kit.rows import Page
from gateway.kit.snapshots import find_run, find_snapshot_run, list_snapshot_runs, pending_change
from gateway.migrations.flows import Cell as Move
from gateway.overview.jobs import Jobs
from gateway.overview.kpis import Kpi, Moment, build_kpis, without_mood
from gateway.overview.queries import (
    Activity,
    BestRow,
    activity,
    best_customers,
    top_flows,
)
from gateway.quiet.queries import Slipping, find_slipping, quiet_page
from gateway.quiet.schemas import QuietRow
from gateway.segments.country_figures import (
    country_summary,
    list_countries,
    list_country_segments,
)
from gateway.segments.figures import Segment, SegmentRow, build_rows, list_segments
from gateway.values.queries import find_report
from gateway.values.words import past_error, ranking_in
from rfm_common import documents
from rfm_common.basis import basis_of_run, definition_change
from rfm_common.models import ScoringRun
from rfm_common.settings import Settings

HEAT_STEPS = 9
TOP = 10
"""Customers that the overview names; its links lead to the others."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A square of the grid; `heat` is 0 (empty) to 9."""

    r_score: int
    fm_score: int
    customers: int
    share: float
    heat: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the overview shows of one snapshot."""

    run: ScoringRun
    recipe: Recipe
    compared: ScoringRun | None
    kpis: list[Kpi]
    best: list[BestRow]
    quiet: list[QuietRow]
    by_loss: bool
    """Whether these are ranked by expected loss, not by what they spent."""
    slipping: Slipping | None
    grid: list[list[Cell]]
    rows: list[SegmentRow]
    flows: list[tuple[str, Move]]
    is_followed: bool
    """Whether it is compared with the snapshot before it, so that flows between are stored."""
    definition_change: str | None
    """What to know before comparing; None when both are measured alike."""

    @property
    def widest(self) -> float:
        """The largest share of a segment: the full width of the share bars."""
        shares = [max(row.segment.share, row.segment.monetary_share) for row in self.rows]
        return max(shares, default=0) or 1


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """The overview of a snapshot, or the page of the first run without one."""

    template: ClassVar[str] = "overview.html"
    frame: Frame
    numbers: Numbers
    snapshot: Snapshot | None
    days: list[Choice]
    compare_days: list[Choice]
    countries: list[str]
    country: str | None
    is_pinned: bool
    is_narrowed: bool
    day: date | None
    pin: str
    here: str
    unpinned: str
    api_pin: str
    api_here: str
    migrations: str
    pending: str | None
    """What the next run will do, if the settings are others by now."""
    trend_breaks: list[str]
    """The days at which the settings changed, in words."""
    activity: Activity
    input_dir: str
    jobs: Markup


def build_grid(cells: Sequence[documents.Cell]) -> list[list[Cell]]:
    """Rows of the 5x5 grid, best frequency-monetary score first, recency 1 to 5 across.

    Heat goes with the square root, or the corner of those who left would pale all others.
    """
    counts = {(cell["r_score"], cell["fm_score"]): cell["customers"] for cell in cells}
    total, most = sum(counts.values()) or 1, max(counts.values(), default=1) or 1

    def cell(r_score: int, fm_score: int) -> Cell:
        count = counts.get((r_score, fm_score), 0)
        heat = math.ceil(HEAT_STEPS * math.sqrt(count / most))
        return Cell(r_score, fm_score, count, count / total, heat)

    return [[cell(r, fm) for r in range(1, 6)] for fm in range(5, 0, -1)]


async def load_snapshot(
    session: AsyncSession, numbers: Numbers, run: ScoringRun, compared: ScoringRun | None,
    country: str | None = None,
) -> Snapshot:  # fmt: skip
    """Read one snapshot and what it is compared with: k rows and the run itself."""
    now = await _moment(session, run, country)
    then = await _moment(session, compared, country) if compared else None
    best = min((one for one in now.segments if one.orders), key=segment_rank, default=None)
    is_followed = compared is not None and compared.run_id == run.previous_run_id
    change = definition_change(basis_of_run(compared), basis_of_run(run)) if compared else None
    report = await find_report(session)
    kpis = build_kpis(numbers, run.window_days, replace(now, error=past_error(report)), then)
    by_loss = bool(run.forecast) and ranking_in(report).by == "value"
    return Snapshot(
        run=run,
        recipe=Recipe.of_run(run),
        compared=compared,
        kpis=[without_mood(kpi) for kpi in kpis] if change else kpis,
        best=await best_customers(session, run, best.name, TOP, country) if best else [],
        quiet=await quiet_page(session, run, Page(1, TOP), country, by_loss=by_loss),
        by_loss=by_loss,
        slipping=now.slipping,
        grid=build_grid(now.summary.get("grid", [])),
        rows=build_rows(numbers, now.segments, then.segments if then else None),
        flows=await top_flows(session, run.run_id) if is_followed else [],
        is_followed=is_followed,
        definition_change=change,
    )


async def _moment(session: AsyncSession, run: ScoringRun, country: str | None) -> Moment:
    run_id = run.run_id
    slipping = await find_slipping(session, run_id, country)
    if country is None:
        segments, expected = await list_segments(session, run_id), Expected.of(run.forecast)
        return Moment(run.summary, segments, slipping, expected)
    segments = await list_country_segments(session, run_id, country)
    return Moment(await country_summary(session, run_id, country), segments, slipping)


def segment_rank(segment: Segment) -> int:
    """Where a segment stands from best to worst."""
    return rank(segment.name)


@get("/")
async def overview(
    frame: FrameDep, session: SessionDep, settings: SettingsDep, day: DayDep,
    compare: DayDep, country: FromQuery[str | None] = None,
) -> Response[str]:  # fmt: skip
    """The overview; `date` pins it to a day, `compare` chooses the day to measure change from.

    `country` narrows all figures to the customers of one country.
    """
    country = country or None
    run = await find_snapshot_run(session, settings.zone, day)
    if run and not run.customers_processed and not day:
        run = None  # of a shop without customers: the page of the first run is what helps
    compared = await _compared(session, settings, run, compare) if run else None
    numbers = frame.numbers.of(run.base_currency if run else None)
    snapshots = await list_snapshot_runs(session) if run or day else []
    compared_day = day_of(compared.calc_date, settings.zone) if compared else None
    earlier = [item for item in snapshots if run and run.calc_date and item[1] < run.calc_date]
    now = await activity(session)
    page = OverviewPage(
        frame=frame.of("Overview", "overview", () if day else (*JUDGED, "import-finished")),
        numbers=numbers,
        snapshot=await load_snapshot(session, numbers, run, compared, country) if run else None,
        days=choices(snapshots, settings.zone, numbers, day),
        compare_days=choices(earlier, settings.zone, numbers, compared_day),
        countries=await list_countries(session, run.run_id) if run else [],
        country=country,
        is_pinned=day is not None,
        is_narrowed=bool(compare or day or country),
        day=day,
        pin=query(date=day),
        here=query(country=country, date=day),
        unpinned=query(country=country, compare=compare),
        api_pin=query(calc_date=day),
        api_here=query(country=country, calc_date=day),
        migrations=query(**{"from": compared_day, "to": day_of(run.calc_date, settings.zone)})
        if run
        else "",
        pending=None if day else await pending_change(session, settings),
        trend_breaks=[numbers.day(moment) for moment in await trend_breaks(session, run.run_id)]
        if run
        else [],
        activity=now,
        input_dir=str(settings.input_dir),
        jobs=render(Jobs(numbers, now, datetime.now(UTC))),
    )
    return answer(page, 404 if day and run is None else 200)


async def _compared(
    session: AsyncSession, settings: Settings, run: ScoringRun, compare: date | None
) -> ScoringRun | None:
    if compare:
        return await find_snapshot_run(session, settings.zone, compare)
    return await find_run(session, run.previous_run_id)
