"""k = auto: the best silhouette among the answers that are worth having."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rfm_common.settings import Transform
from scoring.clusters.fit import cold_start, count_distinct, fit, thin
from scoring.clusters.model import Model, nearest
from scoring.clusters.quality import LARGEST, SMALLEST, refusal, silhouettes, stability
from scoring.clusters.space import Points, Space

CANDIDATES = range(2, 11)
SWEEP_SAMPLE = 20_000
LOYALTY = 0.02
"""The previous k stays while its silhouette is within this of the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One k of the sweep, as the run stores it."""

    k: int
    inertia: float
    silhouette: float | None
    largest_share: float
    smallest_share: float
    stability: float | None
    accepted: bool
    refusal: str | None

    def data(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def sweep(features: Points, seed: int, transform: Transform) -> list[Candidate]:
    """Try each k on an even sample of the customers."""
    points = Space.of(features, transform).points(thin(features, SWEEP_SAMPLE))
    most = count_distinct(points, max(CANDIDATES))
    return [try_k(points, k, seed) for k in CANDIDATES if k <= most]


def try_k(points: Points, k: int, seed: int) -> Candidate:
    """Cluster and judge."""
    solution = cold_start(points, k, seed)
    labels = nearest(points, solution.centroids).labels
    shares = [float((labels == number).mean()) for number in range(k)]
    stabilities = stability(points, solution.centroids, seed)
    problem = refusal(shares, stabilities)
    return Candidate(
        k=k, inertia=solution.inertia, silhouette=silhouettes(points, labels, k)[0],
        largest_share=max(shares), smallest_share=min(shares),
        stability=min((value for value in stabilities if value is not None), default=None),
        accepted=problem is None, refusal=problem,
    )  # fmt: skip


def ranked(candidates: Sequence[Candidate], previous_k: int | None = None) -> list[int]:
    """The values of k to try in turn, best first.

    Accepted ones by silhouette, the previous k first while it is nearly as good; then those
    refused for instability alone, the steadiest first; then those without a giant, by
    silhouette; then the rest, the most even first.
    """
    best = max((_silhouette(item) for item in candidates if item.accepted), default=0.0)

    def place(item: Candidate) -> tuple[float, ...]:
        if item.accepted:
            loyal = item.k == previous_k and _silhouette(item) >= best - LOYALTY
            return (0, -loyal, -_silhouette(item))
        if item.largest_share > LARGEST:
            return (3, item.largest_share)
        if item.smallest_share < SMALLEST:
            return (2, -_silhouette(item))
        return (1, -(item.stability or 0))

    return [item.k for item in sorted(candidates, key=place)]


def _silhouette(item: Candidate) -> float:
    return -1.0 if item.silhouette is None else item.silhouette


def fit_auto(
    features: Points, seed: int, transform: Transform, previous: Model | None
) -> tuple[Model, list[Candidate]]:
    """Sweep, then fit the best k whose clusters keep a fair size on all customers too."""
    candidates = sweep(features, seed, transform)
    order = ranked(candidates, previous.k if previous else None) or [1]
    tried: list[tuple[int, Model]] = []
    for k in order:
        model = fit(features, k, seed, transform, previous)
        tried.append((_fault(features, model), model))
        if tried[-1][0] == 0:
            break
    # Of equal faults the first tried, which is the best ranked.
    return min(tried, key=lambda pair: pair[0])[1], candidates


def _fault(features: Points, model: Model) -> int:
    """0 for clusters of fair size, 1 when one is too small, 2 when one is a giant."""
    labels = model.assign(features).labels
    shares = [float((labels == number).mean()) for number in range(model.k)]
    if max(shares) > LARGEST:
        return 2
    return int(min(shares) < SMALLEST)
