"""Logging in."""

from gateway.schemas.common import Answer


class LinkAnswer(Answer):
    """A one-time link."""

    url: str
    expires_in_seconds: int
