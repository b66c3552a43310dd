"""A scoring worker with a flaw: `python doomed.py POINT` dies the moment it comes to that point.

`endless` does not die: its fits never come to rest. A script and not a module of the tests,
because it runs where a service runs: without them on its path.
"""

import asyncio
import os
import signal
import sys
from itertools import count
from typing import Any

from scoring import __main__ as service
from scoring.engines.local import LocalEngine
from scoring.model import fit
from scoring.runs import compute, forecasts, judging, publish
from scoring.snapshot import hindsight, values, writing

POINTS: dict[str, tuple[Any, str]] = {
    "load": (compute, "read_plan"),
    "features": (LocalEngine, "features"),
    "scores": (LocalEngine, "score"),
    "clusters": (compute, "fit"),
    "assign": (LocalEngine, "assign"),
    "publish": (publish.Publication, "publish"),
    "swap": (publish, "_swap"),
    "commit": (publish, "_event"),
}
"""Each step of a run, and inside the last: before its transaction, and twice in it."""
BUILDING: dict[str, tuple[tuple[Any, str], int]] = {
    "figures changed": ((writing, "amend"), 1),
    "segments changed": ((writing, "amend"), 2),
    "segments renamed": ((writing, "take_over"), 2),
    "commit again": ((publish, "_event"), 2),
}
"""The same of a run that builds on the worker's first one, and at which time it comes there."""
AFTERWARDS: dict[str, tuple[Any, str]] = {
    "figures": (values, "figures"),
    "filled": (writing, "index_values"),
    "shown": (forecasts, "ForecastFinished"),
}
"""What a worker does for a snapshot that is published: computing, writing, and in the transaction
that shows the figures."""
AT_LAST: dict[str, tuple[Any, str]] = {
    "expected": (hindsight, "expect"),
    "judged": (judging, "ForecastJudged"),
}
"""What it does when the figures are there: computing, and in the transaction that shows it."""


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_later(place: tuple[Any, str], turn: int) -> None:
    """Let it pass until then."""
    whole, calls = getattr(*place), count(1)

    def passed(*arguments: Any, **named: Any) -> Any:
        return die() if next(calls) == turn else whole(*arguments, **named)

    setattr(*place, passed)


def never_rest() -> None:
    module: Any = sys.modules[fit.__module__]
    solution = module.Solution
    module.START_SAMPLE, module.STEPS = 10, 10**9
    module.Solution = lambda centroids, inertia, _: solution(centroids, inertia, converged=False)


if __name__ == "__main__":
    if sys.argv[1] == "endless":
        never_rest()
    elif sys.argv[1] in BUILDING:
        die_later(*BUILDING[sys.argv[1]])
    else:
        setattr(*{**POINTS, **AFTERWARDS, **AT_LAST}[sys.argv[1]], die)
    asyncio.run(service.main())
