"""The sampled customers of a run, for its charts."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.charts.points import Point, Sample
from gateway.kit import rows
from gateway.kit.schemas import Snapshot


async def read_sample(session: AsyncSession, snapshot: Snapshot) -> Sample:
    """At most 3,000 customers, chosen when the run was made."""
    points = await rows.many(
        session,
        Point,
        "SELECT customer_id, recency_days, frequency, monetary::float8 AS monetary, cluster_id,"
        " segment_name FROM run_samples WHERE run_id = :run_id ORDER BY customer_id",
        run_id=snapshot.run_id,
    )
    return Sample(
        points=points,
        customers=snapshot.customers,
        calc_date=snapshot.calc_date,
        window_days=snapshot.window_days,
        base_currency=snapshot.base_currency,
    )
