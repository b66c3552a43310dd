"""K-means: seeded, independent of the order of rows, steady from one run to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from platform import python_version
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans

from rfm_common.borders import MARGIN
from rfm_common.firsts import LATELY
from rfm_common.settings import Rule, Transform
from scoring.model.classic import classic_names
from scoring.model.model import Labels, Model, Start, nearest
from scoring.model.names import Naming
from scoring.model.space import Points, Space
from scoring.model.stopping import check
from scoring.threads import one_thread

FEWEST_STARTS, MOST_STARTS = 10, 30
START_ROWS = 100_000
"""A small shop gets more starts: there they cost little, and a poor one is likelier."""
START_SAMPLE = 100_000
"""Customers on whom the starts compete; the winner is then refined on everyone."""
CLEARLY_BETTER = 0.98
"""A cold start replaces the previous model only below this share of its inertia."""
STEPS, SLICE = 300, 25
"""Lloyd's steps at most; and on everyone between two looks at whether the fit is wanted still."""
SEEDS = 2**32
VERSIONS = {"python": python_version()} | {
    name: version(name) for name in ("numpy", "scikit-learn", "scipy", "polars")
}


class Patience(NamedTuple):
    """When Lloyd's steps end: after so many, or when centroids move so little (squared, in all)."""

    steps: int
    tolerance: float


THOROUGH = Patience(STEPS, 1e-4)
TRIFLE = 0.05
"""A model is not fitted anew while its names hold but for this share; the verdict says it."""
FEW_PER_CLUSTER = 10
"""Customers a cluster below which a model is left alone: any other would be as doubtful."""


class Solution(NamedTuple):
    """Centroids, the sum of squared distances that they leave, and whether they rest there."""

    centroids: Points
    inertia: float
    converged: bool


class Recipe(NamedTuple):
    """How a model is fitted."""

    seed: int
    transform: Transform
    rule: Rule = "promises"
    eager: bool = False
    """Take a new fit even where it is hardly better: somebody asked for it."""


def fit(features: Points, k: int, recipe: Recipe, start: Start | None = None) -> Model:
    """Fit `k` clusters (fewer when there are fewer distinct points) to customers.

    `features` are R, F, M in real units, in an order that does not depend on the database.
    A `start` of the same k, transform and rule stays as it is, bit by bit, unless a fit that
    begins from it, or from nothing, leaves clearly less inertia or one of its names has become
    untrue. Equal arguments give an equal model: a run's row keeps all but the features.
    """
    seed, transform, rule, eager = recipe
    if not len(features):
        return _empty(recipe)
    space = Space.of(features, transform)
    points = space.points(features)
    k = count_distinct(points, k)
    fresh = Model(
        space=space, centroids=np.empty((0, 3)), rule=rule, seed=seed, fitted_on=len(points),
        versions=VERSIONS, margin=MARGIN if rule == "promises" else 0.0,
        fresh_days=_fresh_days(features) if rule == "promises" else 0,
    )  # fmt: skip
    breach = _breach(start, k, recipe) if start else ""
    if start is None or breach:
        first = _named(fresh, features, by_worth(cold_start(points, k, seed).centroids))
        return replace(first, reason=breach)
    kept = replace(fresh, space=start.space, centroids=start.centroids, names=start.names,
                   fresh_days=start.fresh_days, start=start)  # fmt: skip
    if len(points) < FEW_PER_CLUSTER * k and not eager:
        return _renamed(kept, features)
    return _refitted(replace(fresh, start=start), kept, features, points, eager=eager)


def _fresh_days(features: Points) -> int:
    """So that those told apart as new are as recent as the name says."""
    return min(LATELY, int(np.median(features[:, 0])))


def keep(features: Points, start: Start, seed: int, refused: Mapping[str, float]) -> Model:
    """The model that a person chose, bit by bit; `offer` says why a fit would have replaced it.

    Unless that was refused: `refused` has the gain of refused models by cause.
    """
    other = fit(features, start.k, Recipe(seed, start.space.transform, start.rule), start)
    is_new = other.gain >= refused.get(other.cause, -1.0) + 1 - CLEARLY_BETTER
    return replace(
        other, space=start.space, centroids=start.centroids, names=start.names, rule=start.rule,
        fresh_days=start.fresh_days, frozen=True, start=start, model_changed=False,
        reason="a person chose this model",
        offer=other.reason if other.model_changed and is_new else "",
    )  # fmt: skip


def _breach(start: Start, k: int, recipe: Recipe) -> str:
    """Why a model cannot begin from this one; empty where it can."""
    pairs = (
        ("k", start.k, k),
        ("transform", start.space.transform, recipe.transform),
        ("rule", start.rule, recipe.rule),
    )
    changes = [f"{name} = {now} instead of {old}" for name, old, now in pairs if old != now]
    return f"fitted from scratch: {', '.join(changes)}" if changes else ""


def _empty(recipe: Recipe) -> Model:
    """Nobody to cluster."""
    nowhere = Space(recipe.transform, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return Model(
        space=nowhere, centroids=np.empty((0, 3)), rule=recipe.rule, seed=recipe.seed,
        versions=VERSIONS,
    )  # fmt: skip


def _renamed(kept: Model, features: Points) -> Model:
    """The model as it was; only a name that has become untrue is replaced."""
    reason = "too few customers for another model"
    if not (untrue := broken_names(kept, features, TRIFLE)):
        return replace(kept, reason=reason)
    named = _named(kept, features, kept.centroids)
    return replace(
        named, model_changed=True, reason=f"{reason}, but {untrue[0]}", cause=_subject(untrue[0])
    )


def _refitted(fresh: Model, kept: Model, features: Points, points: Points, *, eager: bool) -> Model:
    """The model that was kept, or a better one that carries on its clusters."""
    carried = kept.space.carry(kept.centroids, fresh.space)
    before = nearest(points, carried).inertia
    warm, cold = refine(points, carried), cold_start(points, kept.k, fresh.seed)
    if cold.inertia < CLEARLY_BETTER * warm.inertia:
        best, how = Solution(matched(cold.centroids, warm.centroids), cold.inertia, True), "afresh"
    else:
        best, how = warm, "from the model before"
    untrue = broken_names(kept, features, TRIFLE)
    if best.inertia >= CLEARLY_BETTER * before and not untrue and not eager:
        return replace(kept, reason="nothing clearly better")
    gain = 1 - best.inertia / before if before else 0.0
    why = untrue[0] if untrue else f"{max(gain, 0):.1%} less inertia"
    return replace(
        _named(fresh, features, best.centroids), model_changed=True, reason=f"fitted {how}: {why}",
        cause=_subject(untrue[0]) if untrue else "less inertia", gain=gain,
    )  # fmt: skip


def _subject(sentence: str) -> str:
    """What is untrue, without the day's figures."""
    return sentence.partition(":")[0]


def _named(model: Model, features: Points, centroids: Points) -> Model:
    placed = replace(model, centroids=centroids)
    if model.rule == "classic":
        return replace(placed, names=classic_names(centroids.tolist()))
    found = naming(placed, features).names()  # tells who is told apart, and then the others
    return replace(placed, names=naming(replace(placed, names=found), features).names())


def naming(model: Model, features: Points, labels: Labels | None = None) -> Naming:
    """What the names of a model depend on, measured on these customers but those told apart.

    `labels` are their clusters where those are known already.
    """
    known = model.assign(features).labels if labels is None else labels
    return Naming.of(features, model.with_firsts(features, known), model.centroids)


def broken_names(
    model: Model, features: Points, slack: float = 0.0, labels: Labels | None = None
) -> list[str]:
    """A sentence for each name that the figures of these customers contradict by some share."""
    if model.rule == "classic" or not len(features):
        return []
    return replace(naming(model, features, labels), slack=slack).broken(model.names)


def untrue_names(model: Model, features: Points, stats: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same of the segments as they are shown, from their rows in `segment_stats`.

    `features` are of all buyers, or of an even sample of them.
    """
    if model.rule == "classic" or not len(features):
        return []
    return Naming.shown(features, stats, model.centroids).broken(model.names)


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
