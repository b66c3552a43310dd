"""`POST /login/links`: a one-time link, for those who cannot run `rfm login` on the machine."""

from typing import Any

from litestar import Request, post

from gateway.kit.dependencies import ActorDep, SessionsDep
from gateway.web.login_schemas import LinkAnswer
from rfm_common.logins import LINK_LIFE, create_link
from rfm_common.models import Scope


@post("/login/links", summary="A one-time login link", tags=["Operation"])
async def login_link(
    request: Request[Any, Any, Any], sessions: SessionsDep, actor: ActorDep
) -> LinkAnswer:
    """A link that logs one browser in, once, with every scope."""
    async with sessions() as session, session.begin():
        secret = await create_link(session, [Scope.ADMIN], actor)
    seconds = int(LINK_LIFE.total_seconds())
    return LinkAnswer(url=f"{request.base_url}login#{secret}", expires_in_seconds=seconds)
