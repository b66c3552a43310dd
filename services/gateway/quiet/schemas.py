"""Customers of value who are going quiet."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

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


class QuietList(Answer):
    """One page, whoever spent most first."""

    calc_date: datetime
    window_days: int
    base_currency: str | None
    page: int
    page_size: int
    total: int
    monetary_before: Annotated[Money, Meta(description="What all of them spent before")]
    customers: list[QuietRow]
