"""What was done with people's data, and with who may."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from gateway.kit.schemas import Answer


class AuditRow(Answer):
    """One act; it names no customer."""

    audit_id: int
    at: datetime
    actor: Annotated[str, Meta(description="`local`, `key:NAME`, `login:NUMBER` or `cli`")]
    action: Annotated[str, Meta(examples=["export.segment"])]
    subject: str | None
    rows: int | None
    detail: Annotated[
        dict[str, Any],
        Meta(description="Of exports `outcome`: begun, complete or broken off; and `bytes`"),
    ]


class AuditList(Answer):
    """One page of the audit log, newest first."""

    page: int
    page_size: int
    total: int
    entries: list[AuditRow]
