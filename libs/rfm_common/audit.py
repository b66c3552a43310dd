"""The audit log: who exported, erased, or changed who may."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.models import AuditEntry


def record(  # noqa: PLR0913, PLR0917 - the columns of the table
    session: AsyncSession,
    actor: str,
    action: str,
    subject: str | None = None,
    rows: int | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Write an entry in the caller's transaction: it stands exactly when the act does.

    `actor` is what handlers are given under that name. Nothing here may be personal data.
    """
    entry = AuditEntry(actor=actor, action=action, subject=subject, rows=rows, detail=detail or {})
    session.add(entry)
    return entry
