"""Secrets of keys, links and sessions, and what their holders may do."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

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
