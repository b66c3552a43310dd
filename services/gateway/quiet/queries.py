"""The customers whom a run found going quiet; an erased person is none of them any more."""

from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.rows import Page, money
from gateway.kit.schemas import Answer, Snapshot
from gateway.quiet.schemas import QuietRow
from rfm_common.models import ScoringRun
from rfm_common.snapshots import VALUES, sortable


class Slipping(Answer):
    """How many they are, and what they spent before."""

    customers: int
    monetary: Decimal


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
        FROM scoring_runs r LEFT JOIN (
            SELECT q.* FROM quiet_customers q{_in_country(country)} WHERE q.run_id = :run
        ) q USING (run_id)
        WHERE r.run_id = :run AND r.summary ? 'slipping' GROUP BY r.run_id""",
        run=run_id,
        **_given(country),
    )


async def quiet_page(
    session: AsyncSession, run: Snapshot | ScoringRun, page: Page, country: str | None = None,
    *, by_loss: bool,
) -> list[QuietRow]:  # fmt: skip
    """One page: whoever stays away with the largest loss first, or else whoever spent most.

    `by_loss` needs the figures of the snapshot, which come after it.
    """
    found, order = (BY_LOSS, LOSS_FIRST) if by_loss else (BY_SPENDING, SPENDING_FIRST)
    return await rows.many(
        session,
        QuietRow,
        f"""
        SELECT q.customer_id, u.email, u.country, coalesce(c.segment_name, '') AS segment_name,
               q.recency_days, q.frequency AS orders_before,
               {money("q.monetary")} AS monetary_before,
               round(q.recency_days / nullif(v.overdue, 0)::numeric, 1)::float8 AS usual_gap_days,
               v.overdue, {money("v.expected_revenue_90")} AS expected_revenue_90,
               {money("v.expected_loss_90")} AS expected_loss_90
        FROM (SELECT q.* FROM {found}{_in_country(country)} WHERE q.run_id = :run
              ORDER BY {order} LIMIT :size OFFSET :skip) q
        LEFT JOIN {VALUES} v ON {OF_SNAPSHOT}
        LEFT JOIN customers u ON u.customer_id = q.customer_id
        LEFT JOIN customer_clusters c
            ON c.customer_id = q.customer_id AND c.calc_date = CAST(:calc_date AS timestamptz)
        ORDER BY {order}""",
        run=run.run_id,
        calc_date=run.calc_date,
        **_given(country),
        **page.window,
    )


OF_SNAPSHOT = "v.customer_id = q.customer_id AND v.calc_date = CAST(:calc_date AS timestamptz)"
BY_LOSS = f"quiet_customers q JOIN {VALUES} v ON {OF_SNAPSHOT}"
LOSS_FIRST = f"{sortable('v.expected_loss_90')} DESC, q.customer_id"
"""Along the index of the loss: a page costs no more than the rows before it."""
BY_SPENDING = "quiet_customers q"
SPENDING_FIRST = "q.monetary DESC, q.customer_id"


def _in_country(country: str | None) -> str:
    """SQL: who lives there; without a country, nobody has to be looked up."""
    at_home = " JOIN customers h ON h.customer_id = q.customer_id AND h.country = :country"
    return at_home if country else ""


def _given(country: str | None) -> dict[str, str]:
    return {"country": country} if country else {}
