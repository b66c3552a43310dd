"""`Accept` is honoured: the type that is asked for, 406, or an error as a page for a browser."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.types import ExceptionHandlersMap

from gateway.kit.problems import PROBLEM, NotAcceptableError
from gateway.web.openapi import document_of
from gateway.web.problem import page

AnyRequest = Request[Any, Any, Any]
KINDS: list[str] = [PROBLEM, MediaType.JSON, MediaType.HTML]
"""Of errors; what comes first where a program takes any."""


def acceptable(request: AnyRequest) -> None:
    """Raise NotAcceptableError when the call has nothing of the types that are asked for."""
    asked = request.headers.get("accept") or "*/*"
    if (
        "*/*" in asked
        or _is_of_a_page(request)
        or not request.route_handler.resolve_include_in_schema()
    ):
        return
    method = "get" if request.method == "HEAD" else request.method.lower()
    operation = document_of(request.app)["paths"][request.scope["path_template"]].get(method, {})
    kinds = [
        kind
        for status, answer in operation.get("responses", {}).items()
        if status < "300"
        for kind in answer.get("content", ())
    ]
    if kinds and request.accept.best_match(kinds) is None:
        raise NotAcceptableError(
            f"Accept: this call answers with {', '.join(kinds)}", field="Accept", available=kinds
        )


def for_browsers(handlers: ExceptionHandlersMap) -> ExceptionHandlersMap:
    """The same handlers, whose problems become pages for those who prefer pages."""
    return {kind: _negotiated(handler) for kind, handler in handlers.items()}


def _negotiated(handler: Callable[..., Response[Any]]) -> Callable[..., Response[Any]]:
    def answer(request: AnyRequest, error: Exception) -> Response[Any]:
        found = handler(request, error)
        status = found.status_code or 500
        wanted = request.accept.best_match(KINDS)
        if found.media_type != PROBLEM or wanted != MediaType.HTML or _is_of_a_page(request):
            return found
        shown = page(status, str(msgspec.json.decode(found.content)["detail"]))
        shown.headers |= found.headers
        return shown

    return answer


def _is_of_a_page(request: AnyRequest) -> bool:
    """Whether htmx asks, for a button: it says text/html whatever the call, and shows problems."""
    return "hx-request" in request.headers
