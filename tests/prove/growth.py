"""Does a figure that was measured again and again go on growing? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

SHARE = 0.05
"""What the last third may be above the middle one, of that; memory is never quite still."""
NEEDED = 12
"""Measurements below which nothing can be said."""


@dataclass(frozen=True)
class Growth:
    """A figure in the middle and in the last third of its measurements; the first warms up."""

    name: str
    middle: float
    last: float
    peak: float
    allowed: float
    """Above this in the last third it has grown."""
    measured: int

    @property
    def is_flat(self) -> bool:
        return self.measured >= NEEDED and self.last <= self.allowed

    def __str__(self) -> str:
        verdict = "flat" if self.is_flat else "GROWS" if self.measured >= NEEDED else "TOO FEW"
        return (
            f"{self.name}: {self.middle:,.0f} then {self.last:,.0f}, at most {self.peak:,.0f}"
            f" ({verdict}: up to {self.allowed:,.0f} is no growth; {self.measured} measurements)"
        )


def growth(name: str, series: Sequence[float], slack: float) -> Growth:
    """Compare medians of thirds; `slack`, in the figure's own unit, is allowed besides SHARE.

    A median does not mind what is there for a moment: a run's tables, a garbage not collected.
    """
    third = len(series) // 3
    middle = median(series[third : 2 * third] or [0])
    last = median(series[2 * third :] or [0])
    allowed = middle * (1 + SHARE) + slack
    return Growth(name, middle, last, max(series, default=0), allowed, len(series))


def judge(measured: Sequence[Mapping[str, float]], slack: Mapping[str, float]) -> list[Growth]:
    """Every figure of `slack`; one that is missing in some measurements is judged by the others."""
    return [
        growth(name, [one[name] for one in measured if name in one], allowed)
        for name, allowed in slack.items()
    ]
