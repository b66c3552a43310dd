"""How other programs send orders and fetch segments: snippets with the caller's own address."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import Request, Response, get

from gateway.kit.dependencies import SettingsDep
from gateway.kit.frame import Frame, FrameDep
from gateway.kit.render import answer, environment
from rfm_common.credentials import needs_login

CALLS = (
    ("curl", "curl", "connect_curl.sh.jinja"),
    ("python", "Python, with httpx", "connect_client.py.jinja"),
)
SHOPS = (
    ("shopify", "Shopify", "connect_shopify.py.jinja"),
    ("woocommerce", "WooCommerce", "connect_woocommerce.py.jinja"),
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a program to copy; `slug` is the id of its element."""

    slug: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ConnectPage:
    """Calls, and programs that a scheduler runs each night."""

    template: ClassVar[str] = "connect.html"
    frame: Frame
    needs_key: bool
    calls: list[Snippet]
    shops: list[Snippet]


def snippets(
    templates: tuple[tuple[str, str, str], ...], url: str, *, needs_key: bool
) -> list[Snippet]:
    """For a gateway at `url`; with the key of the caller's environment where one is needed."""
    return [
        Snippet(slug, title, environment.get_template(name).render(url=url, needs_key=needs_key))
        for slug, title, name in templates
    ]


@get("/connect")
async def connect(
    request: Request[Any, Any, Any], frame: FrameDep, settings: SettingsDep
) -> Response[str]:
    """Working calls, and the nightly export of a shop."""
    url, needs_key = str(request.base_url).rstrip("/"), needs_login(settings)
    view = ConnectPage(
        frame=frame.of("Connect", "connect"),
        needs_key=needs_key,
        calls=snippets(CALLS, url, needs_key=needs_key),
        shops=snippets(SHOPS, url, needs_key=needs_key),
    )
    return answer(view)
