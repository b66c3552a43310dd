"""The files of a multipart body, written into a batch as they arrive."""

import asyncio
from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.imports.batch import Batch, Part
from gateway.kit.folder import on_disk
from rfm_common.errors import InvalidInputError

LONGEST_HEADER = 4096


class Receiver:
    """The callbacks of the parser."""

    def __init__(self, batch: Batch) -> None:
        self.is_complete = False
        self._batch = batch
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
        if client_name is not None:  # else an ordinary form field
            self._current = self._batch.begin(client_name.decode("utf-8", "replace"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._current:
            self._current.write(data[start:end])

    def _end(self) -> None:
        if self._current:
            self._current.close()
        self._current = None

    def _finish(self) -> None:
        self.is_complete = True


async def read_form(batch: Batch, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
    """Write every file of the form; raises InvalidInputError for a form that is broken."""
    receiver = Receiver(batch)
    try:
        parser = MultipartParser(boundary, receiver.callbacks())  # type: ignore[arg-type]
        async for chunk in chunks:
            with on_disk():
                await asyncio.to_thread(parser.write, chunk)
    except FormParserError as error:
        raise InvalidInputError(f"the multipart body is broken: {error}") from error
    if not receiver.is_complete:
        raise InvalidInputError("the body ends before its last boundary")
    if not batch.parts:
        raise InvalidInputError("there is no file in the body", field="file")
