"""Segments by country."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gateway.kit.schemas import Answer, Money


class CountryRow(Answer):
    """The customers of one country in one segment and cluster."""

    country: Annotated[str | None, Meta(description="As the customers' file has it")]
    segment_name: str
    cluster_id: int
    customer_count: int
    order_count: int
    monetary: Money
    avg_recency_days: float
    median_recency_days: float


class CountryList(Answer):
    """The commonest countries of a snapshot, by country and cluster."""

    calc_date: datetime
    countries: list[CountryRow]
