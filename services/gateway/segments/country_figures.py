"""A run narrowed to one country, from figures that were counted when it was made."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.quick import kept
from gateway.segments.figures import Segment
from rfm_common.db import run_sql
from rfm_common.models import CountrySummary

SEGMENTS = """
WITH whole AS (
    SELECT run_id, sum(customer_count) AS customers, sum(monetary) AS monetary
    FROM segment_countries WHERE run_id = ANY(:run_ids) AND country = :country GROUP BY run_id
)
SELECT run_id, segment_name AS name, sum(customer_count)::bigint AS customers,
       (sum(customer_count) / max(whole.customers))::float8 AS share,
       sum(order_count)::bigint AS orders, sum(s.monetary) AS monetary,
       coalesce(sum(s.monetary) / nullif(max(whole.monetary), 0), 0)::float8 AS monetary_share,
       (sum(recency_sum) / sum(customer_count))::float8 AS avg_recency_days,
       (sum(median_recency_days * customer_count) / sum(customer_count))::float8
           AS median_recency_days,
       array_agg(cluster_id ORDER BY cluster_id) AS clusters
FROM segment_countries s JOIN whole USING (run_id) WHERE country = :country
GROUP BY run_id, segment_name"""


@dataclass(frozen=True, slots=True)
class CountryShare:
    """A country's part of a segment, or of a whole run; an empty name is unknown."""

    country: str
    customers: int
    monetary: Decimal
    share: float
    """Of the customers that were counted by country."""


async def country_segments(
    session: AsyncSession, run_ids: list[int], country: str
) -> dict[int, list[Segment]]:
    """The segments of several runs in one country, by run; a handful of rows each."""
    segments: dict[int, list[Segment]] = {run_id: [] for run_id in run_ids}
    result = await run_sql(session, SEGMENTS, run_ids=run_ids, country=country)
    for row in result.mappings():
        figures = dict(row) | {"clusters": tuple(row["clusters"])}
        segments[figures.pop("run_id")].append(Segment(**figures))
    return segments


async def list_country_segments(session: AsyncSession, run_id: int, country: str) -> list[Segment]:
    """The segments of a run in one country."""

    async def read() -> list[Segment]:
        return (await country_segments(session, [run_id], country))[run_id]

    return await kept(session, ("segments of", run_id, country), read)


async def country_summary(session: AsyncSession, run_id: int, country: str) -> dict[str, Any]:
    """What the run's summary says of one country; empty when it has no customers there."""

    async def read() -> dict[str, Any]:
        found = await session.exec(
            select(CountrySummary.summary).where(
                CountrySummary.run_id == run_id, CountrySummary.country == country
            )
        )
        return dict(found.first() or {})

    return await kept(session, ("summary of", run_id, country), read)


async def list_countries(session: AsyncSession, run_id: int) -> list[str]:
    """The countries that a run was counted by, the one with most customers first."""

    async def read() -> list[str]:
        count = col(CountrySummary.summary)["customers"].as_integer()
        found = await session.exec(
            select(CountrySummary.country)
            .where(CountrySummary.run_id == run_id)
            .order_by(count.desc(), CountrySummary.country)
        )
        return list(found.all())

    return await kept(session, ("countries of", run_id), read)


async def country_mix(session: AsyncSession, run_id: int, segment_name: str) -> list[CountryShare]:
    """The countries of a segment, the one with most customers first."""
    statement = """
        SELECT country, sum(customer_count)::bigint AS customers, sum(monetary) AS monetary,
               (sum(customer_count) / sum(sum(customer_count)) OVER ())::float8 AS share
        FROM segment_countries WHERE run_id = :run_id AND segment_name = :segment_name
        GROUP BY country ORDER BY customers DESC, country"""
    found = await run_sql(session, statement, run_id=run_id, segment_name=segment_name)
    return [CountryShare(**row) for row in found.mappings()]
