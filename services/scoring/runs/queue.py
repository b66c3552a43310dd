"""The queue of runs is the table `scoring_runs`: claims, leases and fences."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func
from sqlmodel import col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.bus import add_to_outbox
from rfm_common.db import run_sql
from rfm_common.documents import Step
from rfm_common.events import RunFailed, RunStarted
from rfm_common.lasting_store import effective
from rfm_common.models import RunState, ScoringRun
from rfm_common.runs import RunRequest, is_behind, queue_run
from rfm_common.settings import Settings
from rfm_common.snapshots import BY_DATE
from rfm_common.watched_folder import waiting_names

LEASE = timedelta(seconds=8)
"""A run whose worker was silent for so long belongs to whoever takes it."""
MAX_ATTEMPTS = 5
"""A run that took its worker along so often is given up."""
RETRY_FAILED = timedelta(seconds=60)
"""A failed automatic run is tried again after this even if no new data comes."""
FOLDER_PATIENCE = timedelta(minutes=1)
"""How long loaded data waits for further files of the folder, so that one run scores all."""


class LostRunError(Exception):
    """Another worker holds the run, or it was ended meanwhile."""


class CancelledRunError(Exception):
    """Someone cancelled the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run that this worker holds, and the fence that proves it."""

    run_id: int
    fence: int
    attempt: int
    trigger: str
    is_automatic: bool
    parameters: dict[str, Any]

    @property
    def is_preview(self) -> bool:
        """Whether the published snapshots are to be left alone."""
        return bool(self.parameters.get("preview"))


_CLAIMABLE = """(state = 'queued' OR state = 'running'
    AND heartbeat_at NOT BETWEEN now() - CAST(:lease AS interval) AND now() + :lease)"""
"""A sign of life of a time to come is from a clock that ran ahead, and was set right since."""

_CLAIM = f"""
UPDATE scoring_runs SET state = 'running', fence = fence + 1, attempt = attempt + 1,
    worker = :worker, heartbeat_at = now(), started_at = now(), progress = '{{}}'
WHERE run_id = (
    SELECT run_id FROM scoring_runs WHERE {_CLAIMABLE}
    ORDER BY trigger = 'backfill', run_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING run_id, fence, attempt, trigger, is_automatic, parameters, cancel_requested, error
"""  # noqa: S608 - constants


async def claim(session: AsyncSession, worker: str) -> Claim | None:
    """Take the oldest run that waits, or whose worker died; backfill waits for the others."""
    await run_sql(session, _CUT_OFF, silence=2 * LEASE)
    row = (await run_sql(session, _CLAIM, worker=worker, lease=LEASE)).mappings().first()
    if row is None:
        return None
    claimed = Claim(**{name: row[name] for name in Claim.__dataclass_fields__})
    if row["cancel_requested"]:
        await end(session, claimed, RunState.CANCELLED, "cancelled before it started")
        return await claim(session, worker)
    if claimed.attempt > MAX_ATTEMPTS:
        await end(session, claimed, RunState.FAILED, _given_up(row["error"]))
        return await claim(session, worker)
    add_to_outbox(session, RunStarted(run_id=claimed.run_id, attempt=claimed.attempt))
    return claimed


def _given_up(error: str | None) -> str:
    said = f"given up after {MAX_ATTEMPTS} attempts"
    return f"{said}; the last one: {error}" if error else said


_CUT_OFF = """
SELECT pg_terminate_backend(a.pid)
FROM scoring_runs r JOIN pg_stat_activity a ON a.application_name = 'rfm-publishing-' || r.run_id
WHERE r.state = 'running' AND r.heartbeat_at
    NOT BETWEEN now() - CAST(:silence AS interval) AND now() + :silence
"""


async def name_publisher(session: AsyncSession, claimed: Claim) -> None:
    """Mark a transaction that others wait for: whoever finds that its run is silent ends it.

    A worker that is frozen, not dead, would keep its locks, and so its run, for ever. Twice the
    lease, because a worker shows no signs of life while it publishes.
    """
    await run_sql(session, f"SET LOCAL application_name = 'rfm-publishing-{claimed.run_id:d}'")


async def is_waiting(session: AsyncSession) -> bool:
    """Whether there is a run that a worker could take now."""
    query = f"SELECT EXISTS (SELECT 1 FROM scoring_runs WHERE {_CLAIMABLE})"  # noqa: S608
    return bool((await run_sql(session, query, lease=LEASE)).scalar_one())


async def beat(session: AsyncSession, claimed: Claim, progress: Step) -> None:
    """Prolong the lease and show the progress; raises when the run is lost or cancelled."""
    renewed = await session.exec(
        _held(claimed)
        .values(heartbeat_at=func.now(), progress=progress)
        .returning(col(ScoringRun.cancel_requested))
    )
    row = renewed.first()
    if row is None:
        raise LostRunError(claimed.run_id)
    if row[0]:
        raise CancelledRunError(claimed.run_id)


async def note_version(session: AsyncSession, claimed: Claim, data_version: int) -> None:
    """Say which data the run has read, so that newer data is known to need another run."""
    await session.exec(_held(claimed).values(data_version=data_version))


async def release(
    session: AsyncSession, claimed: Claim, attempts: int, error: str | None = None
) -> None:
    """Put the run back with so many attempts on its account: another worker may start at once.

    The error that interrupted it stays on its row until it is finished.
    """
    await session.exec(
        _held(claimed).values(
            state=RunState.QUEUED, attempt=attempts, worker=None, progress={}, error=error
        )
    )


async def end(session: AsyncSession, claimed: Claim, state: RunState, error: str) -> None:
    """End the run without a snapshot and say so."""
    ended = await session.exec(
        _held(claimed).values(state=state, error=error, finished_at=func.now(), progress={})
    )
    if ended.rowcount:
        add_to_outbox(session, RunFailed(run_id=claimed.run_id, state=state.value, error=error))


def _held(claimed: Claim) -> Any:
    """An update of the run for as long as the claim holds."""
    return update(ScoringRun).where(
        col(ScoringRun.run_id) == claimed.run_id,
        col(ScoringRun.fence) == claimed.fence,
        col(ScoringRun.state) == RunState.RUNNING,
    )


async def queue_if_behind(session: AsyncSession, settings: Settings) -> bool:
    """Queue an automatic run unless one waits, or one is running that reads the newest data.

    A run that failed or was cancelled on this very data is not repeated at once: a failed one
    after a minute, a cancelled one when new data comes or someone asks. While further files wait in
    the folder or are being read it waits for them, for a minute at most.
    """
    await run_sql(session, "SELECT 1 FROM data_state WHERE id = 1 FOR UPDATE")
    if not (await is_behind(session) or await _shows_older_data(session)):
        return False
    if (await run_sql(session, _COVERED, retry=RETRY_FAILED)).first():
        return False
    if await _has_files_to_come(session, settings):
        return False
    await queue_run(session, await effective(session, settings), RunRequest(), "import")
    return True


async def _shows_older_data(session: AsyncSession) -> bool:
    """Whether newer data was scored for a day that is not shown: under a clock that was wrong."""
    return (await run_sql(session, _OUTRUN)).first() is not None


_OUTRUN = f"""
SELECT 1 FROM (
    SELECT * FROM scoring_runs WHERE is_current ORDER BY {BY_DATE} LIMIT 1
) shown, scoring_runs r
WHERE shown.is_automatic AND r.is_current AND r.is_automatic AND r.data_version > shown.data_version
"""  # noqa: S608 - constants
_COVERED = """
SELECT 1 FROM scoring_runs r, data_state d
WHERE r.is_automatic AND (
    r.state = 'queued'
    OR r.state = 'running' AND COALESCE(r.data_version, d.data_version) = d.data_version
    OR r.data_version = d.data_version
       AND (r.state = 'cancelled' OR r.state = 'failed'
            AND r.finished_at BETWEEN now() - CAST(:retry AS interval) AND now()))
LIMIT 1
"""


async def _has_files_to_come(session: AsyncSession, settings: Settings) -> bool:
    """Whether files wait that this data should be scored with, and nothing has waited too long."""
    if not (await run_sql(session, _IS_FRESH, patience=FOLDER_PATIENCE)).scalar_one():
        return False
    names = await asyncio.to_thread(_dropped_names, settings.input_dir)
    return bool((await run_sql(session, _UNREAD, names=names)).scalar_one())


def _dropped_names(folder: Path) -> list[str]:
    """None where this process cannot look: then only files that are being read count."""
    with suppress(OSError):
        return waiting_names(folder)
    return []


_IS_FRESH = """
SELECT coalesce(min(i.finished_at) > now() - CAST(:patience AS interval), FALSE)
FROM imports i, data_state d WHERE i.data_version > d.scored_version
"""
_UNREAD = """
SELECT EXISTS (SELECT 1 FROM imports WHERE state = 'reading')
OR EXISTS (SELECT 1 FROM unnest(CAST(:names AS text[])) AS dropped (name) WHERE NOT EXISTS (
    SELECT 1 FROM imports i WHERE i.stored_path = 'input/' || name AND i.state <> 'reading'))
"""
"""SQL: a file that was decided but could not be moved lies in the folder and is not waited for."""
