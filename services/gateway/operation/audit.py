"""`GET /audit`: who exported, erased, and changed who may."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import QueryParameter

from gateway.kit.dependencies import PageDep, SessionDep
from gateway.kit.responses import answer
from gateway.operation import audit_queries as queries
from gateway.operation.audit_schemas import AuditList, AuditRow

Exactly = Annotated[str | None, QueryParameter(max_length=200)]


@get(["/audit", "/audit.csv"], summary="The audit log", tags=["Operation"])
async def audit_log(
    request: Request[Any, Any, Any],
    session: SessionDep,
    paging: PageDep,
    action: Exactly = None,
    by: Exactly = None,
) -> Response[AuditList]:
    """One page, newest first; `action` as `export.segment`, `by` an actor as `key:shop`."""
    found = await queries.audit_page(session, action, by, paging)
    body = AuditList(
        page=paging.number,
        page_size=paging.size,
        total=await queries.count_audit(session, action, by),
        entries=found,
    )
    return answer(request, body, found, AuditRow)
