"""K-means: seeded, independent of the order of rows, steady from one run to the next."""

from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from platform import python_version
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from threadpoolctl import ThreadpoolController

from rfm_common.settings import Transform
from scoring.model.model import Model, Start, nearest
from scoring.model.segments import name_segments
from scoring.model.space import Points, Space
from scoring.model.stopping import check

FEWEST_STARTS, MOST_STARTS = 10, 30
START_ROWS = 100_000
"""A small shop gets more starts: there they cost little, and a poor one is likelier."""
START_SAMPLE = 20_000
"""Customers on whom the starts compete; the winner is then refined on everyone."""
CLEARLY_BETTER = 0.98
"""A cold start replaces the previous model only below this share of its inertia."""
STEPS, SLICE = 300, 25
"""Lloyd's steps at most; and on everyone between two looks at whether the fit is wanted still."""
SEEDS = 2**32
SHARES = np.linspace(1, 0, 21).tolist()
"""Of the way to a warm start's centroids; the first is taken at which no name changes."""
VERSIONS = {"python": python_version()} | {
    name: version(name) for name in ("numpy", "scikit-learn", "scipy", "polars")
}


class Patience(NamedTuple):
    """When Lloyd's steps end: after so many, or when centroids move so little (squared, in all)."""

    steps: int
    tolerance: float


THOROUGH = Patience(STEPS, 1e-4)
WARM_START_TOL = 3e-3
"""Where a warm start rests: the last fractions of a per cent of inertia are not worth customers
who change cluster without a reason of theirs."""


class Solution(NamedTuple):
    """Centroids, the sum of squared distances that they leave, and whether they rest there."""

    centroids: Points
    inertia: float
    converged: bool


def fit(
    features: Points, k: int, seed: int, transform: Transform, start: Start | None = None
) -> Model:
    """Fit `k` clusters (fewer when there are fewer distinct points) to customers.

    `features` are R, F, M in real units, in an order that does not depend on the database.
    `start` gives the clusters' first places, and their identity, when k and transform are the
    same. Equal arguments give an equal model: a run's row keeps all but the features.
    """
    space = Space.of(features, transform)
    points = space.points(features)
    k = count_distinct(points, k)
    cold = cold_start(points, k, seed)
    warm = _warm_start(points, space, k, start)
    made = Model(
        space=space, centroids=by_worth(cold.centroids), seed=seed, fitted_on=len(points),
        versions=VERSIONS,
    )  # fmt: skip
    if warm is not None and start is not None:
        is_better = cold.inertia < CLEARLY_BETTER * warm.inertia
        centroids = (
            matched(cold.centroids, warm.centroids) if is_better
            else keep_names(points, space, start, warm)
        )  # fmt: skip
        made = replace(made, start=start, centroids=centroids, model_changed=is_better)
    return replace(made, names=_names(made.centroids))


def _warm_start(points: Points, space: Space, k: int, start: Start | None) -> Solution | None:
    if start is None or start.k != k or start.space.transform != space.transform:
        return None
    return refine(points, start.space.carry(start.centroids, space), WARM_START_TOL)


def keep_names(points: Points, space: Space, start: Start, warm: Solution) -> Points:
    """The warm start's centroids; those with another name than before as near to it as may be.

    A centroid on the border between two names would take all its customers along, again and
    again. A clearly better answer is worth that, nothing else. Such a centroid stays somewhere
    on its way: from where it was in real units or, if that has lost the name, in standard ones.
    """
    names = list(start.names)
    if _names(warm.centroids) == names:
        return warm.centroids
    renamed = np.array([a != b for a, b in zip(_names(warm.centroids), names, strict=True)])
    for begin in (start.space.carry(start.centroids, space), start.centroids):
        for share in SHARES:
            way = begin + share * (warm.centroids - begin)
            places = np.where(renamed[:, None], way, warm.centroids)
            if _names(places) == names and (
                warm.inertia >= CLEARLY_BETTER * nearest(points, places).inertia
            ):
                return places
    return warm.centroids


def _names(centroids: Points) -> list[str]:
    return name_segments(centroids.tolist())


def cold_start(points: Points, k: int, seed: int) -> Solution:
    """The best of several starts on a sample, refined on all points."""
    sample = subsample(points, START_SAMPLE)
    starts = min(max(START_ROWS // len(sample), FEWEST_STARTS), MOST_STARTS)
    seeds = np.random.default_rng(seed).integers(SEEDS, size=starts)
    tried = [_kmeans(sample, k, "k-means++", int(one), THOROUGH) for one in seeds]
    best = min(tried, key=lambda one: one.inertia)
    return best if len(sample) == len(points) else refine(points, best.centroids)


def refine(points: Points, centroids: Points, tolerance: float = THOROUGH.tolerance) -> Solution:
    """Lloyd's steps from given centroids until they rest."""
    patience = Patience(SLICE, tolerance)
    for _ in range(STEPS // SLICE):
        solution = _kmeans(points, len(centroids), centroids, 0, patience)
        if solution.converged:
            break
        centroids = solution.centroids
    return solution


def _kmeans(points: Points, k: int, init: str | Points, seed: int, patience: Patience) -> Solution:
    check()
    with one_thread():
        fitted = KMeans(
            k, init=init, n_init=1, random_state=seed, max_iter=patience.steps,
            tol=patience.tolerance, algorithm="lloyd",
        ).fit(points)  # fmt: skip
    converged = fitted.n_iter_ < patience.steps
    return Solution(np.asarray(fitted.cluster_centers_), float(fitted.inertia_), converged)


def one_thread() -> AbstractContextManager[object]:
    """Several threads add up in an order, and so to a last bit, of their own."""
    limit: AbstractContextManager[object] = _libraries().limit(limits=1)
    return limit


@cache
def _libraries() -> ThreadpoolController:
    """The libraries that start threads; finding them takes longer than a small fit."""
    return ThreadpoolController()


def subsample(points: Points, limit: int) -> Points:
    """Evenly spaced rows, at most `limit`: the same ones every time."""
    return points[subsample_rows(len(points), limit)]


def subsample_rows(count: int, limit: int) -> slice | np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Which of `count` rows an even sample of at most `limit` takes."""
    if count <= limit:
        return slice(None)
    return np.arange(limit, dtype=np.int64) * count // limit


def count_distinct(points: Points, enough: int) -> int:
    """The number of different points, but never more than `enough`."""
    first = len(np.unique(points[: 1000 * enough], axis=0))
    return enough if first >= enough else min(enough, len(np.unique(points, axis=0)))


def by_worth(centroids: Points) -> Points:
    """Number the clusters of a first model from the most valuable to the least."""
    worth = centroids[:, 1] + centroids[:, 2] - centroids[:, 0]
    return centroids[np.lexsort((*centroids.T[::-1], -worth))]


def matched(centroids: Points, previous: Points) -> Points:
    """Number the clusters like the previous ones that they lie nearest to, as a whole."""
    distances = np.linalg.norm(centroids[:, None] - previous[None], axis=2)
    rows, numbers = linear_sum_assignment(distances)
    ordered = np.empty_like(centroids)
    ordered[numbers] = centroids[rows]
    return ordered
