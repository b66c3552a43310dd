"""Segments of a snapshot, and how they changed."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gateway.kit.expected import Expected
from gateway.kit.outlook import Chance, HalfBack, Overdue
from gateway.kit.schemas import (
    Answer,
    DefinitionChange,
    HasOutlook,
    Money,
    Rule,
    Score,
    Share,
)


class SegmentRow(Answer):
    """One segment and cluster; a segment of two clusters has two rows.

    What is expected of its customers in the 90 days after the snapshot is null until it is
    computed.
    """

    segment_name: str
    cluster_id: int
    customer_count: int
    customer_share: Share
    avg_recency_days: float
    avg_frequency: float
    avg_monetary: Money
    median_recency_days: float
    median_frequency: float
    median_monetary: Money
    order_count: int
    avg_order_value: Money | None
    monetary: Money
    monetary_share: Share
    expected_orders_90: float | None
    expected_revenue_90: Money | None
    avg_expected_revenue_90: Annotated[
        Money | None, Meta(description="Per customer of the segment and cluster")
    ]
    expected_revenue_90_share: Share | None


class SegmentChange(Answer):
    """One segment on two dates; zeros where it did not exist."""

    segment_name: str
    customers_before: int
    customers_after: int
    customers_change: int
    share_before: Share
    share_after: Share
    monetary_before: Money
    monetary_after: Money
    monetary_change: Money


class Comparison(Answer):
    """Changes since another snapshot."""

    calc_date: datetime
    run_id: int
    definition_change: DefinitionChange
    segments: list[SegmentChange]


class SegmentList(Answer):
    """The segments of a snapshot, the most valuable first."""

    calc_date: datetime
    run_id: int
    window_days: int
    k: int | None
    rule: Rule
    transform: str | None
    base_currency: str | None
    expected: Expected
    segments: list[SegmentRow]
    compare: Comparison | None = None


class CustomerRow(Answer):
    """One customer in one snapshot; from `expected_orders_30` on what is expected after it.

    These are null before they are computed, and for a customer who never had a counted order.
    """

    customer_id: str
    email: str | None
    country: str | None
    recency_days: int
    frequency: int
    monetary: Money
    segment_name: str
    cluster_id: int
    r_score: Score
    f_score: Score
    m_score: Score
    expected_orders_30: float | None
    expected_orders_90: float | None
    expected_orders_365: float | None
    expected_revenue_30: Money | None
    expected_revenue_90: Money | None
    expected_revenue_365: Money | None
    revenue_90_low: Money | None
    revenue_90_high: Money | None
    expected_loss_90: Money | None
    buys_again_90: Chance | None
    half_back_days: HalfBack
    overdue: Overdue


class SegmentCustomers(Answer):
    """One page of a segment, its best customer (by monetary, then id) first unless sorted."""

    segment_name: str
    calc_date: datetime
    has_outlook: HasOutlook
    page: int
    page_size: int
    total: int
    customers: list[CustomerRow]
