"""Expected orders against an independent computation: two integrals over what is not known.

No formula of the product is used: the likelihood of one customer with purchase rate λ and
probability p of stopping is written down, multiplied by the densities of λ and p, and added up on
a grid. Grids are even in s where log λ and logit p are sinh(s): the trapezoid rule is then exact to
many digits although the densities have long tails.
"""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.value import HORIZONS, ValueModel, forecast
from scoring.value.buying import Habits
from scoring.value.spending import Spending
from tests.unit.scoring.value.shops import past

GRID = 351


class Axis(NamedTuple):
    logs: NDArray[np.float64]
    weights: NDArray[np.float64]


def axis(centre: float, scale: float, low: float, high: float) -> Axis:
    steps = np.linspace(-np.arcsinh(low), np.arcsinh(high), GRID)
    return Axis(centre + scale * np.sinh(steps), np.cosh(steps))


def integrate(
    habits: Habits, customer: tuple[int, int, int], horizon: float
) -> tuple[float, float]:
    """Expected orders within the horizon, and the chance of one."""
    r, alpha, a, b = habits.parameters
    x, last, age = customer
    times = x + habits.stops_after_first
    shape = r + x
    rates = axis(np.log(shape / (alpha + (last + age) / 2)), (shape + 1) ** -0.5, 6e3 / shape, 120)
    stops = axis(np.log(a / (b + times)), 1.0, 100 / min(1, a), 100 / min(1, b))
    log_rate = rates.logs[:, None]
    log_p, log_q = -np.logaddexp(0, -stops.logs), -np.logaddexp(0, stops.logs)
    rate, p = np.exp(np.minimum(log_rate, 50)), np.exp(log_p)
    density = r * log_rate - alpha * rate + a * log_p + b * log_q
    active = density + x * log_rate + times * log_q - rate * age
    stopped = density + x * log_rate + log_p + (times - 1) * log_q - rate * last
    weights = rates.weights[:, None] * stops.weights
    top = max(active.max(), stopped.max())
    active_mass = weights * np.exp(active - top)
    stopped_mass = weights * np.exp(stopped - top) if times else np.zeros(1)
    orders = -np.expm1(-rate * p * horizon) / np.maximum(p, 1e-300)
    orders = np.where(rate * p * horizon < 1e-9, rate * horizon, orders)
    any_order = -np.expm1(-rate * horizon)
    whole = active_mass.sum() + stopped_mass.sum()
    return float((active_mass * orders).sum() / whole), float(
        (active_mass * any_order).sum() / whole
    )


SHOPS = {
    "cdnow": Habits(0.525, 43.3, 0.891, 1.614),
    "cdnow, nobody stops after the first": Habits(0.243, 30.9, 0.793, 2.426, False),
    "a is 1, where the hypergeometric form fails": Habits(3.0, 10.0, 1.0, 5.0),
    "few buy at all": Habits(0.05, 2.0, 0.1, 0.3),
    "all buy alike and hardly stop": Habits(20.0, 400.0, 0.02, 9.0),
    "nobody stops": Habits(0.4, 37.0, 0.01, 1e4),
    "fast": Habits(1.5, 1.0, 2.5, 0.7, False),
}
CUSTOMERS = [
    (0, 0, 0), (0, 0, 1), (0, 0, 400), (0, 0, 5000), (1, 1, 1), (1, 1, 3000), (1, 2999, 3000),
    (2, 700, 720), (5, 10, 11), (5, 10, 700), (12, 300, 365), (40, 100, 120), (50, 60, 4000),
    (20, 700, 710), (20, 700, 1400), (90, 91, 92), (3, 3, 3), (1, 180, 181), (7, 350, 365),
    (2, 2, 4000), (4, 30, 33), (0, 0, 30), (0, 0, 90), (3, 1500, 1800), (15, 365, 366),
    (300, 364, 365), (1000, 1000, 1000), (1000, 999, 1400), (1000, 3000, 3000),
]  # fmt: skip


@pytest.mark.parametrize("shop", SHOPS)
def test_orders_and_chances_are_those_of_the_integral(shop: str) -> None:
    """Each customer at one of the horizons."""
    model = ValueModel(
        kind="mbgnbd", habits=SHOPS[shop], spending=Spending(6.0, 4.0, 15.0), log_likelihood=0.0,
        fitted_on=1, returned=1, why="",
    )  # fmt: skip
    made = forecast(model, past(*zip(*CUSTOMERS, strict=True)), 0.0)
    for number, customer in enumerate(CUSTOMERS):
        horizon = HORIZONS[number % 3]
        orders = getattr(made, f"expected_orders_{horizon:.0f}")[number]
        assert integrate(SHOPS[shop], customer, horizon)[0] == pytest.approx(orders, rel=1e-6)
        chance = integrate(SHOPS[shop], customer, 90.0)[1]
        assert chance == pytest.approx(made.buys_again_90[number], rel=1e-6, abs=1e-15)
