"""How far a run is, in named steps; told to others by whoever keeps the lease."""

from collections.abc import Callable
from math import inf
from time import monotonic

from rfm_common.documents import Step, Timings

STEPS = {"load": 0, "features": 2, "scores": 45, "clusters": 50, "assign": 65, "publish": 75}
"""The steps in order, and the percentage of a usual run at which each begins."""


class Progress:
    """The present step of a run and the seconds that each step took."""

    def __init__(self) -> None:
        self.step = ""
        self.timings: Timings = {}
        self._started = self._entered = monotonic()

    def enter(self, step: str) -> None:
        """The step before is done."""
        self.stop()
        self.step = step

    def stop(self) -> None:
        """No step is under way any more."""
        now = monotonic()
        if self.step:
            taken = self.timings.get(self.step, 0) + now - self._entered
            self.timings[self.step] = round(taken, 3)
        self._entered = now

    def data(self) -> Step:
        """The `progress` column, and the fields of a RunProgress event."""
        if not self.step:
            return {}
        percent = STEPS[self.step]
        elapsed = monotonic() - self._started
        left = elapsed * (100 - percent) / percent if percent else None
        return {
            "step": self.step, "step_number": list(STEPS).index(self.step) + 1,
            "steps": len(STEPS), "percent": percent,
            "seconds_left": None if left is None else round(left, 1),
        }  # fmt: skip


TOLD_APART = 0.25
"""Seconds between two messages at least: a page shows no more, and the stream is kept short."""
SILENT_AT_MOST = 2.0
"""Seconds; the lease of a run lasts four of them."""


class Pace:
    """When to tell how far a run is: soon after a step begins, and as a sign of life."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._step = ""
        self._told = -inf

    def is_due(self, step: str) -> bool:
        """Whether to tell now that the run is in this step."""
        silent = self._clock() - self._told
        return silent >= SILENT_AT_MOST or (step != self._step and silent >= TOLD_APART)

    def told(self, step: str) -> None:
        """The step was told."""
        self._step, self._told = step, self._clock()
