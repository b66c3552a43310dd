"""`GET /migrations`: who went from which segment to which, and `/migrations/movers`: who it was."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.dependencies import SessionDep, SettingsDep
from gateway.kit.responses import answer, refuse_unchanged
from gateway.kit.schemas import MOMENT_OR_LATEST, Snapshot
from gateway.kit.snapshots import definition_change, find_snapshot, snapshot_before
from gateway.migrations import queries
from gateway.migrations.schemas import Flow, Migrations, Mover, Movers
from gateway.segments.queries import find_segment
from rfm_common.settings import Settings

FromDate = Annotated[
    str | None,
    QueryParameter(
        name="from",
        description="Without it: the snapshot before `to`",
        max_length=40,
        schema_extra={"pattern": MOMENT_OR_LATEST},
    ),
]
ToDate = Annotated[
    str | None,
    QueryParameter(
        name="to",
        description="Without it: the newest",
        max_length=40,
        schema_extra={"pattern": MOMENT_OR_LATEST},
    ),
]
SegmentName = Annotated[str | None, QueryParameter(description="Name or slug", max_length=100)]


async def _pair(
    session: AsyncSession, settings: Settings, from_date: str | None, to_date: str | None
) -> tuple[Snapshot, Snapshot]:
    after = await find_snapshot(session, settings, to_date, "to")
    if from_date:
        return await find_snapshot(session, settings, from_date, "from"), after
    return await snapshot_before(session, settings, after), after


@get(["/migrations", "/migrations.csv"], summary="Flows between two dates", tags=["Segments"])
async def migrations(
    request: Request[Any, Any, Any],
    session: SessionDep,
    settings: SettingsDep,
    from_date: FromDate = None,
    to_date: ToDate = None,
    movers: Annotated[
        int, QueryParameter(description="List this many customers who moved", ge=0, le=1000)
    ] = 0,
) -> Response[Migrations]:
    """Customers and money by segment on both dates; CSV has the flows only.

    Between a run and the one that it followed, each flow is told apart by its cause.
    """
    before, after = await _pair(session, settings, from_date, to_date)
    refuse_unchanged(request, after, before)
    found = await queries.flows(session, before, after)
    body = Migrations(
        from_date=before.calc_date,
        to_date=after.calc_date,
        definition_change=await definition_change(session, before.run_id, after.run_id),
        flows=found,
        movers=await queries.movers(session, before, after, movers) if movers else None,
    )
    return answer(request, body, found, Flow, after, before)


@get(
    ["/migrations/movers", "/migrations/movers.csv"],
    summary="Customers who changed segment",
    tags=["Segments"],
)
async def movers(
    request: Request[Any, Any, Any],
    session: SessionDep,
    settings: SettingsDep,
    from_date: FromDate = None,
    to_date: ToDate = None,
    from_segment: SegmentName = None,
    to_segment: SegmentName = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 1000,
) -> Response[Movers]:
    """The most valuable before first; `from_segment` and `to_segment` narrow to one way."""
    before, after = await _pair(session, settings, from_date, to_date)
    refuse_unchanged(request, after, before)
    source = (await find_segment(session, before, from_segment))[0] if from_segment else None
    target = (await find_segment(session, after, to_segment))[0] if to_segment else None
    way = queries.Way(source, target)
    found = await queries.movers(session, before, after, limit, way)
    body = Movers(
        from_date=before.calc_date,
        to_date=after.calc_date,
        definition_change=await definition_change(session, before.run_id, after.run_id),
        movers=found,
    )
    return answer(request, body, found, Mover, after, before)
