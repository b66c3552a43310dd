"""The scripts of the pages as one file: each request costs more than what most of them weigh."""

import hashlib
from functools import cache

from litestar import MediaType, Response, get

from gateway.kit.render import STATIC, environment

PARTS = ("loader", "app", "chart", "forms", "keys", "live")
"""In the order in which they run."""
PATH = "/dashboard/page.js"
YEAR = "private, max-age=31536000, immutable"


@cache
def bundle() -> bytes:
    """All parts, one after the other."""
    return b"".join((STATIC / f"{part}.js").read_bytes() for part in PARTS)


def script_url() -> str:
    """The address of the scripts, with a mark that changes with them."""
    return f"{PATH}?v={hashlib.sha256(bundle()).hexdigest()[:10]}"


environment.globals["script_url"] = script_url


@get("/page.js", media_type=MediaType.TEXT)
async def page_script() -> Response[bytes]:
    """The scripts; a browser keeps them until they change."""
    return Response(
        bundle(), media_type="text/javascript; charset=utf-8", headers={"Cache-Control": YEAR}
    )
