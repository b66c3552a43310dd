"""Signatures as Standard Webhooks prescribes: HMAC-SHA256 of id, time and body. Pure."""

import binascii
import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence

from rfm_common.errors import InvalidInputError

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def new_secret() -> str:
    """256 random bits in the form that receivers' libraries take."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret; raises InvalidInputError that does not repeat it."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise InvalidInputError(
            f"a webhook's secret is {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64",
            field="secret",
        )
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature of a body sent at `timestamp` (seconds since 1970): `v1,` and base64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(key_of(secret), signed, hashlib.sha256)
    return f"v1,{b64encode(digest).decode()}"


def signature_headers(
    valid: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers; while a secret is being replaced, signed with the new and the old."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            sign(secret, message_id, timestamp, body) for secret in valid
        ),
    }
