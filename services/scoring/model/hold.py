"""Hysteresis: who stays in the segment of the snapshot before, although past its border. Pure."""

import numpy as np
from numpy.typing import NDArray

from scoring.model.model import Assignment, Labels, Model
from scoring.model.space import Points

NOWHERE = -1
"""No cluster, or no segment of the model."""


def hold(model: Model, points: Points, earlier: Labels) -> Labels:
    """The cluster in which each customer stays, NOWHERE for whoever leaves or comes.

    `earlier` is the segment that the customer comes from, numbered as `Model.places` does. Whoever
    is past no border of it by more than the margin stays, in the nearest of its clusters.
    """
    squares = np.square(points[:, None] - model.centroids).sum(axis=2)
    places, allowed = model.places(), model.allowances()
    stays = np.full(len(points), NOWHERE, dtype=np.int16)
    for number in reversed(range(model.k)):  # the first of equals is set last
        inside = (squares[:, [number]] - squares <= allowed[number]).all(axis=1)
        stays[inside & (earlier == places[number])] = number
    return stays


def find_away(model: Model, found: Assignment, earlier: Labels) -> NDArray[np.intp]:
    """The rows of customers whose nearest cluster is not of the segment that they come from."""
    return np.flatnonzero((earlier != NOWHERE) & (earlier != model.places()[found.labels]))


def put_back(
    model: Model, found: Assignment, rows: NDArray[np.intp], points: Points, labels: Labels
) -> Assignment:
    """`found`, but these rows are in the given clusters; `next_distance` may be the smaller."""
    squares = np.square(points[:, None] - model.centroids).sum(axis=2)
    place = np.arange(len(rows)), labels
    moved = Assignment(found.labels.copy(), found.distance.copy(), found.next_distance.copy())
    moved.labels[rows], moved.distance[rows] = labels, np.sqrt(squares[place])
    squares[place] = np.inf
    moved.next_distance[rows] = np.sqrt(squares.min(axis=1))
    return moved
