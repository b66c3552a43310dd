"""Slashes within a part of a path, such as those of an id: escaped, they separate nothing.

Servers hand on the path with escapes undone. The router then sees a stand-in for each slash that
was escaped, and handlers see the slash.
"""

import re
from typing import cast
from urllib.parse import quote, unquote

from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

_STAND_IN = "\ue02f"
"""Of the private use area: no id has it."""
_ESCAPED = re.compile("%2F", re.IGNORECASE)


def keep_escaped(scope: Scope) -> None:
    """Let the router see the path with stand-ins."""
    raw = str(scope.get("raw_path") or b"", "latin-1")
    if _ESCAPED.search(raw):
        kept = unquote(_ESCAPED.sub(quote(_STAND_IN), raw))
        cast("dict[str, object]", scope)["path"] = kept


class Slashes(ASGIMiddleware):
    """Gives handlers the slashes of the path's parameters."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """After routing, before anything reads the parameters."""
        scope["path_params"] = {
            name: value.replace(_STAND_IN, "/") if isinstance(value, str) else value
            for name, value in scope["path_params"].items()
        }
        await next_app(scope, receive, send)
