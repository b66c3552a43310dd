"""Who has to say who they are, with which secret, and what its holder may do."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from rfm_common.models import Scope
from rfm_common.settings import Settings

EVERYTHING = frozenset({Scope.ADMIN})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: a name for the audit log, and what they may do."""

    actor: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether one of the scopes allows it."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


def needs_login(settings: Settings) -> bool:
    """Whether callers of the gateway have to say who they are."""
    return settings.auth == "required" or (
        settings.auth == "on" and not is_loopback(settings.api_host)
    )


def is_loopback(host: str) -> bool:
    """Whether an address to listen on reaches this machine only."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)


def is_address(host: str) -> bool:
    """Whether it is an IP address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def new_secret() -> str:
    """256 random bits as 43 characters that need no quoting anywhere."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored instead of the secret."""
    return hashlib.sha256(secret.encode()).digest()


def is_admin_key(settings: Settings, key: str) -> bool:
    """Whether it is the key of the settings; takes as long for any guess."""
    own = settings.admin_key
    return own is not None and hmac.compare_digest(digest(own.get_secret_value()), digest(key))


def in_words(scopes: Iterable[str]) -> list[str]:
    """The scopes as they are stored: each once, in the order of their reach."""
    asked = set(scopes)
    return [scope.value for scope in Scope if scope in asked]
