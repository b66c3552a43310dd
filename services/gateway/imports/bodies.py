"""Receiving an upload: the files of its body, by its type."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Request
from python_multipart.multipart import parse_options_header

from gateway.imports.batch import Batch, opened
from gateway.imports.json_rows import Lines, tables_of
from gateway.imports.multipart import read_form
from gateway.kit.folder import on_disk
from gateway.kit.problems import TooLargeError, UnsupportedTypeError
from gateway.kit.workbook import XLSX
from rfm_common.errors import InvalidInputError

FORM = "multipart/form-data"
JSON = "application/json"
NDJSON = "application/x-ndjson"
SUFFIXES = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    XLSX: ".xlsx",
    "application/vnd.apache.parquet": ".parquet",
    JSON: ".json",
    NDJSON: ".ndjson",
}
"""The endings of files that come as a whole body, by its type."""
STEM = "pushed"
"""Of the name of a body that comes without one."""
LARGEST_JSON = 32 * 2**20
"""Bytes of a JSON document, which is looked at as a whole."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A body on its way in."""

    chunks: AsyncIterator[bytes]
    content_type: str
    file_name: str | None = None
    """What the client calls it, where it is one file."""

    @classmethod
    def of(cls, request: Request[Any, Any, Any], file_name: str | None = None) -> "Upload":
        """The body of a request."""
        return cls(request.stream(), request.headers.get("content-type", ""), file_name)


@asynccontextmanager
async def received(upload: Upload, folder: Path) -> AsyncGenerator[Batch]:
    """The files of a body, complete and not yet published.

    Raises InvalidInputError, UnsupportedTypeError, TooLargeError, DiskFullError,
    UnavailableError, and what the body raises, and then leaves nothing behind.
    """
    kind, options = parse_options_header(upload.content_type)
    async with opened(folder) as batch:
        if kind == FORM.encode():
            boundary = options.get(b"boundary")
            if not boundary:
                raise InvalidInputError(f"{FORM} without a boundary", field="Content-Type")
            if upload.file_name:
                raise InvalidInputError(
                    "file_name: in a form each file has its own", field="file_name"
                )
            await read_form(batch, upload.chunks, boundary)
        elif suffix := SUFFIXES.get(kind.decode("latin-1")):
            await _read_body(batch, upload, suffix)
        else:
            raise UnsupportedTypeError(
                f"send {FORM}, or as the whole body one of {', '.join(SUFFIXES)}",
                field="Content-Type",
            )
        yield batch


async def _read_body(batch: Batch, upload: Upload, suffix: str) -> None:
    name = upload.file_name or STEM + suffix
    if suffix == SUFFIXES[JSON]:
        await _read_document(batch, upload, name)
        return
    part, lines = batch.begin(name), Lines()
    is_ndjson, size = suffix == SUFFIXES[NDJSON], 0
    async for chunk in upload.chunks:
        if is_ndjson:
            lines.feed(chunk)
        size += len(chunk)
        with on_disk():
            await asyncio.to_thread(part.write, chunk)
    if is_ndjson:
        lines.end()
    if not size:
        raise InvalidInputError("the body is empty", field="body")
    with on_disk():
        await asyncio.to_thread(part.close)


async def _read_document(batch: Batch, upload: Upload, name: str) -> None:
    """A list of rows is a file; an object of tables is one each."""
    content = bytearray()
    async for chunk in upload.chunks:
        content += chunk
        if len(content) > LARGEST_JSON:
            raise TooLargeError(
                f"a JSON document has at most {LARGEST_JSON} bytes; send rows as {NDJSON}"
            )
    tables = await asyncio.to_thread(lambda: list(tables_of(bytes(content))))
    for table, rows in tables:
        part = batch.begin(_name_of(table, name, upload))
        with on_disk():
            await asyncio.to_thread(part.write, rows)
            await asyncio.to_thread(part.close)


def _name_of(table: str, name: str, upload: Upload) -> str:
    if not table:
        return name
    return f"{Path(name).stem}-{table}.json" if upload.file_name else f"{table}.json"
