"""How answers leave: exact JSON, CSV when asked for, and a version for snapshots."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.response.base import Response as BaseResponse
from litestar.serialization import default_serializer

from gateway.kit.schemas import Answer, Snapshot
from rfm_common import __version__
from rfm_common.spreadsheets import harmless

T = TypeVar("T")

CSV = "text/csv"
JSON = "application/json"
REVALIDATE = "private, no-cache"

_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=default_serializer)


class ExactResponse(BaseResponse[T]):
    """JSON with decimals as numbers, digit by digit."""

    def render(self, content: Any, media_type: str, enc_hook: Any = default_serializer) -> bytes:
        """Encode JSON here; leave everything else to the framework."""
        if media_type == JSON and not isinstance(content, str | bytes):
            return _encoder.encode(content)
        return super().render(content, media_type, enc_hook)


class NotModifiedError(Exception):
    """The client has this version already."""

    def __init__(self, etag: str) -> None:
        self.etag = etag


def wants_csv(request: Request[Any, Any, Any]) -> bool:
    """Whether the path ends in .csv or the client prefers CSV to JSON."""
    if request.url.path.endswith(".csv"):
        return True
    return "accept" in request.headers and request.accept.best_match([JSON, CSV]) == CSV


def etag(request: Request[Any, Any, Any], *snapshots: Snapshot) -> str:
    """The version of an answer: runs change once, when it is computed what customers are expected
    to buy, and their lists with what these are ranked by; names of customers change with the data.
    """
    runs = "-".join(f"{shown.run_id}{_marks(shown)}" for shown in snapshots)
    kind = "csv" if wants_csv(request) else "json"
    return f'W/"{__version__}-{runs}-{snapshots[0].data_version}-{kind}"'


def _marks(shown: Snapshot) -> str:
    return "o" * shown.has_outlook + "v" * shown.ranks_by_value


def refuse_unchanged(request: Request[Any, Any, Any], *snapshots: Snapshot) -> None:
    """Raise NotModifiedError when the client has shown this version."""
    current = etag(request, *snapshots)
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if current in known or "*" in known:
        raise NotModifiedError(current)


def answer(
    request: Request[Any, Any, Any],
    body: Answer,
    rows: Sequence[Answer],
    kind: type[Answer],
    *snapshots: Snapshot,
) -> Response[Any]:
    """The whole `body` as JSON, or its `rows` (of type `kind`) as CSV; versioned by snapshots."""
    return versioned(request, content_of(request, body, rows, kind), *snapshots)


def content_of(
    request: Request[Any, Any, Any], body: Answer, rows: Sequence[Answer], kind: type[Answer]
) -> bytes:
    """What `answer` sends."""
    return csv_text(kind, rows).encode() if wants_csv(request) else encode(body)


def versioned(
    request: Request[Any, Any, Any], content: bytes, *snapshots: Snapshot
) -> Response[Any]:
    """An answer of content that is encoded already."""
    headers = {"Vary": "Accept"}
    if snapshots:
        headers |= {"ETag": etag(request, *snapshots), "Cache-Control": REVALIDATE}
    return Response(content, media_type=CSV if wants_csv(request) else JSON, headers=headers)


def csv_text(kind: type[Answer], rows: Iterable[Answer]) -> str:
    """A header line and a line per row; lists and objects as JSON."""
    return ",".join(kind.__struct_fields__) + "\r\n" + csv_lines(rows)


def csv_lines(rows: Iterable[Answer]) -> str:
    """The same without the header line."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerows([_cell(value) for value in msgspec.structs.astuple(row)] for row in rows)
    return sink.getvalue()


def encode(content: object) -> bytes:
    """JSON with decimals as numbers, digit by digit."""
    return _encoder.encode(content)


def _cell(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case str():
            return harmless(value)
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case dict() | list():
            return _encoder.encode(value).decode()
        case _:
            return value
