"""Segments, and their customers."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.current import settings_of
from gateway.kit.dependencies import (
    CalcDate,
    PageDep,
    SessionDep,
    SnapshotDep,
    quick_of,
)
from gateway.kit.responses import answer, content_of, etag, refuse_unchanged, versioned
from gateway.kit.schemas import MOMENT_OR_LATEST, Snapshot
from gateway.kit.snapshots import peek_snapshot
from gateway.segments.queries import compare_segments, find_segment, segment_page, segment_rows
from gateway.segments.schemas import CustomerRow, SegmentCustomers, SegmentList, SegmentRow

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
        segments=await segment_rows(session, snapshot),
        compare=await compare_segments(session, before, snapshot) if before else None,
    )


@get(
    ["/segments/{name:str}/customers", "/segments/{name:str}/customers.csv"],
    summary="The customers of a segment",
    tags=["Segments"],
)
async def segment_customers(
    request: Request[Any, Any, Any],
    session: SessionDep,
    snapshot: SnapshotDep,
    paging: PageDep,
    name: FromPath[str],
) -> Response[SegmentCustomers]:
    """One page, the best customer first (monetary, then id).

    `name` is the segment's name or its slug, in any case: `At Risk`, `at-risk`.
    """
    segment_name, total = await find_segment(session, snapshot, name)
    found = await segment_page(session, snapshot, segment_name, paging)
    body = SegmentCustomers(
        segment_name=segment_name,
        calc_date=snapshot.calc_date,
        page=paging.number,
        page_size=paging.size,
        total=total,
        customers=found,
    )
    return answer(request, body, found, CustomerRow, snapshot)
