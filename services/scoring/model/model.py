"""A fitted segmentation: all that is needed to assign a customer, now or years later."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rfm_common.borders import allowances
from rfm_common.documents import Centroids, StartModel, StoredModel
from rfm_common.explain import SCORES
from rfm_common.firsts import NEW, SETTLED
from rfm_common.settings import Rule
from scoring.model.names import APART
from scoring.model.space import Points, Space

CHUNK = 16_384
"""Rows assigned at once: what is computed for them stays in the processor's cache."""

Labels = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Assignment:
    """For each customer: its cluster, the distance to it, and to the next nearest one."""

    labels: Labels
    distance: NDArray[np.float64]
    next_distance: NDArray[np.float64]

    @property
    def inertia(self) -> float:
        """Sum of squared distances."""
        return float(np.square(self.distance).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a fit begins when it does not begin from nothing: the places of an earlier model.

    A run keeps it whole, because the run that it came from may be scored again.
    """

    run_id: int
    space: Space
    centroids: Points
    names: Sequence[str]
    rule: Rule = "classic"
    fresh_days: int = 0

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.centroids)

    @classmethod
    def stored(cls, data: Centroids, run_id: int) -> Self:
        """Read a run's `model` column, or the `start` in it."""
        return cls(
            run_id=run_id, space=Space.stored(data), centroids=_read(data["centroids"]),
            names=tuple(data["names"]), rule=data.get("rule", "classic"),
            fresh_days=data.get("fresh_days", 0),
        )  # fmt: skip

    def data(self) -> StartModel:
        """The `start` of a run's `model` column."""
        return {
            "run_id": self.run_id, **self.space.data(), "centroids": self.centroids.tolist(),
            "names": list(self.names), "rule": self.rule, "fresh_days": self.fresh_days,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Where the centroids are, what they are called and how they came about."""

    space: Space
    centroids: Points
    names: Sequence[str] = ()
    """By cluster."""
    rule: Rule = "promises"
    fresh_days: int = 0
    """How recently who bought once must have bought to be told apart from some clusters."""
    seed: int = 0
    model_changed: bool = False
    reason: str = ""
    """Why the model is another one than that it began from, or why it is the same."""
    cause: str = ""
    """What the reason is about: the same words on other days, with other figures."""
    gain: float = 0.0
    """By what share the inertia is less than that of the model it began from."""
    offer: str = ""
    """Why another model would have taken its place, if no person had chosen this one."""
    frozen: bool = False
    """Taken from another run as it was, instead of fitted."""
    fitted_by: int | None = None
    """The earlier run of the day whose fit this is; None where it is the run's own."""
    start: Start | None = None
    fitted_on: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    margin: float = 0.0
    """How far past a border a customer of the snapshot before stays, in standard deviations."""

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.centroids)

    @classmethod
    def stored(cls, data: StoredModel) -> Self:
        """Read a run's `model` column."""
        start = data.get("start")
        return cls(
            space=Space.stored(data), centroids=_read(data["centroids"]),
            names=tuple(data["names"]), rule=data.get("rule", "classic"),
            fresh_days=data.get("fresh_days", 0), seed=data["seed"],
            model_changed=data.get("model_changed", False), reason=data.get("reason", ""),
            cause=data.get("cause", ""), gain=data.get("gain", 0.0),
            start=Start.stored(start, start["run_id"]) if start else None,
            fitted_on=data.get("fitted_on", 0), fitted_by=data.get("fitted_by"),
            versions=data.get("versions", {}), margin=data.get("margin", 0.0),
        )  # fmt: skip

    def data(self) -> StoredModel:
        """What the run's `model` column keeps; floats survive JSON to the last bit."""
        return {
            **self.space.data(), "centroids": self.centroids.tolist(), "names": list(self.names),
            "rule": self.rule, "fresh_days": self.fresh_days, "seed": self.seed,
            "versions": self.versions,
            "model_changed": self.model_changed, "reason": self.reason,
            "cause": self.cause, "gain": self.gain,
            "frozen": self.frozen, "start": self.start.data() if self.start else None,
            "fitted_on": self.fitted_on, "fitted_by": self.fitted_by, "margin": self.margin,
        }  # fmt: skip

    @property
    def apart(self) -> tuple[str, ...]:
        """Segments of customers who are in no cluster, numbered behind the clusters."""
        return APART if self.rule == "promises" else ()

    @property
    def segments(self) -> tuple[str, ...]:
        """The segment of each number that a customer may have: clusters, then those apart."""
        return (*self.names, *self.apart)

    @property
    def settled(self) -> list[int]:
        """Clusters from which those who bought once, and lately, are told apart."""
        return [number for number, name in enumerate(self.names) if name in SETTLED]

    @property
    def firsts(self) -> int:
        """The number of those told apart, behind the clusters."""
        return self.k + APART.index(NEW)

    def with_firsts(self, features: Points, labels: Labels) -> Labels:
        """The clusters of customers (rows of R, F, M in real units), or the number of firsts."""
        new = (features[:, 1] == 1) & (features[:, 0] <= self.fresh_days)
        return np.where(new & np.isin(labels, self.settled), self.firsts, labels).astype(np.int16)

    def places(self) -> Labels:
        """The segment of each cluster, by the number of the first cluster of its name."""
        return np.array([self.names.index(name) for name in self.names], dtype=np.int16)

    def allowances(self) -> Points:
        """By own and other cluster, how much greater the squared distance to the own may be."""
        return np.array(allowances(self.data()), dtype=float).reshape(self.k, self.k)

    def centres(self) -> list[dict[str, float]]:
        """The centroids in real units."""
        units = self.space.features(self.centroids).tolist()
        return [
            dict(zip(SCORES, (round(value, 4) for value in unit), strict=True)) for unit in units
        ]

    def assign(self, features: Points) -> Assignment:
        """Put every customer (rows of R, F, M in real units) into its nearest cluster."""
        return nearest(self.space.points(features), self.centroids)


def _read(centroids: list[list[float]]) -> Points:
    return np.array(centroids, dtype=float).reshape(-1, 3)


def nearest(points: Points, centroids: Points) -> Assignment:
    """The nearest centroid of each point, the first of equals."""
    labels = np.zeros(len(points), dtype=np.int16)
    near, following = np.full((2, len(points)), np.inf)
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        columns = np.ascontiguousarray(points[part].T)
        for number, centroid in enumerate(centroids):
            squares = np.square(columns - centroid[:, None]).sum(axis=0)
            closer = squares < near[part]
            labels[part][closer] = number
            second = np.where(closer, near[part], squares)
            following[part] = np.minimum(following[part], second)
            near[part] = np.minimum(near[part], squares)
    if len(centroids) == 1:
        following = near
    return Assignment(labels, np.sqrt(near), np.sqrt(following))
