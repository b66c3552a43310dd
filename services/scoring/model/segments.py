"""Names of segments, read off the standardised centroids. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

HIGH, LOW = 0.5, -0.5


class Centroid(NamedTuple):
    """A cluster's centre in standard deviations from the average customer."""

    r: float
    f: float
    m: float

    @property
    def worth(self) -> float:
        """How good these customers are: recent, frequent, high-spending."""
        return self.f + self.m - self.r


class Rule(NamedTuple):
    """A name and the centroids that it fits."""

    name: str
    fits: Callable[[Centroid], bool]


RULES = (
    Rule("Champions", lambda c: c.r < LOW and c.f > HIGH and c.m > HIGH),
    Rule("Loyal Customers", lambda c: c.r < LOW and c.f > HIGH),
    Rule("Big Spenders", lambda c: c.r < LOW and c.m > HIGH),
    Rule("Potential Loyalists", lambda c: c.r < 0 and c.f > 0),
    Rule("At Risk", lambda c: c.r > HIGH and c.f < LOW),
    Rule("Lost", lambda c: c.r > HIGH),
    Rule("Hibernating", lambda c: c.f < LOW and c.m < LOW),
)
OTHERWISE = "Need Attention"


def name_segments(points: Iterable[Sequence[float]]) -> list[str]:
    """A name per cluster (standardised r, f, m); equal names mean that they form one segment.

    Clusters first take the first rule that fits. While two share a name and one of them also
    fits a later rule that is free, the least worthy such cluster moves there. The numbering
    of the clusters does not matter.
    """
    centroids = [Centroid(*point) for point in points]
    names = [_first_fit(centroid) for centroid in centroids]
    while move := _next_move(centroids, names):
        number, name = move
        names[number] = name
    return names


def _first_fit(centroid: Centroid) -> str:
    return next((rule.name for rule in RULES if rule.fits(centroid)), OTHERWISE)


def _next_move(centroids: Sequence[Centroid], names: Sequence[str]) -> tuple[int, str] | None:
    crowded = [number for number, name in enumerate(names) if names.count(name) > 1]
    for number in sorted(crowded, key=lambda n: (centroids[n].worth, centroids[n])):
        if name := _later_free(centroids[number], names[number], names):
            return number, name
    return None


def _later_free(centroid: Centroid, name: str, taken: Sequence[str]) -> str | None:
    order = [rule.name for rule in RULES]
    later = RULES[order.index(name) + 1 :] if name in order else ()
    fitting = (rule.name for rule in later if rule.fits(centroid))
    return next((candidate for candidate in fitting if candidate not in taken), None)
