"""Every failure as application/problem+json (RFC 9457), with the field named where there is one.

RfmError               its status below, its context as members
NotModifiedError       304
HTTPException          the framework's status; `errors` lists each field
database refuses value 400    (SQLSTATE class 22)
body nested too deep   400
body that is no text   400
the disk refuses       507 when it is full, else 503 with what it said
database is away       503, with Retry-After
a table is locked      503, with Retry-After
anything else          500, with an id that is in the log beside the traceback
"""

import logging
import uuid
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import SQLAlchemyError

from gateway.kit.folder import FULL, DiskFullError, storage_error
from gateway.kit.problems import PROBLEM, NotAcceptableError, TooLargeError, UnsupportedTypeError
from gateway.kit.quick import AWAY, BUSY, UNFIT
from gateway.kit.responses import NotModifiedError
from gateway.web.choices import choices_of, fields_of, with_choices
from gateway.web.parameters import UnknownParameterError
from gateway.web.security.bodies import TooSlowError
from rfm_common.errors import (
    ConflictError,
    GoneError,
    InvalidInputError,
    NotFoundError,
    RfmError,
    UnavailableError,
)
from rfm_common.faults import is_locked_out, is_passing, is_unfit

log = logging.getLogger("rfm.gateway")

STATUS = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    GoneError: HTTPStatus.GONE,
    UnknownParameterError: HTTPStatus.UNPROCESSABLE_ENTITY,  # before the kind that it is of
    InvalidInputError: HTTPStatus.BAD_REQUEST,
    ConflictError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    NotAcceptableError: HTTPStatus.NOT_ACCEPTABLE,
    UnsupportedTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    DiskFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    TooSlowError: HTTPStatus.REQUEST_TIMEOUT,
}
HEADERS = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "2"},
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {"Connection": "close"},  # the rest is not read
    HTTPStatus.REQUEST_TIMEOUT: {"Connection": "close"},
}

AnyRequest = Request[Any, Any, Any]


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, **members: object
) -> Response[bytes]:
    """An error answer; `members` are added beside the standard ones."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status),
            "detail": detail, **members}  # fmt: skip
    content = msgspec.json.encode(body, enc_hook=str)
    return Response(content, status_code=int(status), media_type=PROBLEM, headers=headers or {})


def on_rfm_error(request: AnyRequest, error: RfmError) -> Response[bytes]:
    """What our own code refuses."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    members = dict(error.context)
    if status == HTTPStatus.BAD_REQUEST and "field" in members:
        members |= choices_of(request, str(members["field"]), error.detail)
    detail = with_choices(error.detail, members)
    return problem(status, detail, HEADERS.get(HTTPStatus(status)), **members)


def on_not_modified(_: AnyRequest, error: NotModifiedError) -> Response[None]:
    """The client's copy is still right."""
    return Response(None, status_code=304, headers={"ETag": error.etag, "Vary": "Accept"})


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """What the framework refuses: unknown paths and methods, values that do not fit."""
    headers = dict(error.headers or {})
    if isinstance(error, ValidationException):
        fields = fields_of(request, error)
        detail = "; ".join(f"{item['field']}: {item['message']}" for item in fields)
        return problem(400, detail or error.detail, headers, errors=fields)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(404, f"there is nothing at {request.url.path}; /docs lists the calls")
    return problem(error.status_code, error.detail, headers)


def on_database_error(request: AnyRequest, error: SQLAlchemyError) -> Response[bytes]:
    """Tell a server that is away from a value that it refuses."""
    if is_unfit(error):
        return problem(400, UNFIT)
    if is_locked_out(error):
        log.warning("locked: %s", error, extra={"path": request.url.path})
        return on_rfm_error(request, UnavailableError(BUSY))
    if is_passing(error):
        return on_connection_error(request, error)
    return on_unexpected(request, error)


def on_os_error(request: AnyRequest, error: OSError) -> Response[bytes]:
    """A file that the disk refuses, or else no answer from PostgreSQL."""
    if error.errno in FULL or error.filename is not None:
        log.warning("the disk refuses: %s", error, extra={"path": request.url.path})
        return on_rfm_error(request, storage_error(error))
    return on_connection_error(request, error)


def on_connection_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """No answer from PostgreSQL."""
    log.warning("database away: %s", error, extra={"path": request.url.path})
    return problem(503, AWAY, {"Retry-After": "2"})


def on_unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A mistake of ours: the client gets an id, the log gets the traceback."""
    error_id = uuid.uuid4().hex[:12]
    log.error(
        "unexpected error", exc_info=error, extra={"error_id": error_id, "path": request.url.path}
    )
    return problem(500, f"unexpected error; the log has it under {error_id}", error_id=error_id)


def on_recursion(request: AnyRequest, error: RecursionError) -> Response[bytes]:
    """A body whose lists lie in lists without end."""
    if request.method in ("GET", "HEAD"):
        return on_unexpected(request, error)
    return problem(400, "the body is nested too deep")


def on_undecodable(request: AnyRequest, error: UnicodeDecodeError) -> Response[bytes]:
    """A body, or the header that describes it, whose bytes are no text."""
    if request.method in ("GET", "HEAD"):
        return on_unexpected(request, error)
    return problem(400, "the body, or its Content-Type, is not UTF-8")


HANDLERS: ExceptionHandlersMap = {
    NotModifiedError: on_not_modified,
    RfmError: on_rfm_error,
    HTTPException: on_http_error,
    SQLAlchemyError: on_database_error,
    OSError: on_os_error,
    RecursionError: on_recursion,
    UnicodeDecodeError: on_undecodable,
    Exception: on_unexpected,
}
