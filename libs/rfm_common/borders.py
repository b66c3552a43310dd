"""Borders between segments: who is near one, and who stays although past it. Pure.

The border of two clusters is where both centres are equally far. A customer stays in the segment
of the snapshot before, within the same model, until past a border of it by more than the margin:
so not every order, nor every day, changes the segment of whoever is close to one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import dist

from rfm_common.documents import Centroids, StoredModel

MARGIN = 0.1
"""Standard deviations; in a year's window some ten days of ageing."""
_MODEL = ("transform", "mean", "scale", "lambdas", "centroids", "names")


@dataclass(frozen=True, slots=True)
class Near:
    """The border of another segment that a customer is close to."""

    segment: str
    """The other one."""
    distance: float
    """To the border, in standard deviations; below 0 for a customer who is past it."""


def is_same_model(one: Centroids, other: Centroids) -> bool:
    """Whether both put the same figures into the same segment."""
    alike = all(one.get(name) == other.get(name) for name in _MODEL)
    return alike and one.get("rule", "classic") == other.get("rule", "classic")


def allowances(model: StoredModel) -> list[list[float]]:
    """By own and other cluster, how much the own centre may be farther, in squared distance.

    That is twice the margin times the distance of the centres; nothing within a segment.
    """
    margin = 2 * model.get("margin", 0.0)
    clusters = list(zip(model["names"], model["centroids"], strict=True))
    return [
        [0.0 if name == other else margin * dist(centre, there) for other, there in clusters]
        for name, centre in clusters
    ]


def stays_in(model: StoredModel, squares: Sequence[float], segment: str) -> bool:
    """Whether a customer of this segment stays in it.

    `squares` are the squared distances to the centres.
    """
    if not model.get("margin"):
        return False
    clusters = zip(model["names"], squares, allowances(model), strict=True)
    return any(
        all(own - other <= most for other, most in zip(squares, allowed, strict=True))
        for name, own, allowed in clusters
        if name == segment
    )


def find_near(model: StoredModel, squares: Sequence[float], segment: str) -> Near | None:
    """The nearest border of a customer of this segment, if it is no farther than the margin."""
    numbers = range(len(squares))
    inside = [number for number in numbers if model["names"][number] == segment]
    if not inside or not (margin := model.get("margin", 0.0)):
        return None
    own = min(inside, key=squares.__getitem__)
    borders = [
        Near(model["names"][other], _depth(model["centroids"], squares, own, other))
        for other in numbers if other not in inside
    ]  # fmt: skip
    nearest = min(borders, key=lambda border: border.distance, default=None)
    return nearest if nearest and nearest.distance <= margin else None


def _depth(
    centroids: Sequence[Sequence[float]], squares: Sequence[float], own: int, other: int
) -> float:
    """How far inside the border of two clusters; all of space if their centres are one."""
    gap = dist(centroids[own], centroids[other])
    return (squares[other] - squares[own]) / (2 * gap) if gap else float("inf")
