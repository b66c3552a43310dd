"""API keys: `rfm_`, eight characters to recognise it by, and the secret."""

import hmac
import re
import secrets
from collections.abc import Iterable, Sequence

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.credentials import Identity, digest, in_words, needs_login, new_secret
from rfm_common.db import run_sql
from rfm_common.errors import ConflictError, InvalidInputError, NotFoundError, RfmError
from rfm_common.models import ApiKey, Scope
from rfm_common.settings import Settings

_PREFIX = len("rfm_12345678")
_NAME = re.compile(r"[\w.-]{1,60}")


class NoCredentialError(RfmError):
    """Callers would need a key, and there is none."""


async def create_key(session: AsyncSession, name: str, scopes: Iterable[Scope], actor: str) -> str:
    """Store a key and return it: the only time that it can be seen.

    Raises InvalidInputError for a name that is no plain word, ConflictError for one in use.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError("a key's name has letters, digits, dots, dashes; 60 at most")
    prefix = f"rfm_{secrets.token_hex(4)}"
    key = f"{prefix}_{new_secret()}"
    granted = in_words(scopes)
    session.add(ApiKey(name=name, prefix=prefix, secret_hash=digest(key), scopes=granted))
    try:
        await session.flush()
    except IntegrityError:
        raise ConflictError(f"there is a key named {name}: revoke it, or choose a name") from None
    audit.record(session, actor, "key.create", name, detail={"prefix": prefix, "scopes": granted})
    return key


async def list_keys(session: AsyncSession) -> Sequence[ApiKey]:
    """All keys, revoked ones too, oldest first."""
    return (await session.exec(select(ApiKey).order_by(col(ApiKey.key_id)))).all()


async def has_key(session: AsyncSession) -> bool:
    """Whether any key opens anything."""
    found = await run_sql(session, "SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL)")
    return bool(found.scalar())


async def require_credential(settings: Settings, session: AsyncSession) -> None:
    """Raise NoCredentialError when callers have to log in and nobody could."""
    if not needs_login(settings) or settings.admin_key or await has_key(session):
        return
    why = (
        "RFM_AUTH=required"
        if settings.auth == "required"
        else f"API_HOST={settings.api_host} is reachable from other machines"
    )
    raise NoCredentialError(
        f"{why}, and there is no key yet: make one with `rfm key create NAME --scope admin`, or set"
        " RFM_ADMIN_KEY. Use API_HOST=127.0.0.1 to do without; RFM_AUTH=off when something else"
        " protects the port."
    )


async def revoke_key(session: AsyncSession, name: str, actor: str) -> None:
    """End a key; a new one may take its name. Raises NotFoundError."""
    ended = await run_sql(
        session,
        "UPDATE api_keys SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL",
        name=name,
    )
    if not ended.rowcount:
        raise NotFoundError(f"no key named {name}")
    audit.record(session, actor, "key.revoke", name)


async def find_key(session: AsyncSession, key: str) -> Identity | None:
    """Whose key it is, None when it opens nothing; notes its use to the minute."""
    asked = digest(key)
    found = await session.exec(
        select(ApiKey).where(ApiKey.prefix == key[:_PREFIX], col(ApiKey.revoked_at).is_(None))
    )
    for row in found:
        if hmac.compare_digest(row.secret_hash, asked):
            await _note_use(session, row.key_id)
            return Identity(f"key:{row.name}", frozenset(row.scopes))
    return None


async def _note_use(session: AsyncSession, key_id: int | None) -> None:
    await run_sql(
        session,
        "UPDATE api_keys SET last_used_at = now() WHERE key_id = :key_id"
        " AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
        key_id=key_id,
    )
