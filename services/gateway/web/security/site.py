"""What protects the gateway from other web pages and other hosts, with or without a login.

A page of another site can send requests to http://localhost, and with DNS rebinding even read
the answers. So only known host names are answered, and what comes from another site must be a
person who follows a link.
"""

from urllib.parse import urlsplit

from litestar.exceptions import ClientException, PermissionDeniedException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from rfm_common.credentials import is_address, is_loopback
from rfm_common.settings import Settings

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
OWN_SITE = {"same-origin", "none"}
"""`none`: typed, bookmarked, or no browser at all."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:  # a bracket without its other half
        return ""


class Guard(ASGIMiddleware):
    """Refuses unknown hosts (400) and what another site asks for, links apart (403)."""

    def __init__(self, settings: Settings) -> None:
        self.hosts = LOOPBACK_NAMES | {settings.api_host.lower()} | settings.allowed_hosts
        self.any_host = "*" in settings.allowed_hosts
        self.any_address = not is_loopback(settings.api_host)
        """Rebinding needs a name; whoever writes an address reaches just that."""

    def knows(self, host: str) -> bool:
        """Whether the gateway answers for this name."""
        return self.any_host or host in self.hosts or (self.any_address and is_address(host))

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Check, then go on."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        host = headers.get("host", "")
        if not self.knows(host_name(host)):
            raise ClientException(
                f"this gateway does not answer for the host {host[:100]!r};"
                " the setting RFM_ALLOWED_HOSTS adds names"
            )
        is_change = scope.get("method") not in SAFE_METHODS
        if is_cross_site(headers) and (is_change or not is_navigation(headers)):
            raise PermissionDeniedException("cross-site request rejected")
        await next_app(scope, receive, send)


def is_cross_site(headers: dict[str, str]) -> bool:
    """Whether a browser says that the request comes from another site.

    Browsers send Sec-Fetch-Site to trustworthy addresses only, so Origin is asked as well.
    """
    if site := headers.get("sec-fetch-site"):
        return site not in OWN_SITE
    origin = headers.get("origin")
    return origin is not None and _host_of(origin) != headers.get("host", "").lower()


def _host_of(origin: str) -> str:
    """Raises ClientException (400) for what is no origin at all."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError as error:  # a bracket without its other half, a strange dot
        raise ClientException("the header Origin is malformed") from error


def is_navigation(headers: dict[str, str]) -> bool:
    """Whether a person follows a link to here, so that reading from another site is meant.

    Pictures, scripts, frames and the like of other pages cost as much, and fill the audit log.
    Browsers that do not say how they ask send no Origin when a person follows a link.
    """
    is_page = headers.get("sec-fetch-dest", "document") == "document"
    return headers.get("sec-fetch-mode") == "navigate" and is_page
