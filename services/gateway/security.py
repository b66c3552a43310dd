"""What protects a gateway on loopback, without a login, from other web pages and other hosts.

A page of another site can send requests to http://localhost, and with DNS rebinding even read
the answers. So only known host names are answered, and requests that change something must not
come from another site.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.exceptions import ClientException, PermissionDeniedException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from rfm_common.settings import Settings

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
OWN_SITE = {"same-origin", "none"}
"""`none`: typed, bookmarked, or no browser at all."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
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


def is_loopback(host: str) -> bool:
    """Whether an address to listen on reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    return (urlsplit(f"//{header}").hostname or "").rstrip(".")


class Guard(ASGIMiddleware):
    """Refuses unknown hosts (400) and changes that another site asks for (403)."""

    def __init__(self, settings: Settings) -> None:
        self.hosts = LOOPBACK_NAMES | {settings.api_host.lower()} | settings.allowed_hosts
        self.any_host = "*" in settings.allowed_hosts

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Check, then go on."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        host = headers.get("host", "")
        if not self.any_host and host_name(host) not in self.hosts:
            raise ClientException(
                f"this gateway does not answer for the host {host[:100]!r};"
                " the setting RFM_ALLOWED_HOSTS adds names"
            )
        if scope.get("method") not in SAFE_METHODS and is_cross_site(headers):
            raise PermissionDeniedException("another site may not change anything here")
        scope["state"]["actor"] = "local"
        await next_app(scope, receive, send)


def is_cross_site(headers: dict[str, str]) -> bool:
    """Whether a browser says that the request comes from another site.

    Browsers send Sec-Fetch-Site to trustworthy addresses only, so Origin is asked as well.
    """
    if site := headers.get("sec-fetch-site"):
        return site not in OWN_SITE
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
