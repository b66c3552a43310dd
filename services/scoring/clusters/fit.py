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
from scoring.clusters.model import Model, Start
from scoring.clusters.space import Points, Space
from scoring.clusters.stopping import check

STARTS = 10
START_SAMPLE = 20_000
"""Customers on whom the starts compete; the winner is then refined on everyone."""
CLEARLY_BETTER = 0.98
"""A cold start replaces the previous model only below this share of its inertia."""
STEPS, SLICE = 300, 25
"""Lloyd's steps at most; and on everyone between two looks at whether the fit is wanted still."""
SEEDS = 2**32
VERSIONS = {"python": python_version()} | {
    name: version(name) for name in ("numpy", "scikit-learn", "scipy", "polars")
}


class Solution(NamedTuple):
    """Centroids, the sum of squared distances that they leave, and whether they rest there."""

    centroids: Points
    inertia: float
    rests: bool


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
    if warm is None:
        return made
    kept = replace(made, start=start)
    if cold.inertia < CLEARLY_BETTER * warm.inertia:
        return replace(kept, centroids=matched(cold.centroids, warm.centroids), model_changed=True)
    return replace(kept, centroids=warm.centroids)


def _warm_start(points: Points, space: Space, k: int, start: Start | None) -> Solution | None:
    if start is None or start.k != k or start.space.transform != space.transform:
        return None
    return refine(points, start.space.carry(start.centroids, space))


def cold_start(points: Points, k: int, seed: int) -> Solution:
    """The best of several starts on a sample, refined on all points."""
    sample = thin(points, START_SAMPLE)
    seeds = [(seed + number) % SEEDS for number in range(STARTS)]
    tried = [_kmeans(sample, k, one, "k-means++", STEPS) for one in seeds]
    best = min(tried, key=lambda one: one.inertia)
    return best if len(sample) == len(points) else refine(points, best.centroids)


def refine(points: Points, centroids: Points) -> Solution:
    """Lloyd's steps from given centroids until they rest."""
    for _ in range(STEPS // SLICE):
        solution = _kmeans(points, len(centroids), 0, centroids, SLICE)
        if solution.rests:
            break
        centroids = solution.centroids
    return solution


def _kmeans(points: Points, k: int, seed: int, init: str | Points, steps: int) -> Solution:
    check()
    with one_thread():
        fitted = KMeans(
            k, init=init, n_init=1, random_state=seed, max_iter=steps, algorithm="lloyd"
        ).fit(points)
    rests = fitted.n_iter_ < steps
    return Solution(np.asarray(fitted.cluster_centers_), float(fitted.inertia_), rests)


def one_thread() -> AbstractContextManager[object]:
    """Several threads add up in an order, and so to a last bit, of their own."""
    limit: AbstractContextManager[object] = _libraries().limit(limits=1)
    return limit


@cache
def _libraries() -> ThreadpoolController:
    """The libraries that start threads; finding them takes longer than a small fit."""
    return ThreadpoolController()


def thin(points: Points, limit: int) -> Points:
    """Evenly spaced rows, at most `limit`: the same ones every time."""
    return points[thin_rows(len(points), limit)]


def thin_rows(count: int, limit: int) -> slice | np.ndarray[tuple[int], np.dtype[np.int64]]:
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
