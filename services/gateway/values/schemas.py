"""What was expected some days ago, beside what came."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from gateway.kit.schemas import Answer

RankedBy = Annotated[
    Literal["value", "revenue", "scores", "recency"],
    Meta(
        description="`value`: expected revenue; `revenue`: revenue in the window; `scores`: the"
        " sum of R, F and M scores; `recency`: days since the last order"
    ),
]
Worth = Annotated[float, Meta(description="In the base currency")]


class Ranking(Answer):
    """What lists of customers are ranked by, and why."""

    by: RankedBy
    is_proven: Annotated[
        bool, Meta(description="False where the past is too short, or too few bought")
    ]
    sentence: Annotated[
        str,
        Meta(
            description="To show beside such a list",
            examples=[
                "On this shop, value to come ranks customers best: it earns 78 points, where 100 is"
                " the order of what they really spent and 0 is chance (revenue of the last year 70,"
                " the sum of R, F and M scores 73, the days since the last order 41)."
            ],
        ),
    ]


class Tenth(Answer):
    """A tenth of the customers, ranked by the orders expected of them, the fewest first."""

    customers: int
    expected_orders: float
    actual_orders: float
    expected_revenue: Worth
    actual_revenue: Worth


class Rank(Answer):
    """How well one order of the customers agrees with what they did."""

    name: RankedBy
    gini: Annotated[
        float,
        Meta(description="Of revenue: 1 is the order of what they really spent, 0 is chance"),
    ]
    auc: Annotated[
        float,
        Meta(
            description="How often, of two customers of whom one bought again, that one stands"
            " higher: 1 always, 0.5 is chance"
        ),
    ]


class Trust(Answer):
    """The judgement of one cut."""

    window_days: Annotated[
        int, Meta(description="Of the revenue and the scores that customers are also ranked by")
    ]
    customers: Annotated[int, Meta(description="Who had bought by the cut")]
    bought_again: Annotated[int, Meta(description="Those of them who bought after it")]
    expected_orders: float
    actual_orders: Annotated[
        float, Meta(description="A day with several orders of a customer counts as one")
    ]
    expected_revenue: Worth
    actual_revenue: Annotated[Worth, Meta(description="Less refunds")]
    error: Annotated[
        float | None,
        Meta(description="Share of orders expected too many (negative: too few); null: none came"),
    ]
    revenue_error: Annotated[
        float | None, Meta(description="The same of revenue; null: refunds left nothing")
    ]
    rises: Annotated[bool, Meta(description="Each tenth bought more than the one before")]
    off: Annotated[int, Meta(description="Tenths that bought much more or less than expected")]
    groups: list[Tenth]
    rankings: Annotated[list[Rank], Meta(description="Value to come first, then the plain ones")]
    best: RankedBy
    sentences: Annotated[
        list[str], Meta(description="Which ranking is best, and whether the amounts can be used")
    ]
    is_clear: Annotated[
        bool, Meta(description="False where too few bought again to say which ranking is best")
    ] = True
    """Judgements of versions that did not keep it are read until the next day replaces them."""


class Past(Answer):
    """What scoring keeps of one cut."""

    known_until: Annotated[
        date,
        Meta(
            description="The last day that the model knew, by the shop's calendar",
            examples=["2026-08-29"],
        ),
    ]
    came_until: Annotated[date, Meta(description="The last day of what came, by the same")]
    first_day: Annotated[date | None, Meta(description="Of anybody's first order")]
    model: Annotated[
        dict[str, Any] | None,
        Meta(description="The model that was fitted on what was known, with its parameters"),
    ]
    trust: Annotated[Trust | None, Meta(description="Null where the past is too short")]
    weeks: Annotated[
        list[tuple[float, float]],
        Meta(description="Orders expected and orders that came in each whole week"),
    ]


class Cut(Past):
    """The judgement of one cut, or what is missing for it."""

    days: Annotated[int, Meta(description="Between the cut and the end", examples=[90, 30, 180])]
    missing: Annotated[
        str | None,
        Meta(
            description="Why there is nothing to compare, and from when on there is",
            examples=[
                "Nobody had bought by 2026-08-29, 90 days before the end: the first order is of"
                " 2026-09-14. There will be something to compare from 2026-12-14 on."
            ],
        ),
    ]


class TrustReport(Answer):
    """The newest judgements, that of 90 days first."""

    run_id: Annotated[int, Meta(description="The run whose snapshot the first one belongs to")]
    calc_date: datetime
    base_currency: str | None
    judged_at: datetime
    ranking: Ranking
    cuts: list[Cut]
