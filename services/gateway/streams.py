"""COPY out of PostgreSQL straight to a client, with bounded memory, complete or visibly broken."""

import asyncio
import contextlib
import re
import unicodedata
from collections.abc import AsyncGenerator
from urllib.parse import quote

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import raw_connection

CHUNKS = 8
"""How many chunks (of up to half a megabyte) wait for a slow client before COPY waits too."""


class IncompleteError(RuntimeError):
    """The export has another number of rows than was announced; the connection is cut."""


async def copy_stream(
    session: AsyncSession, query: tuple[str, tuple[object, ...]], announced: int | None = None
) -> AsyncGenerator[bytes]:
    """The query's result as CSV with a header line.

    An error inside ends the generator, so that the server cuts the chunked body short instead
    of ending it: a client can tell. So does a number of rows that is not the `announced` one.
    """
    raw = await raw_connection(session)
    connection = (await session.connection()).sync_connection
    statement, arguments = query
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(CHUNKS)

    async def copy() -> str:
        try:
            done: str = await raw.copy_from_query(
                statement, *arguments, output=chunks.put, format="csv", header=True
            )
            return done
        finally:
            with contextlib.suppress(asyncio.QueueFull):
                chunks.put_nowait(None)

    task = asyncio.create_task(copy())
    try:
        async for chunk in _drained(chunks, task):
            yield chunk
        _check_rows(await task, announced)
    finally:
        if not task.done() and connection is not None:
            # Half-way through a COPY the connection is good for nothing else; the pool makes
            # a new one. Synchronous, because a cancelled request may not wait any more.
            connection.invalidate()
            task.cancel()


async def _drained(
    chunks: "asyncio.Queue[bytes | None]", task: "asyncio.Task[str]"
) -> AsyncGenerator[bytes]:
    """Chunks until the task has ended and nothing is left."""
    while not (task.done() and chunks.empty()):
        if chunk := await chunks.get():
            yield bytes(chunk)


def _check_rows(status: str, announced: int | None) -> None:
    """Compare with PostgreSQL's own count, as in `COPY 120`."""
    copied = int(status.rpartition(" ")[2])
    if announced is not None and copied != announced:
        raise IncompleteError(f"{copied} rows instead of {announced}")


def download(name: str, rows: int | None = None) -> dict[str, str]:
    """Headers that make a browser save the answer as `name`.csv, whatever is in the name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^\w.-]+", "-", plain).strip("-.") or "export"
    full = quote(re.sub(r"[\x00-\x1f/\\]+", "-", name)[:150], safe="")
    headers = {
        "Content-Disposition": f'attachment; filename="{safe[:150]}.csv";'
        f" filename*=UTF-8''{full}.csv",
        "Cache-Control": "private, no-store",
    }
    return headers | ({"X-Row-Count": str(rows)} if rows is not None else {})
