"""How far a run is, in named steps; told to others by whoever keeps the lease."""

from time import monotonic
from typing import Any

STEPS = {"load": 0, "features": 2, "scores": 45, "clusters": 50, "assign": 65, "publish": 75}
"""The steps in order, and the percentage of a usual run at which each begins."""


class Progress:
    """The present step of a run and the seconds that each step took."""

    def __init__(self) -> None:
        self.step = ""
        self.timings: dict[str, float] = {}
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

    def data(self) -> dict[str, Any]:
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
