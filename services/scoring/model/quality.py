"""How good a segmentation is: separation, evenness, and whether it comes out again."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples

from rfm_common.words import some
from scoring.model.fit import FEW_PER_CLUSTER, subsample_rows
from scoring.model.model import Assignment, Labels, nearest
from scoring.model.space import Points
from scoring.model.stopping import check
from scoring.threads import one_thread

SILHOUETTE_SAMPLE = 2_000
STABILITY_SAMPLE = 1_000
RESAMPLES = 10
TRUSTED, STABLE = 0.6, 0.75
"""Mean Jaccard similarity under resampling: below the first a cluster is not to be trusted."""
LARGEST, SMALLEST = 0.60, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The figures of one segmentation; those that need two clusters may be None."""

    inertia: float
    silhouette: float | None
    calinski_harabasz: float | None
    davies_bouldin: float | None
    shares: tuple[float, ...]
    silhouettes: tuple[float | None, ...]
    stabilities: tuple[float | None, ...]


def measure(points: Points, centroids: Points, assignment: Assignment, seed: int) -> Quality:
    """Measure a segmentation of `points`; silhouette and stability on even samples."""
    sizes = np.bincount(assignment.labels, minlength=len(centroids))
    overall, each = silhouettes(points, assignment.labels, len(centroids))
    return Quality(
        inertia=assignment.inertia,
        silhouette=overall,
        calinski_harabasz=_calinski_harabasz(points, assignment.inertia, len(centroids)),
        davies_bouldin=_davies_bouldin(assignment, centroids, sizes),
        shares=tuple(float(size) / max(len(points), 1) for size in sizes),
        silhouettes=each,
        stabilities=stability(points, centroids, seed),
    )


def silhouettes(
    points: Points, labels: Labels, k: int
) -> tuple[float | None, tuple[float | None, ...]]:
    """The mean silhouette of an even sample, and per cluster."""
    rows = subsample_rows(len(points), SILHOUETTE_SAMPLE)
    sample, marks = points[rows], labels[rows]
    if not 1 < len(np.unique(marks)) < len(sample):
        return None, (None,) * k
    values = silhouette_samples(sample, marks)
    each = (values[marks == number] for number in range(k))
    return float(values.mean()), tuple(float(one.mean()) if len(one) else None for one in each)


def _calinski_harabasz(points: Points, inertia: float, k: int) -> float | None:
    count = len(points)
    if k < 2 or count <= k or inertia <= 0:
        return None
    total = float(np.square(points - points.mean(axis=0)).sum())
    return (total - inertia) / (k - 1) / (inertia / (count - k))


def _davies_bouldin(
    assignment: Assignment, centroids: Points, sizes: NDArray[np.int64]
) -> float | None:
    k = len(centroids)
    if k < 2 or not sizes.all():
        return None
    spread = np.bincount(assignment.labels, assignment.distance, k) / sizes
    worst = np.zeros(k)
    for a, b in combinations(range(k), 2):
        apart = float(np.linalg.norm(centroids[a] - centroids[b]))
        ratio = (spread[a] + spread[b]) / apart if apart else np.inf
        worst[a], worst[b] = max(worst[a], ratio), max(worst[b], ratio)
    return float(worst.mean()) if np.isfinite(worst).all() else None


def stability(points: Points, centroids: Points, seed: int) -> tuple[float | None, ...]:
    """How much of each cluster comes out again (mean Jaccard) when customers are redrawn.

    An even sample is redrawn with replacement and clustered afresh; each cluster is compared
    with the one that is most like it.
    """
    k = len(centroids)
    sample = points[subsample_rows(len(points), STABILITY_SAMPLE)]
    if k < 2 or len(sample) < 2 * k:
        return (None,) * k
    rng = np.random.default_rng(seed)
    labels = nearest(sample, centroids).labels
    rounds = [_resample(sample, labels, k, rng) for _ in range(RESAMPLES)]
    found = np.array([one for one in rounds if one is not None])
    if not len(found):
        return (None,) * k
    counts = (~np.isnan(found)).sum(axis=0)
    sums = np.nansum(found, axis=0)
    return tuple(
        float(total / count) if count else None for total, count in zip(sums, counts, strict=True)
    )


def _resample(
    sample: Points, labels: Labels, k: int, rng: np.random.Generator
) -> NDArray[np.float64] | None:
    check()
    rows = rng.integers(0, len(sample), len(sample))
    drawn = sample[rows]
    if len(np.unique(drawn, axis=0)) < k:
        return None
    with one_thread():
        again = KMeans(k, n_init=3, random_state=int(rng.integers(2**31))).fit_predict(drawn)
    return jaccard(labels[rows], again, k)


def jaccard(labels: Labels, others: NDArray[np.integer], k: int) -> NDArray[np.float64]:
    """The similarity of each cluster to its best counterpart; NaN for one that was not drawn."""
    shared = np.zeros((k, k))
    np.add.at(shared, (labels, others), 1)
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None] - shared
    best = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0).max(axis=1)
    return np.where(shared.sum(axis=1) > 0, best, np.nan)


class Fault(IntEnum):
    """Why a segmentation is not to be offered, the worse the higher."""

    NONE = 0
    UNSTABLE = 1
    UNTRUE = 2
    TINY = 3
    GIANT = 4


def fault(shares: Sequence[float], stabilities: Sequence[float | None]) -> Fault:
    """The worst fault of a segmentation."""
    if max(shares, default=0) > LARGEST:
        return Fault.GIANT
    if min(shares, default=1) < SMALLEST:
        return Fault.TINY
    return Fault.UNSTABLE if _weakest(stabilities) < TRUSTED else Fault.NONE


def refusal(shares: Sequence[float], stabilities: Sequence[float | None]) -> str | None:
    """The worst fault in words, None when there is none."""
    match fault(shares, stabilities):
        case Fault.GIANT:
            return f"one cluster holds {max(shares):.0%} of the buyers"
        case Fault.TINY:
            return f"one cluster holds only {min(shares):.1%} of the buyers"
        case Fault.UNSTABLE:
            weakest = _weakest(stabilities)
            return (
                f"one group is unstable ({weakest:.2f}): it changes with a slightly different"
                " sample of customers"
            )
        case _:
            return None


def _weakest(stabilities: Sequence[float | None]) -> float:
    return min((value for value in stabilities if value is not None), default=1.0)


def verdict(
    quality: Quality, customers: int, asked: int | None = None, untrue: Sequence[str] | None = ()
) -> str:
    """The quality in words, for people.

    `asked` is the k that was wanted, None for auto; `untrue` says which names do not hold; None
    for names that are not checked.
    """
    k = len(quality.shares)
    if not k:
        return "Nobody ordered in the window, so there is nothing to cluster."
    if customers < FEW_PER_CLUSTER * k:
        return f"Too few customers ({customers:,}) for {some(k, 'cluster')} to mean much."
    if asked and k < asked:
        found = some(k, "different set")
        return f"Read with care: customers have only {found} of figures, not {asked}."
    if k < 2:
        return "All buyers are in one cluster."
    if problem := next(iter(untrue or ()), None) or refusal(quality.shares, quality.stabilities):
        return f"Read with care: {problem}."
    stable = all(value is None or value >= STABLE for value in quality.stabilities)
    names = "" if untrue is None else ", and every name holds"
    return f"Good: balanced, stable groups{names}." if stable else (
        "Usable: balanced groups; customers near a border may change sides."
    )  # fmt: skip
