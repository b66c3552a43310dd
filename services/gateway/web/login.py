"""Logging in with a one-time link, logging out, and the page for whoever is not logged in."""

from dataclasses import dataclass
from typing import Any, ClassVar

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from gateway.kit.dependencies import SessionsDep, SettingsDep
from gateway.kit.render import answer
from gateway.web.errors import on_http_error
from gateway.web.security.access import cookie_name
from rfm_common.logins import LINK_LIFE, SESSION_LIFE, close_session, open_session
from rfm_common.settings import Settings


@dataclass(frozen=True, slots=True)
class LoginPage:
    """How to get in, or, inside, how to get out; `refusal` says what just failed."""

    template: ClassVar[str] = "login.html"
    is_inside: bool = False
    refusal: str = ""
    minutes: int = int(LINK_LIFE.total_seconds() // 60)


@get("/login", include_in_schema=False)
async def login_page(request: Request[Any, Any, Any], settings: SettingsDep) -> Response[str]:
    """Where a one-time link leads; what follows its # never reaches the gateway by itself."""
    return answer(LoginPage(is_inside=cookie_name(settings) in request.cookies))


@post("/login", include_in_schema=False)
async def log_in(
    request: Request[Any, Any, Any], sessions: SessionsDep, settings: SettingsDep
) -> Response[Any]:
    """Use the link up, and lead to the dashboard with a session; 401 when it is used or old."""
    link = str((await request.form()).get("link", "")).rpartition("#")[2].strip()
    async with sessions() as session, session.begin():
        secret = await open_session(session, link)
    if secret is None:
        return answer(LoginPage(refusal="This link was used already, or is too old."), 401)
    life = int(SESSION_LIFE.total_seconds())
    return Redirect(
        "/dashboard", status_code=303, cookies=[_cookie(request, settings, secret, life)]
    )


@post("/logout", include_in_schema=False)
async def log_out(
    request: Request[Any, Any, Any], sessions: SessionsDep, settings: SettingsDep
) -> Redirect:
    """End the session of this browser."""
    if secret := request.cookies.get(cookie_name(settings)):
        async with sessions() as session, session.begin():
            await close_session(session, secret)
    return Redirect("/login", status_code=303, cookies=[_cookie(request, settings, "", 0)])


def _cookie(request: Request[Any, Any, Any], settings: Settings, secret: str, life: int) -> Cookie:
    """Out of reach for scripts, and not sent along when another site posts.

    Lax and not strict: a link to the dashboard in a mail shall work.
    """
    return Cookie(
        key=cookie_name(settings),
        value=secret,
        max_age=life,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def on_not_authorized(
    request: Request[Any, Any, Any], error: NotAuthorizedException
) -> Response[Any]:
    """A page for browsers, a problem for programs; a part of an open page loads it anew."""
    kinds = ["application/json", MediaType.HTML]
    if request.accept.best_match(kinds) != MediaType.HTML:
        return on_http_error(request, error)
    page = answer(LoginPage(), 401)
    page.headers |= dict(error.headers or {})
    if "hx-request" in request.headers:
        page.headers["HX-Refresh"] = "true"
    return page


HANDLERS: ExceptionHandlersMap = {NotAuthorizedException: on_not_authorized}
