"""Who asks, whether they may, and whether they ask too often."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
)
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy.exc import SQLAlchemyError

from gateway.web.security.limits import Limits, limits_of
from gateway.web.security.people import Lists
from gateway.web.security.rules import rule_of
from rfm_common.credentials import EVERYTHING, Identity, digest, is_admin_key, needs_login
from rfm_common.db import Sessions
from rfm_common.keys import find_key
from rfm_common.logins import find_session
from rfm_common.settings import Settings

LOCAL = Identity("local", EVERYTHING)
"""Whoever reaches a gateway that asks for nothing."""
NOBODY = Identity("nobody", frozenset())
TRUST_SECONDS = 5
"""How long a verdict is remembered, and so how long a revoked key may still work."""
LOGOUT = "/logout"
HEALTH = "/health"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="rfm"', "Cache-Control": "no-store"}


def cookie_name(settings: Settings) -> str:
    """One for each port: browsers send a host's cookies to all of its ports."""
    return f"rfm_session_{settings.api_port}"


@dataclass(frozen=True, slots=True)
class Secret:
    """What a caller shows: a key in the header, or the cookie of a session."""

    text: str
    is_key: bool


class Verifier:
    """Asks the database who a secret belongs to, and remembers the answer for some seconds."""

    def __init__(
        self, settings: Settings, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self.limits = limits
        self.clock = clock
        self.known: dict[bytes, tuple[float, Identity]] = {}

    async def identify(self, sessions: Sessions, secret: Secret, address: str) -> Identity | None:
        """Whose it is; None when it opens nothing, and 429 when that happens too often.

        A right secret passes whatever others guess from the same address: behind a proxy
        everybody may have one, and 256 bits are not found by guessing.
        """
        mark = _mark(secret)
        until, identity = self.known.get(mark, (0.0, None))
        if identity and self.clock() < until:
            return identity
        found = await self._look_up(sessions, secret)
        self._remember(mark, found)
        if not found:
            self.limits.take("logins", address)
        return found

    def forget(self, secret: Secret) -> None:
        """Ask anew the next time."""
        self.known.pop(_mark(secret), None)

    async def _look_up(self, sessions: Sessions, secret: Secret) -> Identity | None:
        if secret.is_key and is_admin_key(self.settings, secret.text):
            return Identity("key:RFM_ADMIN_KEY", EVERYTHING)
        find = find_key if secret.is_key else find_session
        async with sessions() as session, session.begin():
            return await find(session, secret.text)

    def _remember(self, mark: bytes, found: Identity | None) -> None:
        self.known.pop(mark, None)
        if found:
            self.known[mark] = (self.clock() + TRUST_SECONDS, found)


def _mark(secret: Secret) -> bytes:
    return digest(f"{secret.is_key}{secret.text}")


class Access(ASGIMiddleware):
    """401 without a valid credential, 403 without the scope, 429 too often."""

    def __init__(self, settings: Settings) -> None:
        self.needs_login = needs_login(settings)
        self.cookie = cookie_name(settings)
        self.limits = limits_of(settings)
        self.verifier = Verifier(settings, self.limits)
        self.lists = Lists(self.limits)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Check, then go on; handlers find the caller as `actor`."""
        rule = rule_of(scope.get("method", "GET"), scope["path_template"])
        address = (scope.get("client") or ("",))[0]
        identity = NOBODY if self.needs_login else LOCAL
        if rule.scope:
            identity = await self._identify(scope, address) if self.needs_login else LOCAL
            if not identity.may(rule.scope):
                raise PermissionDeniedException(f"this call needs the scope {rule.scope.value}")
        elif self.needs_login and scope["path"].startswith(HEALTH):
            identity = await self._known_or_nobody(scope, address)
        if rule.limit:
            who = address if identity in {LOCAL, NOBODY} else identity.actor
            self.limits.take(rule.limit, who)
        scope["state"]["identity"] = identity
        if identity not in {LOCAL, NOBODY}:
            send = self.lists.watching(scope, identity.actor, send)
        try:
            await next_app(scope, receive, send)
        finally:
            if scope["path"].rstrip("/") == LOGOUT and (secret := shown(scope, self.cookie)):
                self.verifier.forget(secret)  # a session ends with the logout, not seconds later

    async def _known_or_nobody(self, scope: Scope, address: str) -> Identity:
        """Who asks, for a call that is open to strangers, also while the database is away."""
        with suppress(HTTPException, SQLAlchemyError, OSError):
            return await self._identify(scope, address)
        return NOBODY

    async def _identify(self, scope: Scope, address: str) -> Identity:
        secret = shown(scope, self.cookie)
        if secret is None:
            raise NotAuthorizedException(
                "send a key as `Authorization: Bearer KEY`; `rfm key create` makes one",
                headers=CHALLENGE,
            )
        sessions: Sessions = scope["litestar_app"].state.sessions
        identity = await self.verifier.identify(sessions, secret, address)
        if identity is None:
            what = "the key is wrong or revoked" if secret.is_key else "the session is over"
            raise NotAuthorizedException(what, headers=CHALLENGE)
        return identity


def shown(scope: Scope, cookie: str) -> Secret | None:
    """The key in the header, else the cookie."""
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    kind, _, key = header.decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return Secret(key.strip(), is_key=True)
    session = ASGIConnection[Any, Any, Any, Any](scope).cookies.get(cookie)
    return Secret(session, is_key=False) if session else None
