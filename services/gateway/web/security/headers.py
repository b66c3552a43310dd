"""The headers of every answer: what a browser may load, and that nobody else may frame it."""

from litestar.enums import ScopeType
from litestar.types import Message, Scope

CDNS = "https://cdn.jsdelivr.net https://cdn.plot.ly"

POLICY = "; ".join((
    "default-src 'self'",
    f"script-src 'self' {CDNS}",
    "style-src 'self' 'unsafe-inline'",  # Plotly and Swagger style their elements in place
    "img-src 'self' data: blob:",
    f"connect-src 'self' {CDNS}",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip

HEADERS = [
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": POLICY,
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
        message["headers"] = [*message.get("headers", []), *HEADERS]
