"""Headers of calls that begin something: `Prefer: wait=N` waits for its end, and
`Idempotency-Key` makes it safe to send the call again."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from litestar.params import HeaderParameter

T = TypeVar("T")

LONGEST_WAIT = 300
POLL_SECONDS = 0.2

PreferHeader = Annotated[
    str | None,
    HeaderParameter(
        name="Prefer",
        max_length=200,
        description=f"`wait=N`: answer when it has ended, after N seconds at the latest"
        f" (up to {LONGEST_WAIT})",
    ),
]


def key_header(description: str) -> Any:
    """The parameter for the header; the description says what the same key returns."""
    return HeaderParameter(
        name="Idempotency-Key", min_length=1, max_length=255, description=description
    )


def wait_seconds(prefer: str | None) -> int:
    """N of `wait=N` among the preferences; 0 without it, for a preference may be ignored."""
    found = re.search(r"(?:^|[,;\s])wait\s*=\s*(\d{1,6})\b", prefer or "", re.IGNORECASE)
    return min(int(found[1]), LONGEST_WAIT) if found else 0


def applied(seconds: int) -> dict[str, str]:
    """The header that says how long was waited at most; none where nothing was asked for."""
    return {"Preference-Applied": f"wait={seconds}"} if seconds else {}


async def until(
    look: Callable[[], Awaitable[T | None]], seconds: float, closing: asyncio.Event
) -> T | None:
    """What `look` finds, asked again and again; None when it is in vain or the gateway stops."""
    deadline = asyncio.get_running_loop().time() + seconds
    while seconds and not closing.is_set():
        if found := await look():
            return found
        if asyncio.get_running_loop().time() >= deadline:
            break
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), POLL_SECONDS)
    return None
