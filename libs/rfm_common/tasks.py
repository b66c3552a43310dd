"""Work in the background, for the length of a block."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")

AGAIN = 2.0
"""Seconds after which a task that goes on is cancelled once more: longer than a clean end takes."""


@asynccontextmanager
async def alongside(work: Coroutine[Any, Any, None], again: float = AGAIN) -> AsyncGenerator[None]:
    """Do the work beside the block; it is cancelled, and has ended, when the block is left.

    What it raises, if it ends before that, is raised there. `again` is for `end`.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await end(task, again=again)
        with suppress(asyncio.CancelledError):
            task.result()


async def together(*works: Coroutine[Any, Any, T]) -> T:
    """Do all of it until one ends, or this is cancelled; then none goes on.

    What came of the one that ended, the first of them if it is several, is returned or raised. A
    TaskGroup cancels the others once, which may not do.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task.done()).result()
    finally:
        await end(*tasks)


async def end(*tasks: asyncio.Task[Any], again: float = AGAIN) -> None:
    """Cancel tasks until they have ended, once more every `again` seconds.

    Once is not enough: before Python 3.12, a cancellation that comes just when what `wait_for`
    waits for is done gets lost, and redis sends each command that way. Who then goes on after a
    lost cancellation goes on for ever.
    """
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=again)
