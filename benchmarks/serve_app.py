"""The product's gateway as it is, with one more route for benchmarks/serve.py to compare with."""

from typing import Any

from litestar import Litestar, get

import gateway.__main__ as product
from gateway.web.app import create_app


@get("/constant")
async def constant() -> dict[str, str]:
    """The least that this server can do."""
    return {"status": "ok"}


def with_constant(*arguments: Any) -> Litestar:
    app = create_app(*arguments)
    app.register(constant)
    return app


if __name__ == "__main__":
    product.create_app = with_constant
    product.main()
