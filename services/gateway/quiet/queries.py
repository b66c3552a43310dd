"""The customers whom a run found going quiet; an erased person is none of them any more."""

from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.rows import Page, money
from gateway.kit.schemas import Answer, Snapshot
from gateway.quiet.schemas import QuietRow
from rfm_common.models import ScoringRun


class Slipping(Answer):
    """How many they are, and what they spent before."""

    customers: int
    monetary: Decimal


_NARROWED = """
FROM quiet_customers q JOIN customers u USING (customer_id)
WHERE q.run_id = :run AND (CAST(:country AS text) IS NULL OR u.country = :country)"""


async def find_slipping(
    session: AsyncSession, run_id: int, country: str | None = None
) -> Slipping | None:
    """The sum over a run, or over one country of it; None for a run that did not look."""
    return await rows.one(
        session,
        Slipping,
        f"""
        SELECT count(q.customer_id) AS customers,
               {money("coalesce(sum(q.monetary), 0)")} AS monetary
        FROM scoring_runs r LEFT JOIN (SELECT q.* {_NARROWED}) q USING (run_id)
        WHERE r.run_id = :run AND r.summary ? 'slipping' GROUP BY r.run_id""",
        run=run_id,
        country=country,
    )


async def quiet_page(
    session: AsyncSession, run: Snapshot | ScoringRun, page: Page, country: str | None = None
) -> list[QuietRow]:
    """One page, whoever spent most first."""
    return await rows.many(
        session,
        QuietRow,
        f"""
        SELECT q.customer_id, u.email, u.country, coalesce(c.segment_name, '') AS segment_name,
               q.recency_days, q.frequency AS orders_before,
               {money("q.monetary")} AS monetary_before
        FROM (SELECT q.* {_NARROWED} ORDER BY q.monetary DESC, q.customer_id
              LIMIT :size OFFSET :skip) q
        JOIN customers u USING (customer_id)
        LEFT JOIN customer_clusters c
            ON c.customer_id = q.customer_id AND c.calc_date = CAST(:calc_date AS timestamptz)
        ORDER BY q.monetary DESC, q.customer_id""",
        run=run.run_id,
        calc_date=run.calc_date,
        country=country,
        **page.window,
    )
