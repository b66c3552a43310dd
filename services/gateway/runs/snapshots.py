"""The dates that have scores, and deleting those of one."""

import asyncio
from typing import Any

from litestar import Request, Response, delete, get
from sqlalchemy.exc import DBAPIError

from gateway.kit.dependencies import ActorDep, RedisDep, RowId, SessionDep, SessionsDep
from gateway.kit.problems import refusal
from gateway.kit.responses import answer
from gateway.kit.schemas import Snapshot, SnapshotList
from gateway.kit.snapshots import list_snapshots
from gateway.runs.requests import ring
from rfm_common.db import Sessions, run_sql
from rfm_common.errors import ConflictError
from rfm_common.faults import is_locked_out
from rfm_common.snapshots import delete_snapshot

PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between attempts while a run publishes or somebody reads for long."""


@get(["/snapshots", "/snapshots.csv"], summary="The dates that have scores", tags=["Segments"])
async def snapshots(request: Request[Any, Any, Any], session: SessionDep) -> Response[SnapshotList]:
    """Newest first; each date has one snapshot, made by one run."""
    found = await list_snapshots(session)
    return answer(request, SnapshotList(snapshots=found), found, Snapshot)


@delete(
    "/snapshots/{run_id:int}", summary="Delete a snapshot", tags=["Runs"], status_code=204,
    responses={409: refusal("It is not shown, or a run is publishing")},
)  # fmt: skip
async def remove_snapshot(
    sessions: SessionsDep, redis: RedisDep, actor: ActorDep, run_id: RowId
) -> None:
    """Remove the scores, statistics and flows that a run published, for good.

    The snapshot before it is then the newest, if it was that. The run stays in the history with
    its parameters and its model; later runs do not start from that model unless it is pinned.
    """
    await _delete(sessions, run_id, actor)
    await ring(sessions, redis)


async def remove_all_of_nobody(sessions: Sessions, actor: str) -> None:
    """Remove every snapshot when the shop has no customers any more; else nothing.

    Past months that still wait to be filled in are cancelled.
    """
    async with sessions() as session, session.begin():
        if (await run_sql(session, "SELECT 1 FROM customers LIMIT 1")).first():
            return
        await run_sql(session, _CANCEL_PAST)
        shown = (await run_sql(session, "SELECT run_id FROM scoring_runs WHERE is_current")).all()
    for row in shown:
        await _delete(sessions, row.run_id, actor)


_CANCEL_PAST = """
UPDATE scoring_runs SET cancel_requested = TRUE
WHERE trigger = 'backfill' AND state IN ('queued', 'running')
"""


async def _delete(sessions: Sessions, run_id: int, actor: str) -> None:
    for pause in PAUSES:
        try:
            async with sessions() as session, session.begin():
                return await delete_snapshot(session, run_id, actor)
        except DBAPIError as error:
            if not is_locked_out(error):
                raise
        await asyncio.sleep(pause)
    raise ConflictError(
        "a run is publishing, or an export is reading: nothing was deleted; try again in a moment",
        run_id=run_id,
    )
