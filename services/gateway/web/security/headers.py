"""The headers of every answer: what a browser may load, and that nobody else may frame it."""

from functools import cache

from litestar.enums import ScopeType
from litestar.types import Message, Scope

from gateway.kit.assets import ASSETS


@cache
def policy(cdn: str) -> bytes:
    """What a page may load: of the CDN the very files that are pinned, and nothing when it is
    off."""
    libraries = [asset.url for asset in ASSETS.values()] if cdn == "on" else []
    scripts = " ".join(["'self'", *libraries])
    return "; ".join((
        "default-src 'self'",
        f"script-src {scripts}",
        "style-src 'self' 'unsafe-inline'",  # Plotly and Swagger style their elements in place
        "img-src 'self' data: blob:",
        f"connect-src {scripts}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )).encode()  # fmt: skip


HEADERS = [
    (name.encode(), value.encode())
    for name, value in {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }.items()
]


async def add_headers(message: Message, scope: Scope) -> None:
    """Put the security headers on every answer, errors included."""
    if message["type"] == "http.response.start" and scope["type"] == ScopeType.HTTP:
        settings = scope["litestar_app"].state.settings
        own = (b"content-security-policy", policy(settings.cdn))
        message["headers"] = [*message.get("headers", []), own, *HEADERS]
