"""Long answers with bounded memory, complete or visibly broken.

What is exported goes into a file without a name as fast as PostgreSQL gives it, and from there
to the client as fast as that takes it: a slow client holds neither a connection nor a snapshot.
"""

import asyncio
import os
import re
import tempfile
import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import raw_connection

CHUNK = 2**18
"""Bytes that are handed to the server at once."""

Write = Callable[[bytes], Awaitable[None]]
Produce = Callable[[Write], Awaitable[int]]
"""Writes the whole content and returns how many rows there were."""
Query = tuple[str, tuple[object, ...]]


class IncompleteError(RuntimeError):
    """The export has another number of rows than was announced; the connection is cut."""


class Spool:
    """A file that one task fills while another reads it; it never has a name to be found by."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - __exit__
        self._size = 0
        self._is_ended = False
        self._changed = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    async def write(self, content: bytes) -> None:
        """Append; raises OSError when the disk is full."""
        await asyncio.to_thread(self._write, content)
        self._size += len(content)
        self._changed.set()

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]

    def end(self) -> None:
        """Nothing more will come."""
        self._is_ended = True
        self._changed.set()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Everything from the beginning; waits for what is still to come."""
        sent = 0
        while True:
            self._changed.clear()
            if sent < self._size:
                chunk = await asyncio.to_thread(os.pread, self._file.fileno(), CHUNK, sent)
                sent += len(chunk)
                yield chunk
            elif self._is_ended:
                return
            else:
                await self._changed.wait()


async def spooled(
    folder: Path, produce: Produce, announced: int | None = None
) -> AsyncGenerator[bytes]:
    """What `produce` writes, by way of a file in `folder`.

    An error inside ends the generator, so that the server cuts the chunked body short instead
    of ending it: a client can tell. So does a number of rows that is not the `announced` one.
    """
    with Spool(folder) as spool:
        task = asyncio.create_task(_fill(spool, produce))
        try:
            async for chunk in spool.chunks():
                yield chunk
            _check_rows(await task, announced)
        finally:
            task.cancel()


async def begun(content: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The content, whose first piece is there: what fails before that can be answered in words."""
    return _rest(await anext(content, b""), content)


async def _rest(first: bytes, content: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(content):
        yield first
        async for chunk in content:
            yield chunk


async def _fill(spool: Spool, produce: Produce) -> int:
    try:
        return await produce(spool.write)
    finally:
        spool.end()


def _check_rows(written: int, announced: int | None) -> None:
    if announced is not None and written != announced:
        raise IncompleteError(f"{written} rows instead of {announced}")


async def copy_rows(session: AsyncSession, query: Query, write: Write) -> int:
    """Write the query's result as CSV with a header line; returns PostgreSQL's count of rows."""
    raw = await raw_connection(session)
    connection = (await session.connection()).sync_connection
    statement, arguments = query
    try:
        status: str = await raw.copy_from_query(
            statement, *arguments, output=write, format="csv", header=True
        )
    except BaseException:
        # Half-way through a COPY the connection is good for nothing else.
        if connection is not None:
            connection.invalidate()
        raise
    return int(status.rpartition(" ")[2])  # as in `COPY 120`


def download(name: str, rows: int | None = None, suffix: str = "csv") -> dict[str, str]:
    """Headers that make a browser save the answer as `name`.csv, whatever is in the name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^\w.-]+", "-", plain).strip("-.") or "export"
    full = quote(re.sub(r"[\x00-\x1f/\\]+", "-", name)[:150], safe="")
    headers = {
        "Content-Disposition": f'attachment; filename="{safe[:150]}.{suffix}";'
        f" filename*=UTF-8''{full}.{suffix}",
        "Cache-Control": "private, no-store",
    }
    return headers | ({"X-Row-Count": str(rows)} if rows is not None else {})
