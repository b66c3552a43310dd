"""The audit log: who exported, erased, or changed who may."""

from typing import Any, Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.models import AuditEntry

Action = Literal[
    "customer.erase", "customer.erase.lift", "customer.erased", "customer.exclude",
    "customer.include", "export.changes", "export.rejects", "export.segment", "import.correct",
    "import.decide", "import.undo", "key.create", "key.revoke", "list.customers", "login.link",
    "login.open", "model.publish", "model.refuse", "model.unpin", "settings.change",
    "snapshot.delete", "webhook.change", "webhook.create", "webhook.delete", "webhook.replay",
    "webhook.secret",
]  # fmt: skip


def record(  # noqa: PLR0913, PLR0917 - the columns of the table
    session: AsyncSession,
    actor: str,
    action: Action,
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
