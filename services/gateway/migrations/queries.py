"""Flows between two snapshots."""

from dataclasses import dataclass
from functools import partial

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.outlook import outlook_join
from gateway.kit.quick import kept
from gateway.kit.rows import money
from gateway.kit.schemas import Snapshot
from gateway.migrations.schemas import Flow, Mover
from rfm_common.db import run_sql


async def flows(session: AsyncSession, before: Snapshot, after: Snapshot) -> list[Flow]:
    """Customers and money by segment before and after; with causes where the run knows them."""
    if after.previous_run_id == before.run_id:
        return await flows_of_run(session, after.run_id)
    key = ("flows", before.run_id, after.run_id, after.data_version)
    return await kept(session, key, partial(_computed_flows, session, before, after))


async def flows_of_run(session: AsyncSession, run_id: int) -> list[Flow]:
    """Flows since the snapshot before, with causes, as the run stored them."""
    return await rows.many(
        session,
        Flow,
        f"""
        SELECT nullif(from_segment, '') AS from_segment, nullif(to_segment, '') AS to_segment,
               cause, customers, {money("monetary_before")} AS monetary_before,
               {money("monetary_after")} AS monetary_after
        FROM segment_flows WHERE run_id = :run_id
        ORDER BY customers DESC, from_segment, to_segment, cause""",
        run_id=run_id,
    )


def _side(snapshot: Snapshot) -> str:
    return (
        "(SELECT customer_id, segment_name, monetary"
        f" FROM {snapshot.assignments} JOIN {snapshot.features} USING (customer_id))"
    )


async def _computed_flows(session: AsyncSession, before: Snapshot, after: Snapshot) -> list[Flow]:
    statement = f"""
        WITH sums AS (
            SELECT b.segment_name AS from_segment, a.segment_name AS to_segment,
                   count(*) AS customers, coalesce(sum(b.monetary), 0) AS was,
                   coalesce(sum(a.monetary), 0) AS became
            FROM {_side(before)} b FULL JOIN {_side(after)} a USING (customer_id) GROUP BY 1, 2
        )
        SELECT from_segment, to_segment, NULL AS cause, customers,
               {money("was")} AS monetary_before, {money("became")} AS monetary_after
        FROM sums ORDER BY customers DESC, from_segment, to_segment"""
    return await rows.many(session, Flow, statement)


@dataclass(frozen=True, slots=True)
class Way:
    """Which movers: those who left `source`, who came into `target`, or both; None is any."""

    source: str | None = None
    target: str | None = None

    def where(self) -> tuple[str, dict[str, str]]:
        """The SQL condition and its values; b is the segment before, a the one after."""
        sides = {"source": "b", "target": "a"}
        given = {name: getattr(self, name) for name in sides if getattr(self, name) is not None}
        conditions = [f"{sides[name]}.segment_name = :{name}" for name in given]
        return " AND ".join(["a.segment_name <> b.segment_name", *conditions]), given


ANY_WAY = Way()


async def movers(
    session: AsyncSession, before: Snapshot, after: Snapshot, limit: int, way: Way = ANY_WAY
) -> list[Mover]:
    """The customers who changed segment, the most valuable before first."""
    if await _are_few(session, before, after, way):
        # One by one in order of money nearly everybody would be looked at in vain.
        await run_sql(session, "SET LOCAL enable_nestloop = off")
    condition, values = way.where()
    expected = money("v.expected_revenue_90") if after.has_outlook else "NULL"
    statement = f"""
        SELECT customer_id, from_segment, to_segment, {money("was")} AS monetary_before,
               {money("monetary")} AS monetary_after, {expected} AS expected_revenue_90
        FROM (SELECT f.customer_id, b.segment_name AS from_segment,
                     a.segment_name AS to_segment, f.monetary AS was
              FROM {before.features} f JOIN {before.assignments} b USING (customer_id)
              JOIN {after.assignments} a USING (customer_id)
              WHERE {condition} ORDER BY f.monetary DESC, f.customer_id LIMIT :limit) AS moved
        JOIN {after.features} USING (customer_id){outlook_join(after)}
        ORDER BY was DESC, customer_id"""
    return await rows.many(session, Mover, statement, limit=limit, **values)


async def _are_few(session: AsyncSession, before: Snapshot, after: Snapshot, way: Way) -> bool:
    """Whether less than a hundredth of the customers went this way."""
    moved = sum(
        flow.customers
        for flow in await flows(session, before, after)
        if flow.from_segment != flow.to_segment
        and way.source in {None, flow.from_segment}
        and way.target in {None, flow.to_segment}
    )
    return moved * 100 < before.customers
