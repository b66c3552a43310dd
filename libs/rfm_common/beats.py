"""Signs of life: each process says every few seconds that it is there, and what it uses."""

import asyncio
import json
import os
import resource
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from rfm_common import __version__
from rfm_common.db import Sessions, run_sql
from rfm_common.tasks import alongside

SECONDS = 5.0
"""Between two signs of life."""
SILENT = 30.0
"""Seconds without one after which a process counts as gone."""


@asynccontextmanager
async def beating(
    sessions: Sessions, service: str, folder: str | None = None
) -> AsyncGenerator[None]:
    """Show signs of life for as long as the block lasts; PostgreSQL may be away meanwhile.

    `folder` is the id of the data folder, of ingest.
    """
    started = datetime.now(UTC)
    instance = f"{socket.gethostname()}:{os.getpid()}:{started:%s}"
    try:
        async with alongside(_beat_on(sessions, service, instance, started, folder)):
            yield
    finally:
        with suppress(SQLAlchemyError, OSError):
            async with sessions() as session, session.begin():
                await run_sql(session, "DELETE FROM service_beats WHERE instance = :instance",
                              instance=instance)  # fmt: skip


async def _beat_on(
    sessions: Sessions, service: str, instance: str, started: datetime, folder: str | None
) -> None:
    while True:
        with suppress(SQLAlchemyError, OSError):
            async with sessions() as session, session.begin():
                await run_sql(
                    session, _BEAT, service=service, instance=instance, started=started,
                    version=__version__, figures=json.dumps(figures() | {"folder": folder}),
                )  # fmt: skip
        await asyncio.sleep(SECONDS)


def figures() -> dict[str, float]:
    """What this process uses: processor seconds so far, and memory now (elsewhere: at most)."""
    own, children = (resource.getrusage(who) for who in (
        resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))  # fmt: skip
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    resident = own.ru_maxrss * 1024
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        resident = pages * resource.getpagesize()
    return {"cpu_seconds": round(seconds, 2), "resident_bytes": resident}


_BEAT = """
WITH gone AS (DELETE FROM service_beats WHERE beat_at < now() - interval '1 day')
INSERT INTO service_beats (instance, service, version, started_at, figures)
VALUES (:instance, :service, :version, :started, CAST(CAST(:figures AS text) AS jsonb))
ON CONFLICT (instance) DO UPDATE SET beat_at = now(), figures = excluded.figures
"""
