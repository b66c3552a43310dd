"""The audit log, page by page."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.rows import Page
from gateway.operation.audit_schemas import AuditRow

_NARROWED = """
FROM audit_log WHERE (CAST(:action AS text) IS NULL OR action = :action)
AND (CAST(:actor AS text) IS NULL OR actor = :actor)"""


async def audit_page(
    session: AsyncSession, action: str | None, actor: str | None, page: Page
) -> list[AuditRow]:
    """One page, newest first."""
    return await rows.many(
        session,
        AuditRow,
        f"SELECT {', '.join(AuditRow.__struct_fields__)} {_NARROWED}"
        " ORDER BY audit_id DESC LIMIT :size OFFSET :skip",
        action=action,
        actor=actor,
        **page.window,
    )


async def count_audit(session: AsyncSession, action: str | None, actor: str | None) -> int:
    """How many there are on all pages."""
    return int(
        await rows.scalar(session, f"SELECT count(*) {_NARROWED}", action=action, actor=actor)
    )
