"""Small histograms as plain bars, drawn by the template. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BINS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A bin: `height` from 0 to 1, relative to the fullest bin."""

    label: str
    count: int
    height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """A titled row of bars over a number line that begins at `first` and ends at `last`."""

    title: str
    bars: list[Bar]
    first: str
    last: str
    median: str


def histogram(
    title: str, values: Sequence[float], write: Callable[[float], str]
) -> Histogram | None:
    """Bars over round intervals; a value on the border belongs to the upper bin."""
    if not values:
        return None
    low, high = min(values), max(values)
    step = _round_step((high - low) / BINS)
    start = math.floor(low / step) * step
    counts = [0] * (math.floor((high - start) / step) + 1)
    for value in values:
        counts[math.floor((value - start) / step)] += 1
    most = max(counts)
    bars = [
        Bar(f"{write(start + n * step)} to {write(start + (n + 1) * step)}", count, count / most)
        for n, count in enumerate(counts)
    ]
    middle = sorted(values)[len(values) // 2]
    return Histogram(title, bars, write(start), write(start + len(counts) * step), write(middle))


def _round_step(raw: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... that is not below `raw`; never below 1."""
    if raw <= 1:
        return 1
    power: float = 10 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
