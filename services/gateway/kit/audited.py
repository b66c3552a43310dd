"""Exports in the audit log: written down before the first byte leaves, ended when it is over."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from rfm_common import audit
from rfm_common.db import Sessions, run_sql

log = logging.getLogger("rfm.gateway.export")

_endings: set[asyncio.Task[None]] = set()
"""Kept alive: a request that was broken off cannot wait for its last entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Who takes what; `subject` and `detail` hold no personal data."""

    actor: str
    action: audit.Action
    subject: str
    rows: int | None
    detail: dict[str, Any] = field(default_factory=dict)


async def audited(
    sessions: Sessions, export: Export, content: AsyncGenerator[bytes]
) -> AsyncGenerator[bytes]:
    """The content as it is, with an entry that stands before anything of it can leave.

    Its detail says under `outcome` `begun` (also for ever, when the process was killed),
    `complete` or `broken off`, and under `bytes` how much was handed out.
    """
    audit_id = await _begin(sessions, export)
    return _ending(sessions, export, audit_id, content)


async def _begin(sessions: Sessions, export: Export) -> int:
    async with sessions() as session, session.begin():
        detail = {**export.detail, "outcome": "begun"}
        entry = audit.record(
            session, export.actor, export.action, export.subject, export.rows, detail
        )
    return entry.audit_id


async def _ending(
    sessions: Sessions, export: Export, audit_id: int, content: AsyncGenerator[bytes]
) -> AsyncGenerator[bytes]:
    sent, outcome = 0, "broken off"
    try:
        async with aclosing(content):
            async for chunk in content:
                yield chunk
                sent += len(chunk)
        outcome = "complete"
    finally:
        log.info("export %s", outcome, extra={"subject": export.subject, "bytes": sent})
        _later(_end(sessions, audit_id, {"outcome": outcome, "bytes": sent}))


def _later(ending: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(ending)
    _endings.add(task)
    task.add_done_callback(_endings.discard)


async def _end(sessions: Sessions, audit_id: int, found: dict[str, Any]) -> None:
    try:
        async with sessions() as session, session.begin():
            await run_sql(
                session,
                "UPDATE audit_log SET detail = detail || CAST(:found AS jsonb)"
                " WHERE audit_id = :audit_id",
                found=json.dumps(found),
                audit_id=audit_id,
            )
    except (SQLAlchemyError, OSError) as error:
        log.warning("the audit log does not know how an export ended: %s", error,
                    extra={"audit_id": audit_id, **found})  # fmt: skip
