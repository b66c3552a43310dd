"""Segments by country, as they were counted with the run."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.rows import money
from gateway.kit.schemas import Snapshot
from gateway.segments.country_schemas import CountryRow


async def country_rows(
    session: AsyncSession, snapshot: Snapshot, country: str | None, segment_name: str | None
) -> list[CountryRow]:
    """A row per country, segment and cluster; None does not narrow."""
    given = {"country": country, "segment_name": segment_name}
    values = {name: value for name, value in given.items() if value is not None}
    condition = " AND ".join(["run_id = :run_id", *(f"{name} = :{name}" for name in values)])
    return await rows.many(
        session,
        CountryRow,
        f"""
        SELECT nullif(country, '') AS country, segment_name, cluster_id, customer_count,
               order_count, {money("monetary")} AS monetary, median_recency_days,
               recency_sum::float8 / customer_count AS avg_recency_days
        FROM segment_countries WHERE {condition} ORDER BY country, cluster_id""",
        run_id=snapshot.run_id,
        **values,
    )
