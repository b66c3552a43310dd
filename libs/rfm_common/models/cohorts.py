"""Cohorts of the newest snapshot: customers by the month of their first order.

A month is named by its first day on the shop's calendar.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Column, Date, Numeric
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import BigInteger, Field, SmallInteger, SQLModel, Text

from rfm_common.models.base import MONEY_SCALE, id_text, timestamptz


class CustomerCohort(SQLModel, table=True):
    """In which months a customer ordered."""

    __tablename__ = "customer_cohorts"

    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    first_month: date = Field(sa_type=Date, index=True)
    months: list[date] = Field(sa_column=Column(ARRAY(Date), nullable=False))
    """Those with a counted order, the first one included, in order."""


class CohortCell(SQLModel, table=True):
    """What one cohort did in one month; a month without an order or refund has no row."""

    __tablename__ = "cohort_cells"

    is_total: bool = Field(primary_key=True)
    """Of all countries; the others are of one of the commonest countries each."""
    country: str = Field(sa_type=Text, primary_key=True)
    """As the customers' file has it; empty for customers without one, and in totals."""
    first_month: date = Field(sa_type=Date, primary_key=True)
    month: date = Field(sa_type=Date, primary_key=True)
    customers: int = Field(sa_type=BigInteger)
    """Who ordered in that month."""
    orders: int = Field(sa_type=BigInteger)
    revenue: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    left_out: int = Field(sa_type=BigInteger)
    """Orders and refunds without an exchange rate: their money is not in `revenue`."""


class CohortState(SQLModel, table=True):
    """One row: which snapshot the cohorts belong to."""

    __tablename__ = "cohort_state"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: int = Field(
        default=1, sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    run_id: int = Field(sa_type=BigInteger)
    calc_date: datetime = Field(sa_type=timestamptz())
    base_currency: str | None = Field(default=None, sa_type=Text)
    last_month: date = Field(sa_type=Date)
    """The month of calc_date."""
    is_last_over: bool
    """Whether no order of the last month can be missing because the month still goes on."""
    computed_at: datetime = Field(sa_type=timestamptz())
    seconds: float
    """How long that took."""
