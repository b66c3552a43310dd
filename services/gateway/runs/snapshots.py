"""`GET /snapshots`: the dates that have scores."""

from typing import Any

from litestar import Request, Response, get

from gateway.kit.dependencies import SessionDep
from gateway.kit.responses import answer
from gateway.kit.schemas import Snapshot, SnapshotList
from gateway.kit.snapshots import list_snapshots


@get(["/snapshots", "/snapshots.csv"], summary="The dates that have scores", tags=["Segments"])
async def snapshots(request: Request[Any, Any, Any], session: SessionDep) -> Response[SnapshotList]:
    """Newest first; each date has one snapshot, made by one run."""
    found = await list_snapshots(session)
    return answer(request, SnapshotList(snapshots=found), found, Snapshot)
