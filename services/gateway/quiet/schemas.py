"""Customers of value who are going quiet."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from gateway.kit.outlook import Overdue
from gateway.kit.schemas import Answer, Money


class QuietRow(Answer):
    """One of them; `before` is the window of equal length that ended with the last order."""

    customer_id: str
    email: str | None
    country: str | None
    segment_name: str
    recency_days: Annotated[int, Meta(description="Days since the last order, ever")]
    orders_before: int
    monetary_before: Money
    usual_gap_days: Annotated[
        float | None,
        Meta(
            description="The customer's own mean days between orders, ever; null with fewer than"
            " two gaps, and until the figures to come are computed",
            examples=[20.5],
        ),
    ]
    overdue: Overdue
    expected_revenue_90: Annotated[
        Money | None, Meta(description="In the 90 days after the snapshot; null until computed")
    ]
    expected_loss_90: Annotated[
        Money | None,
        Meta(description="By how much that was more on the day of the last order; or null, too"),
    ]


class QuietList(Answer):
    """One page; `ranked_by` says who comes first."""

    calc_date: datetime
    window_days: int
    base_currency: str | None
    page: int
    page_size: int
    total: int
    monetary_before: Annotated[Money, Meta(description="What all of them spent before")]
    ranked_by: Annotated[
        Literal["expected_loss_90", "monetary_before"],
        Meta(description="The most first; by loss where it is computed and proven to rank better"),
    ]
    customers: list[QuietRow]
