"""Customers, one by one and in filtered lists."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, field

from gateway.kit.outlook import Chance, HalfBack, Overdue
from gateway.kit.schemas import Answer, HasOutlook, Money, Score
from gateway.segments.schemas import CustomerRow
from rfm_common.models import Cause


class CustomerList(Answer):
    """One page of the customers that pass the filters."""

    calc_date: datetime
    has_outlook: HasOutlook
    page: int
    page_size: int
    total: int
    customers: list[CustomerRow]


class CustomerScores(Answer):
    """Where a customer stood in one snapshot."""

    calc_date: datetime
    run_id: int
    recency_days: int
    frequency: int
    monetary: Money
    r_score: Score
    f_score: Score
    m_score: Score
    segment_name: str
    cluster_id: int


class ScoreMove(Answer):
    """One score then and now, and what moved it."""

    figure: str
    before: Score
    after: Score
    cause: Cause


class Reason(Answer):
    """Why a customer is in this segment, compared with the snapshot before."""

    since: datetime
    cause: Cause
    has_new_order: bool
    segment_before: str
    segment_by_old_model: Annotated[
        str | None, Meta(description="Where the figures of now would be under the model of then")
    ]
    scores: list[ScoreMove]


class NearBorder(Answer):
    """The border of another segment that a customer is close to, in the customer's snapshot."""

    segment: Annotated[str, Meta(description="The segment on the other side")]
    distance: Annotated[
        float,
        Meta(description="Distance in standard deviations; below 0: past it, segment kept"),
    ]
    margin: Annotated[
        float, Meta(description="How far past the border a customer keeps the segment")
    ]


LACKING = {
    "half_back_days": "Fewer than half of customers like this one are expected to order again"
    " within ten years.",
    "overdue": "Whether this customer is late is not known: it takes orders on three days to know"
    " the usual time between them.",
}
"""Why a figure of an outlook is missing."""


class MissingFigure(Answer):
    """A figure that is null."""

    figure: str
    why: str


class Outlook(Answer):
    """What a customer is expected to buy after the newest snapshot; an order is a day with one."""

    expected_orders_30: Annotated[float, Meta(description="In the next 30 days, on average")]
    expected_orders_90: Annotated[
        float, Meta(description="In the next 90 days, on average", examples=[0.84])
    ]
    expected_orders_365: Annotated[float, Meta(description="In the next 365 days, on average")]
    expected_revenue_30: Money
    expected_revenue_90: Money
    expected_revenue_365: Annotated[
        Decimal, Meta(description="Base currency; what comes later is worth less (RFM_DISCOUNT)")
    ]
    revenue_90_low: Annotated[
        Decimal,
        Meta(description="Eight of ten customers like this one bring so much or more in 90 days"),
    ]
    revenue_90_high: Annotated[Decimal, Meta(description="And no more than this")]
    expected_loss_90: Annotated[
        Decimal,
        Meta(description="By how much the 90 days were worth more on the day of the last order"),
    ]
    buys_again_90: Chance
    half_back_days: HalfBack
    overdue: Overdue
    model: Annotated[str, Meta(description="Which model says so, and why it is this one")]
    missing: Annotated[
        list[MissingFigure], Meta(description="Each figure that is null, and why it is")
    ] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.missing = [
            MissingFigure(figure=figure, why=why)
            for figure, why in LACKING.items()
            if getattr(self, figure) is None
        ]


class OrderRow(Answer):
    """An order as the latest import told it, in its own currency."""

    order_id: str
    order_date: datetime
    order_amount: Annotated[Decimal, Meta(description="In the order's currency")]
    currency: str
    status: Annotated[
        str, Meta(description="What its word means: completed, cancelled, refunded or pending")
    ]
    status_word: Annotated[str, Meta(description="What the file says; empty where it says nothing")]
    is_counted: Annotated[bool, Meta(description="Its status counts and it is in the window")]
    is_refund: Annotated[
        bool, Meta(description="Its amount is negative: counted, it lowers monetary alone")
    ]


class OrderList(Answer):
    """One page of a customer's orders, newest first."""

    customer_id: str
    page: int
    page_size: int
    total: int
    orders: list[OrderRow]


class CustomerDetail(Answer):
    """All that is known of one customer; `rfm` is null before the first run that saw them."""

    customer_id: str
    email: str | None
    country: str | None
    created_at: datetime | None
    excluded_at: Annotated[
        datetime | None, Meta(description="Since when kept out of scores; null: scored")
    ]
    segment: str | None
    rfm: CustomerScores | None
    cluster_score: Annotated[
        dict[str, Any],
        Meta(description="Centroid in real units, distance to it and to the nearest other one"),
    ]
    near: Annotated[
        NearBorder | None, Meta(description="null for a customer who is near no other segment")
    ]
    why: Annotated[
        Reason | None, Meta(description="null without an earlier snapshot of the customer")
    ]
    outlook: Annotated[
        Outlook | None,
        Meta(
            description="null for a customer without a counted order, and for some seconds after"
            " a run, until the figures are computed"
        ),
    ]
    no_outlook: Annotated[
        str | None, Meta(description="Why `outlook` is null, in one sentence; null when it is not")
    ]
    history: Annotated[list[CustomerScores], Meta(description="Every snapshot, newest first")]
    orders: Annotated[list[OrderRow], Meta(description="The newest 100")]
    orders_total: int
