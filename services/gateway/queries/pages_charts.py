"""The points that the charts draw: the sample of a run, and shares over snapshots."""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.queries.pages import Segment, list_segments_of
from gateway.queries.pages_countries import country_segments
from rfm_common.models import Customer, RunSample, ScoringRun


async def read_sample(
    session: AsyncSession, run_id: int, country: str | None = None
) -> list[RunSample]:
    """At most 3,000 customers of a run who have an order, in a stable order."""
    chosen = select(RunSample).where(RunSample.run_id == run_id, RunSample.frequency > 0)
    if country:
        chosen = chosen.join(Customer, col(Customer.customer_id) == RunSample.customer_id).where(
            Customer.country == country
        )
    rows = await session.exec(chosen.order_by(col(RunSample.customer_id)))
    return list(rows.all())


async def read_trend(
    session: AsyncSession, run_id: int, country: str | None = None, limit: int = 60
) -> list[tuple[datetime, list[Segment]]]:
    """Segments of the snapshots up to that of `run_id`, oldest first."""
    until = select(ScoringRun.calc_date).where(ScoringRun.run_id == run_id).scalar_subquery()
    rows = await session.exec(
        select(ScoringRun.run_id, ScoringRun.calc_date)
        .where(ScoringRun.is_current, col(ScoringRun.calc_date) <= until)
        .order_by(col(ScoringRun.calc_date).desc())
        .limit(limit)
    )
    runs = [(number, moment) for number, moment in rows if number and moment]
    numbers = [number for number, _ in runs]
    segments = (
        await country_segments(session, numbers, country)
        if country
        else await list_segments_of(session, numbers)
    )
    return [(moment, segments[number]) for number, moment in reversed(runs)]
