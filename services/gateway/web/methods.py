"""What may be done to a path, for whoever asks with OPTIONS."""

from litestar import Litestar
from litestar.types import Message, Scope


def methods_of(app: Litestar) -> dict[str, bytes]:
    """The methods of each path, as the header `Allow` lists them."""
    return {
        route.path_format: ", ".join(sorted(getattr(route, "methods", ()))).encode()
        for route in app.routes
    }


async def name_methods(message: Message, scope: Scope) -> None:
    """List all methods: the framework's answer knows those of the first handler only."""
    if message["type"] != "http.response.start" or scope.get("method") != "OPTIONS":
        return
    app = scope["litestar_app"]
    if "methods" not in app.state:
        app.state.methods = methods_of(app)
    if allowed := app.state.methods.get(scope.get("path_template")):
        others = [item for item in message["headers"] if item[0].lower() != b"allow"]
        message["headers"] = [*others, (b"allow", allowed)]
