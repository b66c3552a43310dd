"""Query parameters that a call does not have are refused: a typo would change its meaning."""

from difflib import get_close_matches
from typing import Any

from litestar import Litestar, Request
from litestar.routes import HTTPRoute

from rfm_common.errors import InvalidInputError

Names = dict[tuple[str, str], frozenset[str]]


class UnknownParameterError(InvalidInputError):
    """A query parameter that the call does not have."""


async def known_only(request: Request[Any, Any, Any]) -> None:
    """Raise UnknownParameterError for the first parameter that is not described."""
    given = request.query_params
    if not given or not request.route_handler.resolve_include_in_schema():
        return  # libraries of pages carry their version in the query
    app = request.app
    if "parameters" not in app.state:
        app.state.parameters = parameters_of(app)
    known = app.state.parameters[request.scope["path_template"], request.method]
    for name in given:
        if name not in known:
            raise UnknownParameterError(refusal(name, known), field=name, available=sorted(known))


def parameters_of(app: Litestar) -> Names:
    """The query parameters of each call, also of what it depends on."""
    return {
        (route.path_format, str(method)): frozenset(
            str(one.field_alias) for one in model.expected_query_params
        )
        for route in app.routes if isinstance(route, HTTPRoute)
        for method, (_, model) in route.route_handler_map.items()
    }  # fmt: skip


def refusal(name: str, known: frozenset[str]) -> str:
    """A sentence with what is perhaps meant, or what there is."""
    if not known:
        return f"{name[:100]}: this call has no query parameters"
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
    return f"{name[:100]}: this call has no such query parameter; {hint}"
