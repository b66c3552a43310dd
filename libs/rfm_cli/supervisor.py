"""Keeping processes running: start, notice the end, wait a little longer each time, start again."""

import asyncio
import logging
from typing import Protocol

from rfm_cli.processes import ServerError, describe_exit

log = logging.getLogger(__name__)

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
STEADY = 60.0
"""Seconds up after which a process counts as healthy and its delay begins anew."""


class Child(Protocol):
    """A process that is kept running."""

    name: str

    async def start(self) -> None:
        """Return once it runs; raise ServerError when it does not."""

    async def wait(self) -> int:
        """Return its exit code once it has ended."""

    async def stop(self, seconds: float) -> None:
        """End it in an orderly way within this time, by force after it."""

    def kill(self) -> None:
        """End it now."""


def next_delay(previous: float | None, uptime: float) -> float:
    """Seconds to wait before the next start: doubling, unless it had been up for a while."""
    if previous is None or uptime >= STEADY:
        return FIRST_DELAY
    return min(previous * 2, LONGEST_DELAY)


async def keep_running(child: Child) -> None:
    """Restart a started child whenever it ends, until cancelled."""
    clock = asyncio.get_running_loop().time
    delay, started = None, clock()
    while True:
        code = await child.wait()
        delay = next_delay(delay, clock() - started)
        log.warning(
            "%s ended (%s), starting it again in %g s", child.name, describe_exit(code), delay
        )
        await asyncio.sleep(delay)
        started = clock()
        await _try_start(child)


async def _try_start(child: Child) -> None:
    """A start that fails leaves an ended process, so the next `wait` returns at once."""
    try:
        await child.start()
    except (ServerError, OSError) as error:
        log.error("%s", error)
    else:
        log.info("%s started again", child.name)
