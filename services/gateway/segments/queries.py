"""Segments: their figures, their customers, and their change between two snapshots."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.expected import Expected
from gateway.kit.guide import slug
from gateway.kit.outlook import outlook_columns, outlook_join
from gateway.kit.rows import Page, money
from gateway.kit.schemas import Snapshot
from gateway.kit.snapshots import definition_change, find_run
from gateway.segments.schemas import Comparison, CustomerRow, SegmentChange, SegmentRow
from rfm_common.db import run_sql
from rfm_common.errors import NotFoundError

EVERYBODY = "all"
WORTH = "c.sort_monetary DESC, c.customer_id"
"""SQL: a segment's customers, the best first, along its index."""


def customer_columns(snapshot: Snapshot) -> str:
    """SELECT clause for `CustomerRow`."""
    return f"""
        SELECT customer_id, u.email, u.country, f.recency_days, f.frequency,
               {money("f.monetary")} AS monetary, c.segment_name, c.cluster_id,
               f.r_score, f.f_score, f.m_score, {outlook_columns(snapshot)}"""


def customer_tables(snapshot: Snapshot) -> str:
    """Its FROM clause: c assignments, f features, u customers, v what they may buy."""
    return (
        f" FROM {snapshot.assignments} c JOIN {snapshot.features} f USING (customer_id)"
        f" LEFT JOIN customers u USING (customer_id){outlook_join(snapshot)} "
    )


async def segment_rows(session: AsyncSession, snapshot: Snapshot) -> list[SegmentRow]:
    """A row per segment and cluster, the most valuable first."""
    per_customer = "round(v.expected_revenue_90 / nullif(customer_count, 0), 4)"
    return await rows.many(
        session,
        SegmentRow,
        f"""
        WITH v AS (
            SELECT o.*, sum(expected_revenue_90) OVER () AS total
            FROM scoring_runs, jsonb_to_recordset(forecast -> 'clusters') AS o
                 (cluster_id integer, expected_orders_90 float8, expected_revenue_90 numeric)
            WHERE run_id = :run_id
        )
        SELECT segment_name, cluster_id, customer_count, customer_share, avg_recency_days,
               avg_frequency, {money("avg_monetary")} AS avg_monetary, median_recency_days,
               median_frequency, {money("median_monetary")} AS median_monetary, order_count,
               {money("avg_order_value")} AS avg_order_value, {money("monetary")} AS monetary,
               monetary_share, v.expected_orders_90,
               {money("v.expected_revenue_90")} AS expected_revenue_90,
               {money(per_customer)} AS avg_expected_revenue_90,
               CASE v.total WHEN 0 THEN 0 ELSE v.expected_revenue_90 / v.total END::float8
                   AS expected_revenue_90_share
        FROM segment_stats LEFT JOIN v USING (cluster_id) WHERE run_id = :run_id
        ORDER BY avg_monetary DESC, cluster_id""",
        run_id=snapshot.run_id,
    )


async def find_expected(session: AsyncSession, snapshot: Snapshot) -> Expected:
    """What all customers of the snapshot together are expected to buy."""
    run = await find_run(session, snapshot.run_id)
    return Expected.of(run.forecast if run else {})


async def segment_names(session: AsyncSession, snapshot: Snapshot) -> dict[str, int]:
    """Customers by segment of the snapshot."""
    result = await run_sql(
        session,
        "SELECT segment_name, sum(customer_count)::bigint AS customers FROM segment_stats"
        " WHERE run_id = :run_id GROUP BY 1 ORDER BY 1",
        run_id=snapshot.run_id,
    )
    return {row["segment_name"]: row["customers"] for row in result.mappings()}


async def find_segment(
    session: AsyncSession, snapshot: Snapshot, asked: str, *, everybody: bool = False
) -> tuple[str, int]:
    """The segment's exact name and its customers, from its name or slug in any case.

    With `everybody`, `all` stands for the whole snapshot. Raises NotFoundError that lists
    the segments of the snapshot.
    """
    names = await segment_names(session, snapshot)
    if everybody and asked.casefold() == EVERYBODY:
        return EVERYBODY, sum(names.values())
    by_slug = {slug(name): name for name in names}
    if name := by_slug.get(slug(asked)):
        return name, names[name]
    raise NotFoundError(
        f"no segment {asked!r} in the scores of {snapshot.calc_date.isoformat()};"
        f" there are: {', '.join(names) or 'none'}",
        field="segment",
        available=list(names),
    )


async def segment_page(
    session: AsyncSession, snapshot: Snapshot, segment_name: str, page: Page
) -> list[CustomerRow]:
    """One page, the best first."""
    return await rows.many(
        session,
        CustomerRow,
        f"{customer_columns(snapshot)} {customer_tables(snapshot)}"
        f" JOIN (SELECT customer_id FROM {snapshot.assignments} c"
        f" WHERE segment_name = :segment_name ORDER BY {WORTH} LIMIT :size OFFSET :skip) AS chosen"
        f" USING (customer_id) ORDER BY {WORTH}",
        segment_name=segment_name,
        **page.window,
    )


async def compare_segments(session: AsyncSession, before: Snapshot, after: Snapshot) -> Comparison:
    """Each segment of either snapshot, before and after."""
    return Comparison(
        calc_date=before.calc_date,
        run_id=before.run_id,
        definition_change=await definition_change(session, before.run_id, after.run_id),
        segments=await rows.many(
            session,
            SegmentChange,
            _CHANGES,
            before=before.run_id,
            after=after.run_id,
        ),
    )


def _totals(run: str) -> str:
    return (
        "SELECT segment_name, sum(customer_count)::bigint AS customers, sum(monetary) AS monetary,"
        f" sum(customer_share) AS share FROM segment_stats WHERE run_id = :{run} GROUP BY 1"
    )


_CHANGES = f"""
WITH b AS ({_totals("before")}), a AS ({_totals("after")}), paired AS (
    SELECT segment_name,
           coalesce(b.customers, 0) AS customers_before,
           coalesce(a.customers, 0) AS customers_after,
           coalesce(b.share, 0) AS share_before, coalesce(a.share, 0) AS share_after,
           coalesce(b.monetary, 0) AS was, coalesce(a.monetary, 0) AS became
    FROM b FULL JOIN a USING (segment_name)
)
SELECT segment_name, customers_before, customers_after,
       customers_after - customers_before AS customers_change, share_before, share_after,
       {money("was")} AS monetary_before, {money("became")} AS monetary_after,
       {money("(became - was)")} AS monetary_change
FROM paired ORDER BY became DESC, segment_name"""
