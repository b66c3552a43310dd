"""Logging in."""

from gateway.kit.schemas import Answer


class LinkAnswer(Answer):
    """A one-time link."""

    url: str
    expires_in_seconds: int
