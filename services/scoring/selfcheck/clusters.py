"""K-means and the figures of its quality on Fisher's iris data, which scikit-learn carries."""

import numpy as np
from sklearn.datasets import load_iris

from scoring.model import Points, measure, nearest
from scoring.model.fit import cold_start
from scoring.value.published import Checked

SEED = 42
R_KMEANS = "R's kmeans(iris[, 1:4], 3), shown at stats.stackexchange.com/questions/48520"
PYTHON = "scikit-learn on load_iris(), shown at stats.stackexchange.com/questions/552367"
PUBLISHED = {
    2: {
        "silhouette": ("0.681046", PYTHON), "Davies-Bouldin": ("0.404293", PYTHON),
        "Calinski-Harabasz": ("513.924546", PYTHON),
    },
    3: {
        "sums of squares": ("15.15100 39.82097 23.87947", R_KMEANS),
        "silhouette": ("0.552819", PYTHON), "Davies-Bouldin": ("0.661972", PYTHON),
        "Calinski-Harabasz": ("561.627757", PYTHON),
    },
}  # fmt: skip
"""By k: the figures, to as many digits as they are compared in."""


def check_clusters() -> list[Checked]:
    """The same numbers of clusters as published, on the data as they are."""
    points = np.asarray(load_iris().data, dtype=float)
    return [
        Checked(f"iris, {k} clusters: {name}", text, _written(found[name], text), source)
        for k, known in PUBLISHED.items()
        for found in [_figures(points, k)]
        for name, (text, source) in known.items()
    ]


def _figures(points: Points, k: int) -> dict[str, list[float]]:
    centroids = cold_start(points, k, SEED).centroids
    centroids = centroids[np.argsort(centroids[:, 0])]  # as published: the shortest leaves first
    placed = nearest(points, centroids)
    quality = measure(points, centroids, placed, SEED)
    squares = np.bincount(placed.labels, np.square(placed.distance), k)
    return {
        "sums of squares": squares.tolist(), "silhouette": [quality.silhouette or 0.0],
        "Davies-Bouldin": [quality.davies_bouldin or 0.0],
        "Calinski-Harabasz": [quality.calinski_harabasz or 0.0],
    }  # fmt: skip


def _written(values: list[float], like: str) -> str:
    digits = len(like.split(maxsplit=1)[0].partition(".")[2])
    return " ".join(f"{value:.{digits}f}" for value in values)
