"""How far what a customer spends may lie from what is expected: a range instead of one number.

Orders of an active customer are taken as negative binomial with shape r + x, and the amounts of a
purchase day as gamma with shape p around a mean of the customer's own (gamma-gamma). Among those
who buy at all, revenue is taken as the gamma distribution of the same mean and variance.
"""

import numpy as np
from scipy.special import gammaincinv

from scoring.value import buying
from scoring.value.forecasting import Forecast
from scoring.value.model import ValueModel
from scoring.value.purchases import Figures, Purchases

ENDS = (0.1, 0.9)
"""Eight of ten customers lie between."""
LEAST = 1e-12


def revenue_range(
    model: ValueModel, purchases: Purchases, expected: Forecast
) -> tuple[Figures, Figures]:
    """Between which two amounts eight of ten customers like each one spend within 90 days.

    0 where it is likely enough that nothing is bought.
    """
    chance = np.maximum(expected.buys_again_90, LEAST)
    mean = np.maximum(expected.expected_revenue_90 / chance, LEAST)
    square = _square(model, purchases, expected.expected_orders_90) / chance
    shape = np.maximum(mean**2 / np.maximum(square - mean**2, LEAST), LEAST)
    low, high = (
        np.where(rank > 0, gammaincinv(shape, np.maximum(rank, 0)) * mean / shape, 0.0)
        for rank in ((end - 1 + chance) / chance for end in ENDS)
    )
    return low, high


def _square(model: ValueModel, purchases: Purchases, orders: Figures) -> Figures:
    """The mean square of what each customer spends."""
    active = np.maximum(buying.active(model.habits, purchases), LEAST)
    within = orders / active
    squared = active * (within + within**2 / (model.habits.r + purchases.frequency) + within**2)
    return _squared_mean(model, purchases) * (squared + orders / model.spending.p)


def _squared_mean(model: ValueModel, purchases: Purchases) -> Figures:
    """The mean square of what each customer usually spends on a purchase day."""
    spending = model.spending
    mean = spending.expected(purchases.spend_count, purchases.spend_mean)
    rest = spending.p * purchases.spend_count + spending.q
    return mean**2 * (rest - 1) / np.maximum(rest - 2, 0.5)
