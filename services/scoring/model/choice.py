"""k = auto: the best silhouette among the answers that are worth having."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rfm_common import documents
from rfm_common.settings import Transform
from scoring.model.fit import Recipe, broken_names, cold_start, count_distinct, fit, subsample
from scoring.model.model import Model, Start, nearest
from scoring.model.quality import LARGEST, Fault, fault, refusal, silhouettes, stability
from scoring.model.space import Points, Space

CANDIDATES = range(4, 11)
SWEEP_SAMPLE = 20_000
TAMER: Sequence[Transform] = ("log1p", "yeo-johnson")
"""What takes the place of a transform in which no k gives clusters of fair size."""
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

    @property
    def fault(self) -> Fault:
        """The worst fault."""
        return fault((self.largest_share, self.smallest_share), (self.stability,))

    def data(self) -> documents.Candidate:
        """The entry of the run's `sweep`."""
        return documents.Candidate(
            k=self.k, inertia=self.inertia, silhouette=self.silhouette,
            largest_share=self.largest_share, smallest_share=self.smallest_share,
            stability=self.stability, accepted=self.accepted, refusal=self.refusal,
        )  # fmt: skip


def sweep(features: Points, seed: int, transform: Transform) -> list[Candidate]:
    """Try each k on an even sample of the customers."""
    points = Space.of(features, transform).points(subsample(features, SWEEP_SAMPLE))
    most = count_distinct(points, max(CANDIDATES))
    return [try_k(points, k, seed) for k in CANDIDATES if k <= most]


def try_k(points: Points, k: int, seed: int) -> Candidate:
    """Cluster and judge; whether it is stable is asked only of clusters of fair size."""
    solution = cold_start(points, k, seed)
    labels = nearest(points, solution.centroids).labels
    shares = [float((labels == number).mean()) for number in range(k)]
    is_fair = fault(shares, ()) is Fault.NONE
    stabilities = stability(points, solution.centroids, seed) if is_fair else ()
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
        match item.fault:
            case Fault.NONE:
                loyal = item.k == previous_k and _silhouette(item) >= best - LOYALTY
                return (item.fault, -loyal, -_silhouette(item))
            case Fault.UNSTABLE:
                return (item.fault, -(item.stability or 0))
            case Fault.TINY:
                return (item.fault, -_silhouette(item))
            case _:
                return (item.fault, item.largest_share)

    return [item.k for item in sorted(candidates, key=place)]


def _silhouette(item: Candidate) -> float:
    return -1.0 if item.silhouette is None else item.silhouette


class Choice(NamedTuple):
    """A fitted model, what is wrong with it on all customers, and the sweep that led to it."""

    model: Model
    fault: Fault
    sweep: list[Candidate]


def fit_auto(
    features: Points, recipe: Recipe, start: Start | None = None
) -> tuple[Model, list[Candidate]]:
    """Sweep, then fit the best k that is good on all customers too.

    When no k gives clusters of fair size, the tamer transforms are tried as well. The least bad
    answer comes back when nothing helps: when most customers have the very same figures.
    """
    choice = _choose(features, recipe, start)
    for tamer in () if _are_alike(features) else TAMER:
        if choice.fault <= Fault.UNSTABLE:
            break
        if tamer != recipe.transform:
            tamed = _choose(features, recipe._replace(transform=tamer), start)
            choice = min(choice, tamed, key=lambda one: one.fault)
    return choice.model, choice.sweep


def _are_alike(features: Points) -> bool:
    """Whether so many customers have the same figures that a giant cluster cannot be helped."""
    _, counts = np.unique(subsample(features, SWEEP_SAMPLE), axis=0, return_counts=True)
    return bool(counts.max() > LARGEST * counts.sum())


def _choose(features: Points, recipe: Recipe, start: Start | None) -> Choice:
    """Try the values of k, best first, until one is good on all customers."""
    candidates = sweep(features, recipe.seed, recipe.transform)
    order = ranked(candidates, start.k if start else None) or [_fewest(features)]
    tried: list[Choice] = []
    for k in order:
        model = fit(features, k, recipe, start)
        tried.append(Choice(model, _fault(features, model), candidates))
        if tried[-1].fault is Fault.NONE:
            break
    # Of equal faults the first tried, which is the best ranked.
    return min(tried, key=lambda one: one.fault)


def _fewest(features: Points) -> int:
    """Where there are fewer different customers than the fewest clusters."""
    return count_distinct(features, min(CANDIDATES))


def _fault(features: Points, model: Model) -> Fault:
    points = model.space.points(features)
    labels = nearest(points, model.centroids).labels
    if broken_names(model, features, labels=labels):
        return Fault.UNTRUE
    shares = [float((labels == number).mean()) for number in range(model.k)]
    if fault(shares, ()) is not Fault.NONE:
        return fault(shares, ())
    return fault(shares, stability(points, model.centroids, model.seed))
