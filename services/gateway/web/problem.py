"""Errors of pages as pages: what is wrong, and the way back."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from gateway.kit.render import answer
from gateway.web.errors import STATUS
from rfm_common.errors import RfmError


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """A page that cannot be shown."""

    template: ClassVar[str] = "problem.html"
    status: int
    title: str
    detail: str


def page(status: int, detail: str) -> Response[str]:
    """An error as a page."""
    return answer(ProblemPage(status, HTTPStatus(status).phrase, detail), status)


def on_rfm_error(_: Request[Any, Any, Any], error: RfmError) -> Response[str]:
    """What our own code refuses: a segment or a date that does not exist."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    return page(status, error.detail)


def on_http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    """What the framework refuses: a query parameter that is no date."""
    extra = error.extra if isinstance(error.extra, list) else []
    fields = [f"{item['key']}: {item['message']}" for item in extra if isinstance(item, dict)]
    return page(error.status_code, "; ".join(fields) or error.detail)


HANDLERS: ExceptionHandlersMap = {RfmError: on_rfm_error, HTTPException: on_http_error}
