"""Small histograms as plain bars, drawn by the template. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BINS = 12
TAIL = 0.98
"""Few values lie very far out; those beyond this share are put into the last bin."""


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
    """Bars over round intervals; a value on the border belongs to the upper bin.

    The last bin takes everything above it too, when that is far out.
    """
    if not values:
        return None
    placed = sorted(values)
    low, high = placed[0], placed[int(len(placed) * TAIL)]
    step = _round_step((high - low) / BINS)
    start = math.floor(low / step) * step
    counts = [0] * (math.floor((high - start) / step) + 1)
    last = len(counts) - 1
    for value in values:
        counts[min(math.floor((value - start) / step), last)] += 1
    is_open = placed[-1] >= start + len(counts) * step
    ends = [write(start + n * step) for n in range(len(counts) + 1)]
    labels = [f"{ends[n]} to {ends[n + 1]}" for n in range(len(counts))]
    if is_open:
        labels[-1] = f"{ends[-2]} and more"
    bars = [
        Bar(label, count, count / max(counts)) for label, count in zip(labels, counts, strict=True)
    ]
    middle = placed[len(placed) // 2]
    end = f"{ends[-2]} and more" if is_open else ends[-1]
    return Histogram(title, bars, ends[0], end, write(middle))


def _round_step(raw: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... that is not below `raw`; never below 1."""
    if raw <= 1:
        return 1
    power: float = 10 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
