"""Browsers: a link that works once becomes a session, which a cookie carries."""

from collections.abc import Iterable
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.credentials import Identity, digest, in_words, new_secret
from rfm_common.db import run_sql
from rfm_common.models import Scope

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=7)


async def create_link(session: AsyncSession, scopes: Iterable[Scope], actor: str) -> str:
    """Store a one-time link and return its secret; forgets links and sessions long over."""
    for table in ("login_links", "login_sessions"):
        await run_sql(session, f"DELETE FROM {table} WHERE expires_at < now() - interval '1 day'")  # noqa: S608
    secret, granted = new_secret(), in_words(scopes)
    await run_sql(
        session,
        "INSERT INTO login_links (secret_hash, scopes, expires_at)"
        " VALUES (:secret_hash, :scopes, now() + :life)",
        secret_hash=digest(secret), scopes=granted, life=LINK_LIFE,
    )  # fmt: skip
    audit.record(session, actor, "login.link", detail={"scopes": granted})
    return secret


async def open_session(session: AsyncSession, link: str) -> str | None:
    """Use a link up; returns the new session's secret, None when the link is used or too old.

    Of two who send the same link at once, one gets a session.
    """
    used = await run_sql(
        session,
        "UPDATE login_links SET used_at = now() WHERE secret_hash = :secret_hash"
        " AND used_at IS NULL AND expires_at > now() RETURNING scopes",
        secret_hash=digest(link),
    )
    scopes = used.scalar()
    if scopes is None:
        return None
    secret = new_secret()
    opened = await run_sql(
        session,
        "INSERT INTO login_sessions (secret_hash, scopes, expires_at)"
        " VALUES (:secret_hash, :scopes, now() + :life) RETURNING session_id",
        secret_hash=digest(secret), scopes=scopes, life=SESSION_LIFE,
    )  # fmt: skip
    audit.record(session, f"login:{opened.scalar_one()}", "login.open")
    return secret


async def find_session(session: AsyncSession, secret: str) -> Identity | None:
    """Whose session it is, None when it is over; notes its use to the minute.

    The index compares digests: its timing tells about a guess's digest, not about the secret.
    """
    found = await run_sql(
        session,
        "SELECT session_id, scopes FROM login_sessions WHERE secret_hash = :secret_hash"
        " AND revoked_at IS NULL AND expires_at > now()",
        secret_hash=digest(secret),
    )
    row = found.first()
    if row is None:
        return None
    await run_sql(
        session,
        "UPDATE login_sessions SET last_used_at = now() WHERE session_id = :session_id"
        " AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
        session_id=row.session_id,
    )
    return Identity(f"login:{row.session_id}", frozenset(row.scopes))


async def close_session(session: AsyncSession, secret: str) -> None:
    """Log out; a session that is over already stays so."""
    await run_sql(
        session,
        "UPDATE login_sessions SET revoked_at = now()"
        " WHERE secret_hash = :secret_hash AND revoked_at IS NULL",
        secret_hash=digest(secret),
    )
