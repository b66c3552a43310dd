"""What is computed beside the runs: one after the other, in slices that a worker can leave."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from scoring.runs.faults import describe, is_transient
from scoring.value import Purchases

T = TypeVar("T")

SLICE = 50_000
"""Customers whose figures are computed in one go; a worker that stops waits for no more."""

log = logging.getLogger("rfm.scoring")


async def keep_up(what: str, do_next: Callable[[], Awaitable[bool]], pause: float) -> NoReturn:
    """Do what there is to do, and look again after so many seconds, until cancelled.

    `do_next` returns False if there is nothing to do now. PostgreSQL may be away.
    """
    while True:
        try:
            while await do_next():
                pass
        except Exception as error:
            log.warning("%s: %s", what, describe(error), exc_info=not is_transient(error))
        await asyncio.sleep(pause)


async def in_slices(compute: Callable[[Purchases], T], past: Purchases) -> list[T]:
    """What is computed of all customers, slice after slice, in their order."""
    return [
        await asyncio.to_thread(compute, past.take(slice(start, start + SLICE)))
        for start in range(0, len(past), SLICE)
    ]
