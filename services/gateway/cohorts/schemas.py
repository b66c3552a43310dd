"""Cohorts: customers by the month of their first order."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gateway.kit.schemas import Answer, Money

Month = Annotated[str, Meta(description="Of the shop's calendar", examples=["2026-11"])]
SoFar = Annotated[
    bool, Meta(description="False for the month that is not over yet: its figures are not final")
]
Back = Annotated[int, Meta(description="Customers with a counted order in that month")]
Share = Annotated[float, Meta(description="Part of the cohort's customers, 0 to 1")]
Earned = Annotated[Money, Meta(description="Of orders less refunds of that month")]
Worth = Annotated[
    Money,
    Meta(description="Revenue from the first month to that one, divided by the cohort's customers"),
]


class Cell(Answer):
    """What a cohort did in one month."""

    month: Month
    months_since: int
    is_complete: SoFar
    customers: Back
    share: Share
    orders: int
    revenue: Earned
    revenue_per_customer: Worth


class Cohort(Answer):
    """Whoever ordered for the first time in one month."""

    first_month: Month
    customers: int
    cells: Annotated[list[Cell], Meta(description="The first month and each one since")]


class CohortList(Answer):
    """Cohorts of the newest snapshot, oldest first; none before the first run."""

    calc_date: datetime | None
    base_currency: str | None
    country: Annotated[str | None, Meta(description="Whose customers these are; null: everybody")]
    orders_left_out: Annotated[
        int, Meta(description="Orders without an exchange rate: counted, but not in revenue")
    ]
    cohorts: list[Cohort]


class CohortRow(Answer):
    """A cell with its cohort, as a line of the CSV."""

    first_month: Month
    cohort_customers: int
    month: Month
    months_since: int
    is_complete: SoFar
    customers: Back
    share: Share
    orders: int
    revenue: Earned
    revenue_per_customer: Worth
