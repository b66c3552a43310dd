"""The files of one upload: written under hidden names, and published together or not at all.

The loader never sees a half file: each is renamed when the whole body has arrived.
"""

import asyncio
import hashlib
import json
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from gateway.kit.folder import on_disk, publish, safe_name
from rfm_common.errors import InvalidInputError
from rfm_common.filenames import TABLES, uploading

MOST_FILES = 50

Claim = Callable[[str], Awaitable[bool]]
"""Asks for a name, so that ingest leaves it alone until the ledger has its row."""


@dataclass(slots=True)
class Part:
    """One file on its way in."""

    name: str
    path: Path
    sink: BinaryIO
    sha256: Any = field(default_factory=hashlib.sha256)
    published: Path | None = None
    _status: os.stat_result | None = None

    def write(self, data: bytes) -> None:
        """Append."""
        self.sink.write(data)
        self.sha256.update(data)

    def close(self) -> None:
        """What was answered 202 outlives a power cut."""
        self.sink.flush()
        os.fsync(self.sink.fileno())
        self._status = os.fstat(self.sink.fileno())
        self.sink.close()

    @property
    def file_name(self) -> str:
        """Its name in the folder."""
        return self.published.name if self.published else self.name

    @property
    def status(self) -> os.stat_result:
        """Of the complete file, whatever it is called."""
        return self._status or self.path.lstat()


class Batch:
    """Every file of one request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: list[Part] = []

    @property
    def digest(self) -> str:
        """Of the files' names and bytes: whether a second upload is the same as the first."""
        named = [(part.name, part.sha256.hexdigest()) for part in self.parts]
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()

    def begin(self, client_name: str) -> Part:
        """A new file; raises InvalidInputError for a name that is none of a table."""
        name = safe_name(client_name)
        if name is None:
            raise InvalidInputError(
                f"{client_name[:100]!r}: the name must end in {', '.join(TABLES)}", field="file"
            )
        if len(self.parts) >= MOST_FILES:
            raise InvalidInputError(f"more than {MOST_FILES} files in one upload", field="file")
        path = self.folder / uploading(secrets.token_hex(8))
        part = Part(name, path, path.open("xb"))
        self.parts.append(part)
        return part

    async def publish(self, claim: Claim) -> None:
        """Give the files their names, one that is taken a number.

        All or none: what has a name already is taken back when another one cannot get one.
        """
        for number, part in enumerate(self.parts):
            try:
                part.published = await publish(part.path, self.folder, part.name, claim)
            except BaseException:  # also one who hangs up, and a database that goes away
                self._take_back(self.parts[:number])
                raise

    def _take_back(self, parts: list[Part]) -> None:
        for part in parts:
            with suppress(FileNotFoundError):  # ingest was quicker: what it has, it has whole
                if part.published:
                    part.published.rename(part.path)

    def discard(self) -> None:
        """Remove what has not been published."""
        for part in self.parts:
            with suppress(OSError):  # what a full disk did not take
                part.sink.close()
            part.path.unlink(missing_ok=True)


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Batch]:
    """A batch of files for this folder; leaves nothing behind that has not been published.

    Raises DiskFullError and UnavailableError for what the disk refuses.
    """
    with on_disk():
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    batch = Batch(folder)
    try:
        yield batch
    finally:
        await asyncio.to_thread(batch.discard)
