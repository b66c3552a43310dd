"""One customer: own data, history and orders."""

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.customers.schemas import CustomerScores, OrderRow
from gateway.kit import rows
from gateway.kit.rows import Page, money
from gateway.kit.schemas import Answer, Snapshot
from rfm_common.calendar import days_before
from rfm_common.counting import counted_by
from rfm_common.settings import Settings

STATUS_WORD = "COALESCE(o.status_word, o.status)"
"""What the file says of an order; empty where it says nothing."""


class CustomerRecord(Answer):
    """The row of `customers`."""

    customer_id: str
    email: str | None
    country: str | None
    created_at: datetime | None
    excluded_at: Annotated[
        datetime | None, Meta(description="Since when kept out of scores; null: scored")
    ]


async def find_customer(session: AsyncSession, customer_id: str) -> CustomerRecord | None:
    """The data of the customer with this id, or with this address where that is joined to one."""
    return await rows.one(
        session,
        CustomerRecord,
        "SELECT customer_id, email, country, created_at, excluded_at FROM customers"
        " WHERE customer_id = (SELECT coalesce(joined_to, customer_id) FROM customers"
        " WHERE customer_id = :customer_id)",
        customer_id=customer_id,
    )


async def customer_history(session: AsyncSession, customer_id: str) -> list[CustomerScores]:
    """Where the customer stood in every snapshot, newest first."""
    return await rows.many(
        session,
        CustomerScores,
        f"""
        SELECT r.calc_date, r.run_id, f.recency_days, f.frequency,
               {money("f.monetary")} AS monetary, f.r_score, f.f_score, f.m_score,
               c.segment_name, c.cluster_id
        FROM rfm_features f
        JOIN customer_clusters c USING (customer_id, calc_date)
        JOIN scoring_runs r ON r.calc_date = f.calc_date AND r.is_current
        WHERE f.customer_id = :customer_id ORDER BY r.calc_date DESC""",
        customer_id=customer_id,
    )


async def cluster_score(
    session: AsyncSession, at: CustomerScores, customer_id: str
) -> dict[str, Any]:
    """Centroid of the customer's cluster and the distances to it and to the next one."""
    score: dict[str, Any] | None = await rows.scalar(
        session,
        "SELECT cluster_score FROM customer_clusters"
        " WHERE customer_id = :customer_id AND calc_date = CAST(:moment AS timestamptz)",
        customer_id=customer_id,
        moment=at.calc_date,
    )
    return score or {}


async def customer_orders(
    session: AsyncSession,
    settings: Settings,
    customer_id: str,
    snapshot: Snapshot | None,
    page: Page,
) -> list[OrderRow]:
    """One page of the customer's orders, newest first; without a snapshot none is counted."""
    until = snapshot.calc_date if snapshot else datetime.now(UTC)
    word, counted = counted_by(settings.counted_statuses)
    return await rows.many(
        session,
        OrderRow,
        f"""
        SELECT order_id, order_date, {money("order_amount")} AS order_amount, currency, status,
               {STATUS_WORD} AS status_word, order_amount < 0 AS is_refund,
               {word} = ANY(:counted) AND order_date <= CAST(:calc_date AS timestamptz)
               AND order_date >= CAST(:since AS timestamptz) AS is_counted
        FROM orders o WHERE customer_id = :customer_id
        ORDER BY order_date DESC, order_id LIMIT :size OFFSET :skip""",
        customer_id=customer_id,
        counted=counted if snapshot else [],
        calc_date=until,
        since=days_before(until, snapshot.window_days, settings.zone) if snapshot else until,
        **page.window,
    )


async def count_orders(session: AsyncSession, customer_id: str) -> int:
    """How many orders the customer has, counted or not."""
    return int(
        await rows.scalar(
            session,
            "SELECT count(*) FROM orders WHERE customer_id = :customer_id",
            customer_id=customer_id,
        )
    )
