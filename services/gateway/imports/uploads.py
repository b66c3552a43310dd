"""Receiving files: each part of a multipart body goes straight to disk, and appears whole or not.

The loader never sees a half file: parts are written under hidden names and renamed when the
whole body has arrived.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.kit.folder import on_disk, publish, safe_name
from rfm_common.errors import InvalidInputError
from rfm_common.filenames import TABLES, uploading

MOST_FILES = 50
LONGEST_HEADER = 4096


@dataclass(slots=True)
class Part:
    """One file on its way in."""

    name: str
    path: Path
    sink: BinaryIO
    published: Path | None = None


class Receiver:
    """The callbacks of the parser; knows every file of one request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: list[Part] = []
        self.is_complete = False
        self._current: Part | None = None
        self._field = self._value = b""
        self._disposition = b""

    def callbacks(self) -> dict[str, object]:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._disposition = self._field = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field = (self._field + data[start:end])[:LONGEST_HEADER]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value = (self._value + data[start:end])[:LONGEST_HEADER]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        client_name = options.get(b"filename")
        if client_name is None:
            return  # an ordinary form field
        text = client_name.decode("utf-8", "replace")
        name = safe_name(text)
        if name is None:
            raise InvalidInputError(
                f"{text[:100]!r}: the name must end in {', '.join(TABLES)}", field="file"
            )
        if len(self.parts) >= MOST_FILES:
            raise InvalidInputError(f"more than {MOST_FILES} files in one upload", field="file")
        path = self.folder / uploading(secrets.token_hex(8))
        self._current = Part(name, path, path.open("xb"))
        self.parts.append(self._current)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._current:
            self._current.sink.write(data[start:end])

    def _end(self) -> None:
        if self._current:
            self._current.sink.flush()
            os.fsync(self._current.sink.fileno())  # what was answered 202 outlives a power cut
            self._current.sink.close()
        self._current = None

    def _finish(self) -> None:
        self.is_complete = True

    def publish(self) -> list[str]:
        """Give the files their names, one that is taken a number; returns the names.

        All or none: what has a name already is taken back when another one cannot get one.
        """
        for number, part in enumerate(self.parts):
            try:
                part.published = publish(part.path, self.folder, part.name)
            except OSError:
                self._take_back(self.parts[:number])
                raise
        return [part.published.name for part in self.parts if part.published]

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


async def receive(chunks: AsyncIterator[bytes], content_type: str, folder: Path) -> list[str]:
    """Write the files of a multipart body into the folder and return their names.

    Raises InvalidInputError, DiskFullError, UnavailableError, and what `chunks` raises, and then
    leaves nothing behind.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidInputError("send the files as multipart/form-data", field="Content-Type")
    with on_disk():
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    receiver = Receiver(folder)
    try:
        parser = MultipartParser(boundary, receiver.callbacks())  # type: ignore[arg-type]
        async for chunk in chunks:
            with on_disk():
                await asyncio.to_thread(parser.write, chunk)
        if not receiver.is_complete:
            raise InvalidInputError("the body ends before its last boundary")
        if not receiver.parts:
            raise InvalidInputError("there is no file in the body", field="file")
        with on_disk():
            return await asyncio.to_thread(receiver.publish)
    except FormParserError as error:
        raise InvalidInputError(f"the multipart body is broken: {error}") from error
    finally:
        await asyncio.to_thread(receiver.discard)
