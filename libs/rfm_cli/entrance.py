"""Keys and login links, made in the database itself: whoever reaches it may do everything."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_cli.database import reach
from rfm_common.credentials import needs_login
from rfm_common.db import open_sessions
from rfm_common.keys import require_credential
from rfm_common.logins import create_link
from rfm_common.models import Scope
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

Done = TypeVar("Done")
ACTOR = "cli"


def with_database(settings: Settings, act: Callable[[AsyncSession], Awaitable[Done]]) -> Done:
    """Do something in one transaction on the product's database, whether it runs or not."""
    with reach(settings) as reached:
        return asyncio.run(_upgraded(reached, act))


async def _upgraded(settings: Settings, act: Callable[[AsyncSession], Awaitable[Done]]) -> Done:
    await upgrade(settings)
    return await _within(settings, act)


async def _within(settings: Settings, act: Callable[[AsyncSession], Awaitable[Done]]) -> Done:
    async with (
        open_sessions(settings, "cli", pool_size=1) as sessions,
        sessions() as session,
        session.begin(),
    ):
        return await act(session)


async def check(settings: Settings) -> None:
    """Raise NoCredentialError when others can reach the gateway and nobody could log in."""
    await _within(settings, lambda session: require_credential(settings, session))


def login_url(url: str, secret: str) -> str:
    """The link; what follows the # is not sent to any server by itself, and so not logged."""
    return f"{url}/login#{secret}"


async def first_link(settings: Settings, url: str) -> str | None:
    """A link for whoever started the product; None when it asks for no login."""
    if not needs_login(settings):
        return None
    with reach(settings) as reached:
        secret = await _within(reached, lambda one: create_link(one, [Scope.ADMIN], ACTOR))
    return login_url(url, secret)
