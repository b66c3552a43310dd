"""What a run computed: features, clusters, and the figures that pages read."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Computed, Index, Numeric, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import BigInteger, Field, SQLModel

from rfm_common.documents import CountrySums, JudgedOn, Judgement
from rfm_common.models.base import (
    DICT,
    MONEY_SCALE,
    enum_column,
    id_text,
    run_key,
    timestamptz,
)


class Cause(StrEnum):
    """Why a customer is in another segment than in the snapshot before."""

    NEW_CUSTOMER = "new_customer"
    NEW_ORDER = "new_order"
    AGEING = "ageing"
    CORRECTION = "correction"
    DEFINITION = "definition"
    EDGES = "edges"
    MODEL = "model"
    STAYED = "stayed"


class RfmFeature(SQLModel, table=True):
    """R, F, M and scores of one customer in one snapshot; a partition per calc_date."""

    __tablename__ = "rfm_features"
    # Runs give their partitions indexes of their own by each figure, once they are published.
    __table_args__ = {"postgresql_partition_by": "LIST (calc_date)"}

    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    calc_date: datetime = Field(sa_type=timestamptz(), primary_key=True)
    recency_days: int
    frequency: int
    monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    r_score: int = Field(sa_type=SmallInteger)
    f_score: int = Field(sa_type=SmallInteger)
    m_score: int = Field(sa_type=SmallInteger)


# Put together when it is read: parsing JSON for every customer took most of a snapshot's load.
CLUSTER_SCORE = """CAST('{"centroid":{"recency_days":' || CAST(centre_recency_days AS text)
    || ',"frequency":' || CAST(centre_frequency AS text)
    || ',"monetary":' || CAST(centre_monetary AS text)
    || '},"distance":' || CAST(distance AS text)
    || ',"next_distance":' || CAST(next_distance AS text) || '}' AS jsonb)"""


class CustomerCluster(SQLModel, table=True):
    """Cluster and segment of one customer in one snapshot; a partition per calc_date."""

    __tablename__ = "customer_clusters"
    __table_args__ = (
        Index(
            "ix_customer_clusters_segment",
            "segment_name",
            text("sort_monetary DESC"),
            "customer_id",
        ),
        {"postgresql_partition_by": "LIST (calc_date)"},
    )

    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    calc_date: datetime = Field(sa_type=timestamptz(), primary_key=True)
    cluster_id: int = Field(sa_type=SmallInteger)
    segment_name: str = Field(sa_type=Text)
    sort_monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    """As in `rfm_features`: here an index has a segment's customers in the order of lists."""
    centre_recency_days: float
    centre_frequency: float
    centre_monetary: float
    distance: float
    """To the centroid, in standard deviations."""
    next_distance: float
    cluster_score: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB, Computed(CLUSTER_SCORE, persisted=False))
    )


class CustomerValue(SQLModel, table=True):
    """What one customer is expected to buy after one snapshot; a partition per calc_date.

    It comes after the snapshot is published. All figures are empty for whoever never bought.
    """

    __tablename__ = "customer_values"
    __table_args__ = {"postgresql_partition_by": "LIST (calc_date)"}

    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    calc_date: datetime = Field(sa_type=timestamptz(), primary_key=True)
    expected_orders_30: float | None = None
    expected_orders_90: float | None = None
    expected_orders_365: float | None = None
    expected_revenue_30: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))
    expected_revenue_90: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))
    expected_revenue_365: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))
    """Discounted to calc_date."""
    revenue_90_low: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))
    """Eight of ten customers like this one spend so much or more, and no more than the high."""
    revenue_90_high: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))
    expected_loss_90: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))
    """By how much the 90 days were worth more on the day of the customer's last order."""
    buys_again_90: float | None = None
    """The chance of an order within 90 days."""
    half_back_days: int | None = None
    """Days until half of customers like this one have bought again; empty: never."""
    overdue: float | None = None
    """The silence as a multiple of the customer's own mean gap; empty with less than two gaps."""


class ValueJudgement(SQLModel, table=True):
    """What would have been expected so many `days` ago beside what came: the newest of each."""

    __tablename__ = "value_judgements"

    days: int = Field(
        sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    run_id: int = Field(sa_type=BigInteger)
    calc_date: datetime = Field(sa_type=timestamptz())
    base_currency: str | None = Field(default=None, sa_type=Text)
    judged_on: JudgedOn = Field(sa_type=JSONB)
    judgement: Judgement = Field(sa_type=JSONB)
    judged_at: datetime = Field(sa_type=timestamptz())


class SegmentStat(SQLModel, table=True):
    """One segment and cluster of one run, added up once so that pages read k rows."""

    __tablename__ = "segment_stats"

    run_id: int = Field(sa_column=run_key())
    cluster_id: int = Field(sa_type=SmallInteger, primary_key=True)
    segment_name: str = Field(sa_type=Text)
    customer_count: int = Field(sa_type=BigInteger)
    customer_share: float
    order_count: int = Field(sa_type=BigInteger)
    monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    monetary_share: float
    avg_recency_days: float
    avg_frequency: float
    avg_monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    avg_order_value: Decimal | None = Field(default=None, sa_type=Numeric(24, MONEY_SCALE))
    median_recency_days: float
    median_frequency: float
    median_monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))


class SegmentCountry(SQLModel, table=True):
    """One segment and cluster of one run in one country, of the commonest countries."""

    __tablename__ = "segment_countries"

    run_id: int = Field(sa_column=run_key())
    country: str = Field(sa_type=Text, primary_key=True)
    """As the customers' file has it; empty for customers without one."""
    cluster_id: int = Field(sa_type=SmallInteger, primary_key=True)
    segment_name: str = Field(sa_type=Text)
    customer_count: int = Field(sa_type=BigInteger)
    order_count: int = Field(sa_type=BigInteger)
    monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    recency_sum: int = Field(sa_type=BigInteger)
    """Days; divided by the customers it is the average, of clusters and segments alike."""
    median_recency_days: float


class CountrySummary(SQLModel, table=True):
    """One country of one run: the part of the run's `summary` that is counted by customer."""

    __tablename__ = "country_summaries"

    run_id: int = Field(sa_column=run_key())
    country: str = Field(sa_type=Text, primary_key=True)
    summary: CountrySums = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs=DICT)


class SegmentFlow(SQLModel, table=True):
    """How many customers, and how much money, went from one segment to another, and why."""

    __tablename__ = "segment_flows"

    run_id: int = Field(sa_column=run_key())
    from_segment: str = Field(sa_type=Text, primary_key=True)
    """Empty for customers who were not in the snapshot before."""
    to_segment: str = Field(sa_type=Text, primary_key=True)
    cause: Cause = Field(sa_type=enum_column(Cause), primary_key=True)
    customers: int = Field(sa_type=BigInteger)
    monetary_before: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    monetary_after: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))


class QuietCustomer(SQLModel, table=True):
    """A customer of value who is going quiet, in one snapshot.

    Frequency and monetary are those of the window that ended with the customer's last order.
    """

    __tablename__ = "quiet_customers"

    run_id: int = Field(sa_column=run_key())
    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    recency_days: int
    frequency: int
    monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))


class RunSample(SQLModel, table=True):
    """At most 3,000 customers of a run, stratified by cluster, for its charts."""

    __tablename__ = "run_samples"

    run_id: int = Field(sa_column=run_key())
    customer_id: str = Field(sa_type=id_text(), primary_key=True)
    recency_days: int
    frequency: int
    monetary: Decimal = Field(sa_type=Numeric(24, MONEY_SCALE))
    cluster_id: int = Field(sa_type=SmallInteger)
    segment_name: str = Field(sa_type=Text)
