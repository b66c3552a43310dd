"""Scoring runs: asking for one, the history, one in full."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.kit.dependencies import RedisDep, SessionDep, SessionsDep, SettingsDep
from gateway.kit.frame import RUNS, Frame, FrameDep
from gateway.kit.numbers import Numbers
from gateway.kit.pager import Pager, asked_page, build_pager
from gateway.kit.recipe import Recipe
from gateway.kit.render import answer
from gateway.kit.rows import LAST_ROW
from gateway.runs import queries
from gateway.runs.requests import request_run, ring
from gateway.runs.schemas import RunDetail, RunRow
from rfm_common.errors import NotFoundError
from rfm_common.runs import RunRequest

PAGE_SIZE = 50
PATH = "/dashboard/runs"
STEPS = ("load", "features", "scores", "clusters", "assign", "publish")
TRIGGERS = {
    "import": "a dropped file",
    "api": "this page or the API",
    "cli": "the command line",
    "sweeper": "data that was not scored yet",
    "backfill": "filling in past dates",
}
"""Who asked for a run, in words."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run; `mark` is done, doing or waiting."""

    name: str
    mark: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The form, what runs now, and the history."""

    template: ClassVar[str] = "runs.html"
    frame: Frame
    numbers: Numbers
    open_runs: list[tuple[RunDetail, list[Step]]]
    runs: list[RunRow]
    triggers: dict[str, str]
    pager: Pager
    window_days: int
    default_k: int | str
    now: datetime
    today: date


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run."""

    template: ClassVar[str] = "run.html"
    frame: Frame
    numbers: Numbers
    run: RunDetail
    recipe: Recipe
    is_open: bool
    steps: list[Step]
    triggers: dict[str, str]
    parameters: list[tuple[str, str]]
    edges: list[tuple[str, list[str]]]
    metrics: list[tuple[str, str]]
    day: str


@get("/runs")
async def runs(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep, settings: SettingsDep
) -> Response[str]:
    """What runs now and what ran before."""
    page = asked_page(request, PAGE_SIZE)
    found = await queries.run_page(session, page)
    view = RunsPage(
        frame=frame.of("Runs", "runs", RUNS),
        numbers=frame.numbers,
        open_runs=[(run, build_steps(run)) for run in await queries.open_runs(session)],
        runs=found,
        triggers=TRIGGERS,
        pager=build_pager(PATH, page, len(found), await queries.count_runs(session)),
        window_days=settings.window_days,
        default_k=settings.default_k,
        now=(now := datetime.now(UTC)),
        today=now.astimezone(settings.zone).date(),
    )
    return answer(view)


@post("/runs")
async def rescore(sessions: SessionsDep, redis: RedisDep, settings: SettingsDep) -> Redirect:
    """The button: score with the settings, and lead to the run."""
    run = await request_run(sessions, settings, RunRequest(), None)
    await ring(sessions, redis)
    return Redirect(f"{PATH}/{run.run_id}", status_code=303)


@get("/runs/{run_id:int}")
async def one_run(frame: FrameDep, session: SessionDep, run_id: FromPath[int]) -> Response[str]:
    """Parameters, steps, quality and warnings of one run."""
    run = await queries.find_run(session, run_id) if run_id <= LAST_ROW else None
    if run is None:
        raise NotFoundError(f"There is no run {run_id}.")
    numbers = frame.numbers.of(run.base_currency)
    view = RunPage(
        frame=frame.of(f"Run {run_id}", "runs", RUNS),
        numbers=numbers,
        run=run,
        recipe=Recipe(run.rule, run.window_days, run.k, run.transform),
        is_open=run.status in ("queued", "running"),
        steps=build_steps(run),
        triggers=TRIGGERS,
        parameters=build_parameters(run),
        edges=build_edges(run.edges, numbers),
        metrics=build_metrics(run.metrics, numbers),
        day=run.calc_date.astimezone(numbers.zone).date().isoformat() if run.calc_date else "",
    )
    return answer(view)


def build_steps(run: RunDetail) -> list[Step]:
    """The steps of a run with how far it is; all are done once it has finished."""
    current = str(run.progress.get("step", ""))
    reached = STEPS.index(current) if current in STEPS else -1
    finished = run.status == "finished"

    def mark(position: int) -> str:
        if finished or position < reached:
            return "done"
        return "doing" if position == reached and run.status == "running" else "waiting"

    return [Step(name, mark(at), run.timings.get(name)) for at, name in enumerate(STEPS)]


def build_parameters(run: RunDetail) -> list[tuple[str, str]]:
    """What was asked for."""
    return [
        (name.replace("_", " ").capitalize(), "end of the day" if value is None else str(value))
        for name, value in run.parameters.items()
    ] + [("Engine", run.engine), ("Data version", str(run.data_version or "–"))]


def build_edges(edges: dict[str, Any], numbers: Numbers) -> list[tuple[str, list[str]]]:
    """The limits between the fifths, per figure."""
    return [
        ("Recency, days", [numbers.decimal(edge, 0) for edge in edges.get("recency_days", [])]),
        ("Orders", [numbers.decimal(edge) for edge in edges.get("frequency", [])]),
        ("Revenue", [numbers.money(float(edge)) for edge in edges.get("monetary", [])]),
    ]


def build_metrics(metrics: dict[str, Any], numbers: Numbers) -> list[tuple[str, str]]:
    """How good the clusters are."""
    labels = {
        "silhouette": "Silhouette (-1 to 1, higher is better)",
        "calinski_harabasz": "Calinski-Harabasz (higher is better)",
        "davies_bouldin": "Davies-Bouldin (lower is better)",
        "inertia": "Inertia",
    }
    return [
        (label, numbers.decimal(metrics[name], 3))
        for name, label in labels.items()
        if metrics.get(name) is not None
    ]
