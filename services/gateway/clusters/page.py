"""The clusters of a run: why this many, where they lie, and what their centres mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Request, Response, get

from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.frame import SCORES, Frame, FrameDep
from gateway.kit.guide import SILENT, rank
from gateway.kit.numbers import Numbers
from gateway.kit.recipe import Recipe
from gateway.kit.render import answer
from gateway.kit.rows import LAST_ROW
from gateway.kit.snapshots import find_run, find_snapshot_run
from gateway.models.queries import list_models
from gateway.models.schemas import ModelRow
from rfm_common.documents import Candidate, Metrics
from rfm_common.errors import NotFoundError
from rfm_common.models import ScoringRun
from rfm_common.settings import Settings

VIEWS = {
    "fm": "Orders and money",
    "rf": "Recency and orders",
    "rm": "Recency and money",
    "3d": "3-D",
}
"""Key in the address, and words."""
SPACE = "3d"
"""Needs a bundle of its own, which loads when someone asks for it."""
KS = range(2, 11)
MODELS = 8
"""How many versions the page shows."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster in real units, with how well it holds together."""

    cluster_id: int
    segment_name: str
    customers: int
    share: float
    monetary: float
    recency_days: float
    frequency: float
    mean_money: float
    standardised: dict[str, float]
    """r, f and m: standard deviations from the mean of all."""
    silhouette: float | None
    stability: float | None

    @property
    def is_silent(self) -> bool:
        """Whether it is the cluster of those who did not order."""
        return self.frequency < SILENT


@dataclass(frozen=True, slots=True)
class ClustersPage:
    """The clusters of one run."""

    template: ClassVar[str] = "clusters.html"
    frame: Frame
    numbers: Numbers
    run: ScoringRun
    recipe: Recipe
    clusters: list[Cluster]
    sweep: list[Candidate]
    was_asked: bool
    verdict: str
    silhouette: float | None
    view: str
    views: dict[str, str]
    bundle: str
    segments: list[str]
    moved: Mapping[str, Any]
    is_pinned: bool
    is_preview: bool
    ks: range
    default_k: int | str
    models: list[ModelRow]


def build_clusters(metrics: Metrics) -> list[Cluster]:
    """The clusters as the run measured them, in order of id."""
    return [
        Cluster(
            cluster_id=item["cluster_id"],
            segment_name=item["segment_name"],
            customers=item["customers"],
            share=item["share"],
            monetary=float(item["monetary"]),
            recency_days=item["centroid"]["recency_days"],
            frequency=item["centroid"]["frequency"],
            mean_money=item["centroid"]["monetary"],
            standardised=item.get("standardised", {}),
            silhouette=item.get("silhouette"),
            stability=item.get("stability"),
        )
        for item in sorted(metrics.get("clusters", []), key=lambda item: int(item["cluster_id"]))
    ]


async def _chosen_run(
    session: SessionDep, settings: Settings, asked: str | None
) -> ScoringRun | None:
    if not asked:
        return await find_snapshot_run(session, settings.zone)
    number = int(asked) if asked.isascii() and asked.isdigit() else 0
    return await find_run(session, number) if number <= LAST_ROW else None


@get("/clusters")
async def clusters(
    request: Request[Any, Any, Any], frame: FrameDep, session: SessionDep, settings: SettingsDep
) -> Response[str]:
    """The clusters of `run`, or of the newest snapshot; `view` chooses the scatter."""
    asked = request.query_params.get("run")
    run = await _chosen_run(session, settings, asked)
    if run is None or run.calc_date is None:
        raise NotFoundError(f"There is no run {asked}." if asked else "Nothing is scored yet.")
    view = request.query_params.get("view") or "fm"
    found = build_clusters(run.metrics)
    page = ClustersPage(
        frame=frame.of("Clusters", "clusters", () if asked else SCORES),
        numbers=frame.numbers.of(run.base_currency),
        run=run,
        recipe=Recipe.of_run(run),
        clusters=found,
        sweep=run.sweep,
        was_asked=run.parameters.get("k") != "auto",
        verdict=run.metrics.get("verdict") or "",
        silhouette=run.metrics.get("silhouette"),
        view=view if view in VIEWS else "fm",
        views=VIEWS,
        bundle="plotly-gl3d" if view == SPACE else "plotly",
        segments=sorted({item.segment_name for item in found}, key=rank),
        moved=run.metrics.get("moved") or {},
        is_pinned=asked is not None,
        is_preview=bool(run.parameters.get("preview")),
        ks=KS,
        default_k=settings.default_k,
        models=await list_models(session, settings, MODELS),
    )
    return answer(page)
