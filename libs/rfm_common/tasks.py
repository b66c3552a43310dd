"""Work in the background, for the length of a block."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def alongside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Do the work beside the block; it is cancelled, and has ended, when the block is left.

    What it raises, if it ends before that, is raised there.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await end(task)
        with suppress(asyncio.CancelledError):
            task.result()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended.

    Once is not enough: a timeout of a library that runs out at the same moment hides it, and who
    then goes on after a lost connection goes on for ever.
    """
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=1)
