"""What each customer will be worth: orders, revenue and times, from the fitted model."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scoring.value import buying
from scoring.value.buying import Habits
from scoring.value.expectation import expected_orders
from scoring.value.model import ValueModel
from scoring.value.purchases import Figures, Purchases

HORIZONS = (30.0, 90.0, 365.0)
SOON = 90.0
"""Days within which `buys_again_90` looks for an order."""
FEWEST_GAPS = 2
FAR = 700.0
"""Beyond this an exponential overflows."""
FARTHEST = 3_650.0
"""Days; what would take more than ten years is never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One entry per customer; money is in base currency. Orders are purchase days."""

    expected_orders_30: Figures
    expected_orders_90: Figures
    expected_orders_365: Figures
    expected_revenue_30: Figures
    expected_revenue_90: Figures
    expected_revenue_365: Figures
    """Discounted to calc_date."""
    buys_again_90: Figures
    """The chance of at least one order within 90 days, 0 to 1."""
    half_back_days: Figures
    """Days from calc_date until half of customers like this one have bought again; NaN: never."""
    overdue: Figures
    """The silence as a multiple of the customer's own mean gap; NaN with fewer than two gaps."""


class Outlook(NamedTuple):
    """What to expect of each customer within some days; nothing is discounted."""

    orders: Figures
    revenue: Figures
    buys: Figures
    """The chance of at least one order."""


def outlook(model: ValueModel, purchases: Purchases, days: float) -> Outlook:
    """The figures of one horizon."""
    active = buying.active(model.habits, purchases)
    if_active = expected_orders(model.habits, purchases.frequency, purchases.age, (days,), 0.0)
    orders = active * if_active.within[0]
    spend = model.spending.expected(purchases.spend_count, purchases.spend_mean)
    buys = active * _buys_within(model.habits, purchases, days)
    return Outlook(orders, orders * spend, buys)


def forecast(model: ValueModel, purchases: Purchases, discount: float) -> Forecast:
    """The figures of each customer at calc_date; `discount` is a yearly rate, such as 0.1."""
    active = buying.active(model.habits, purchases)
    if_active = expected_orders(
        model.habits, purchases.frequency, purchases.age, HORIZONS, discount
    )
    orders = [active * within for within in if_active.within]
    spend = model.spending.expected(purchases.spend_count, purchases.spend_mean)
    return Forecast(
        expected_orders_30=orders[0],
        expected_orders_90=orders[1],
        expected_orders_365=orders[2],
        expected_revenue_30=orders[0] * spend,
        expected_revenue_90=orders[1] * spend,
        expected_revenue_365=active * if_active.discounted * spend,
        buys_again_90=active * _buys_within(model.habits, purchases, SOON),
        half_back_days=half_back_days(model.habits, purchases),
        overdue=overdue(purchases),
    )


def _buys_within(habits: Habits, purchases: Purchases, days: float) -> Figures:
    """The chance that an active customer buys: 1 - ((α + T) / (α + T + t))^(r + x).

    The first purchase to come depends on λ ~ gamma(r + x, α + T) alone: an active customer
    cannot stop before it.
    """
    growth = np.log1p(days / (habits.alpha + purchases.age))
    return np.asarray(-np.expm1(-(habits.r + purchases.frequency) * growth))


def half_back_days(habits: Habits, purchases: Purchases) -> Figures:
    """When the chance of an order passes one half; NaN where it never does.

    With A the probability of being active, A (1 - ((α + T) / (α + T + t))^(r + x)) = 1/2 gives
    t = (α + T) ((1 - 1 / 2A)^(-1 / (r + x)) - 1).
    """
    odds = buying.log_odds_stopped(habits, purchases.frequency, purchases.recency, purchases.age)
    # 1 - 1 / 2A is (1 - D) / 2, with D the odds of having stopped.
    left = np.where(odds < 0, -np.expm1(np.minimum(odds, 0)) / 2, np.nan)
    growth = -np.log(left) / (habits.r + purchases.frequency)
    days = (habits.alpha + purchases.age) * np.expm1(np.minimum(growth, FAR))
    return np.where(days <= FARTHEST, days, np.nan)


def overdue(purchases: Purchases) -> Figures:
    """Silence against the mean gap, of customers with at least two gaps."""
    has_rhythm = (purchases.frequency >= FEWEST_GAPS) & (purchases.recency > 0)
    gap = purchases.recency / np.where(has_rhythm, purchases.frequency, 1)
    return np.where(has_rhythm, purchases.silence / np.where(has_rhythm, gap, 1), np.nan)
