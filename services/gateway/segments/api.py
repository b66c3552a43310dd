"""Segments."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.current import settings_of
from gateway.kit.dependencies import CalcDate, quick_of
from gateway.kit.responses import content_of, etag, refuse_unchanged, versioned
from gateway.kit.schemas import MOMENT_OR_LATEST, Snapshot
from gateway.kit.snapshots import peek_snapshot
from gateway.segments.queries import compare_segments, find_expected, segment_rows
from gateway.segments.schemas import SegmentList, SegmentRow

CompareDate = Annotated[
    str | None,
    QueryParameter(
        description="Another snapshot's date, to list changes since",
        max_length=40,
        schema_extra={"pattern": MOMENT_OR_LATEST},
    ),
]


@get(["/segments", "/segments.csv"], summary="The segments of a snapshot", tags=["Segments"])
async def segments(
    request: Request[Any, Any, State],
    state: State,
    calc_date: CalcDate = None,
    compare: CompareDate = None,
) -> Response[SegmentList]:
    """One row per segment and cluster, the most valuable first.

    With `compare`, also each segment's change since that snapshot (JSON only).
    """
    quick, settings = quick_of(state), await settings_of(state)
    snapshot = await peek_snapshot(quick, settings, calc_date)
    before = await peek_snapshot(quick, settings, compare, "compare") if compare else None
    shown = (snapshot, before) if before else (snapshot,)
    refuse_unchanged(request, *shown)
    key = ("segments", etag(request, *shown))
    content = quick.recent.get(key)
    if content is None:
        async with state.readers() as session:
            body = await _segments(session, snapshot, before)
        content = content_of(request, body, body.segments, SegmentRow)
        quick.recent.keep(key, content)
    return versioned(request, content, *shown)


async def _segments(
    session: AsyncSession, snapshot: Snapshot, before: Snapshot | None
) -> SegmentList:
    return SegmentList(
        calc_date=snapshot.calc_date,
        run_id=snapshot.run_id,
        window_days=snapshot.window_days,
        k=snapshot.k,
        rule=snapshot.rule,
        transform=snapshot.transform,
        base_currency=snapshot.base_currency,
        expected=await find_expected(session, snapshot),
        segments=await segment_rows(session, snapshot),
        compare=await compare_segments(session, before, snapshot) if before else None,
    )
