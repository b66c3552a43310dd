"""The space in which customers are compared: a transform, then standard deviations."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import PowerTransformer

from rfm_common.documents import SpaceConstants
from rfm_common.settings import Transform
from scoring.model.stopping import check

Points = NDArray[np.float64]
"""Rows are customers; columns are recency, frequency, monetary."""


@dataclass(frozen=True, slots=True)
class Space:
    """Constants that turn R, F, M in real units into points, and back."""

    transform: Transform
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    lambdas: tuple[float, ...] | None = None

    @classmethod
    def of(cls, features: Points, transform: Transform) -> Self:
        """Fit the constants to customers; a column that never varies keeps the scale 1."""
        lambdas = _fit_lambdas(features) if transform == "yeo-johnson" else None
        shaped = _shape(features, transform, lambdas)
        mean, scale = shaped.mean(axis=0), shaped.std(axis=0)
        flat = scale <= 1e-12 * np.maximum(1, np.abs(mean))
        return cls(transform, _floats(mean), _floats(np.where(flat, 1, scale)), lambdas)

    @classmethod
    def stored(cls, model: SpaceConstants) -> Self:
        """The space of a run's stored model."""
        powers = model.get("lambdas")
        lambdas = tuple(powers) if powers else None
        return cls(model["transform"], tuple(model["mean"]), tuple(model["scale"]), lambdas)

    def data(self) -> SpaceConstants:
        """What a stored model keeps of it."""
        return {
            "transform": self.transform, "mean": list(self.mean), "scale": list(self.scale),
            "lambdas": list(self.lambdas) if self.lambdas else None,
        }  # fmt: skip

    def points(self, features: Points) -> Points:
        """Real units to standard deviations."""
        shaped = _shape(features, self.transform, self.lambdas)
        return np.asarray((shaped - np.array(self.mean)) / np.array(self.scale))

    def features(self, points: Points) -> Points:
        """Standard deviations back to real units."""
        shaped = points * np.array(self.scale) + np.array(self.mean)
        return _unshape(shaped, self.transform, self.lambdas)

    def carry(self, points: Points, other: "Space") -> Points:
        """Points of this space as points of another one."""
        if (self.transform, self.lambdas) != (other.transform, other.lambdas):
            return other.points(self.features(points))
        shaped = points * np.array(self.scale) + np.array(self.mean)
        return np.asarray((shaped - np.array(other.mean)) / np.array(other.scale))


def _floats(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _shape(features: Points, transform: Transform, lambdas: tuple[float, ...] | None) -> Points:
    if transform == "log1p":
        money = features[:, 1:]
        return np.column_stack([features[:, 0], np.copysign(np.log1p(np.abs(money)), money)])
    if transform == "yeo-johnson" and lambdas:
        return _yeo_johnson(features, np.array(lambdas))
    return features


def _unshape(shaped: Points, transform: Transform, lambdas: tuple[float, ...] | None) -> Points:
    if transform == "log1p":
        money = shaped[:, 1:]
        return np.column_stack([shaped[:, 0], np.copysign(np.expm1(np.abs(money)), money)])
    if transform == "yeo-johnson" and lambdas:
        return _yeo_johnson_inverse(shaped, np.array(lambdas))
    return shaped


def _fit_lambdas(features: Points) -> tuple[float, ...]:
    """Powers by maximum likelihood; 1 (no change) for a column that never varies."""
    return _floats(np.clip([_fit_lambda(column) for column in features.T], -5, 5))


def _fit_lambda(column: NDArray[np.float64]) -> float:
    check()
    if not column.std() > 0:
        return 1.0
    return float(PowerTransformer(standardize=False).fit(column[:, None]).lambdas_[0])


def _yeo_johnson(values: Points, powers: NDArray[np.float64]) -> Points:
    negative = values < 0
    power = np.where(negative, 2 - powers, powers)
    grown = np.log1p(np.abs(values))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        shaped = np.where(power == 0, grown, np.expm1(power * grown) / power)
    return np.where(negative, -shaped, shaped)


def _yeo_johnson_inverse(shaped: Points, powers: NDArray[np.float64]) -> Points:
    negative = shaped < 0
    power = np.where(negative, 2 - powers, powers)
    size = np.abs(shaped)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        base = np.maximum(power * size, -1 + 1e-15)
        values = np.where(power == 0, np.expm1(size), np.expm1(np.log1p(base) / power))
    return np.where(negative, -values, values)
