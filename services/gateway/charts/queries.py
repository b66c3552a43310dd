"""The points that the charts draw: the sample of a run, and shares over snapshots."""

from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import load_only
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.charts.points import Point, Sample
from gateway.kit import rows
from gateway.kit.schemas import Snapshot
from gateway.segments.country_figures import country_segments
from gateway.segments.figures import Segment, list_segments_of
from rfm_common.basis import basis_of_run, changed
from rfm_common.models import ScoringRun

TREND_DATES = 60
_BASIS: Any = (
    ScoringRun.calc_date, ScoringRun.window_days, ScoringRun.base_currency, ScoringRun.model,
    ScoringRun.summary,
)  # fmt: skip


async def read_sample(session: AsyncSession, snapshot: Snapshot) -> Sample:
    """At most 3,000 customers, chosen when the run was made."""
    return Sample(
        points=await read_points(session, snapshot.run_id),
        customers=snapshot.customers,
        calc_date=snapshot.calc_date,
        window_days=snapshot.window_days,
        base_currency=snapshot.base_currency,
    )


async def read_buyers(
    session: AsyncSession, run_id: int, country: str | None = None
) -> list[Point]:
    """Those of the sample who have an order in the window."""
    points = await read_points(session, run_id, country)
    return [point for point in points if point.frequency > 0]


async def read_points(
    session: AsyncSession, run_id: int, country: str | None = None
) -> list[Point]:
    """The sample of a run in a stable order, or the customers of one country in it."""
    # Looked up one by one: a country may have a hundred times the customers of the sample.
    home = "(SELECT country FROM customers c WHERE c.customer_id = s.customer_id)"
    return await rows.many(
        session,
        Point,
        "SELECT customer_id, recency_days, frequency, CAST(monetary AS float8) AS monetary,"
        " cluster_id, segment_name FROM run_samples s WHERE run_id = :run_id"
        f" AND (CAST(:country AS text) IS NULL OR {home} = CAST(:country AS text))"
        " ORDER BY customer_id",
        run_id=run_id,
        country=country,
    )


async def read_trend(
    session: AsyncSession, run_id: int, country: str | None = None
) -> list[tuple[datetime, list[Segment]]]:
    """Segments of the snapshots up to that of `run_id`, oldest first."""
    runs = await _trend_runs(session, run_id)
    numbers = [run.run_id for run in runs]
    segments = (
        await country_segments(session, numbers, country)
        if country
        else await list_segments_of(session, numbers)
    )
    return [(run.calc_date, segments[run.run_id]) for run in runs if run.calc_date]


async def trend_breaks(session: AsyncSession, run_id: int) -> list[datetime]:
    """The dates of the trend that were measured otherwise than the date before, oldest first."""
    return [
        now.calc_date
        for then, now in pairwise(await _trend_runs(session, run_id))
        if now.calc_date and changed(basis_of_run(then), basis_of_run(now))
    ]


async def _trend_runs(session: AsyncSession, run_id: int) -> list[ScoringRun]:
    """The runs of the newest snapshots up to that of `run_id`, oldest first."""
    until = select(ScoringRun.calc_date).where(ScoringRun.run_id == run_id).scalar_subquery()
    found = await session.exec(
        select(ScoringRun)
        .where(ScoringRun.is_current, col(ScoringRun.calc_date) <= until)
        .order_by(col(ScoringRun.calc_date).desc())
        .limit(TREND_DATES)
        .options(load_only(*_BASIS))
    )
    return list(found)[::-1]
