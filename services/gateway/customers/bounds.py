"""Between which bounds a list's figures to come are to be, as query parameters."""

from decimal import Decimal
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import QueryParameter

from gateway.customers.filters import Bounds

MOST = 1e15
Figure = Annotated[
    float | None,
    QueryParameter(
        description="Of what is expected; whoever has no such figure is left out", ge=0, le=MOST
    ),
]
Chance = Annotated[float | None, QueryParameter(description="0 to 1", ge=0, le=1)]
Days = Annotated[int | None, QueryParameter(ge=0, le=4000)]
BoundsDep = NamedDependency[Bounds]


def provide_bounds(
    min_expected_orders_90: Figure = None, max_expected_orders_90: Figure = None,
    min_expected_revenue_90: Figure = None, max_expected_revenue_90: Figure = None,
    min_expected_revenue_365: Figure = None, max_expected_revenue_365: Figure = None,
    min_expected_loss_90: Figure = None, max_expected_loss_90: Figure = None,
    min_buys_again_90: Chance = None, max_buys_again_90: Chance = None,
    min_half_back_days: Days = None, max_half_back_days: Days = None,
    min_overdue: Figure = None, max_overdue: Figure = None,
) -> Bounds:  # fmt: skip
    """Those that are given."""
    return given_bounds(locals())


def given_bounds(asked: dict[str, float | None]) -> Bounds:
    """Numbers as they were written: 0.1 is a tenth, and no binary fraction beside it."""
    return {
        name: value if isinstance(value, int) else Decimal(repr(value))
        for name, value in asked.items()
        if value is not None
    }
