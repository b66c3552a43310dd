"""`RFM_SEGMENTS=classic`: everybody is clustered, and a centroid's place gives its name. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

HIGH, LOW = 0.5, -0.5


class Centroid(NamedTuple):
    """A cluster's centre in standard deviations from the average customer."""

    r: float
    f: float
    m: float


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


def classic_names(points: Iterable[Sequence[float]]) -> list[str]:
    """The first rule that fits each centroid; clusters of equal names form one segment."""
    return [_first_fit(Centroid(*point)) for point in points]


def _first_fit(centroid: Centroid) -> str:
    return next((rule.name for rule in RULES if rule.fits(centroid)), OTHERWISE)
