"""Long computations in a thread, which end soon after nobody waits for them any more."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from threading import Event
from typing import TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_unwanted: ContextVar[Event | None] = ContextVar("unwanted", default=None)


class UnwantedError(Exception):
    """Nobody waits for this computation any more."""


async def stoppable(work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """Do the work off the event loop; when the caller is cancelled, it ends at its next `check`.

    A thread cannot be killed, and a process waits for its threads before it ends.
    """
    unwanted = Event()
    token = _unwanted.set(unwanted)
    try:
        return await asyncio.to_thread(work, *arguments)  # runs in a copy of this context
    finally:
        unwanted.set()
        _unwanted.reset(token)


def check() -> None:
    """Called now and then by whatever takes long; raises UnwantedError in a stopped thread."""
    unwanted = _unwanted.get()
    if unwanted is not None and unwanted.is_set():
        raise UnwantedError
