"""`GET /export/segments/{name}`: a segment as a file."""

import logging
from collections.abc import AsyncGenerator

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream

from gateway.dependencies import SessionDep, SessionsDep, SnapshotDep
from gateway.queries.exports import customers_query
from gateway.queries.segments import find_segment, slug
from gateway.queries.snapshots import hold
from gateway.schemas.common import Snapshot
from gateway.streams import copy_stream, download
from rfm_common.db import Sessions
from rfm_common.errors import UnavailableError

log = logging.getLogger("rfm.gateway.export")


@get(
    ["/export/segments/{name:str}", "/export/segments/{name:str}/customers.csv"],
    summary="A segment as CSV",
    tags=["Exports"],
    media_type="text/csv",
)
async def export_segment(
    session: SessionDep, sessions: SessionsDep, snapshot: SnapshotDep, name: FromPath[str]
) -> Stream:
    """All customers of a segment, or with `all` of the whole snapshot, streamed.

    The header `X-Row-Count` says how many rows follow the header line. An export that cannot
    be finished is cut off (the chunked body does not end), never passed off as complete.
    Text cells that a spreadsheet would run as a formula begin with a quote.
    """
    segment_name, total = await find_segment(session, snapshot, name, everybody=True)
    day = snapshot.calc_date.date().isoformat()
    return Stream(
        _rows(sessions, snapshot, segment_name, total),
        media_type="text/csv",
        headers=download(f"{slug(segment_name)}-{day}", total),
    )


async def _rows(
    sessions: Sessions, snapshot: Snapshot, segment_name: str, total: int
) -> AsyncGenerator[bytes]:
    async with sessions() as session:
        if not await hold(session, snapshot):
            raise UnavailableError("the snapshot was replaced before the export began")
        async for chunk in copy_stream(session, customers_query(snapshot, segment_name), total):
            yield chunk
    log.info("exported", extra={"segment": segment_name, "rows": total, "run_id": snapshot.run_id})
