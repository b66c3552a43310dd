"""The range of what customers spend, against customers that are drawn from the same model."""

import numpy as np
import pytest

from scoring.value import Purchases, ValueModel, forecast, revenue_range
from scoring.value.buying import Habits, active
from scoring.value.spending import Spending

MODEL = ValueModel(
    kind="mbgnbd", habits=Habits(0.525, 43.3, 0.891, 1.614), spending=Spending(6.25, 3.74, 15.44),
    log_likelihood=0.0, fitted_on=1, returned=1, why="",
)  # fmt: skip
DRAWN = 20_000


def past(*figures: float) -> Purchases:
    names = ("frequency", "recency", "age", "spend_count", "spend_mean")
    known = zip(names, figures, strict=True)
    return Purchases(**{name: np.array([float(one)]) for name, one in known})


def spent(known: Purchases) -> np.ndarray:
    """What customers like this one spend in 90 days, one by one."""
    rng, habits, amounts = np.random.default_rng(7), MODEL.habits, MODEL.spending
    times, total = known.frequency[0], known.spend_count[0] * known.spend_mean[0]
    rate = rng.gamma(habits.r + times, 1 / (habits.alpha + known.age[0]), DRAWN)
    stops = rng.beta(habits.a, habits.b + times + 1, DRAWN)
    scale = rng.gamma(amounts.p * known.spend_count[0] + amounts.q, 1 / (amounts.v + total), DRAWN)
    on = rng.random(DRAWN) < active(habits, known)[0]
    clock, money = np.zeros(DRAWN), np.zeros(DRAWN)
    while on.any():
        clock[on] += rng.exponential(1 / rate[on])
        on &= clock < 90
        money[on] += rng.gamma(amounts.p, 1 / scale[on])
        on &= rng.random(DRAWN) >= stops
    return money


@pytest.mark.parametrize(
    "figures",
    [(0, 0, 10, 1, 30), (5, 200, 220, 6, 50), (20, 300, 310, 21, 40), (10, 360, 361, 11, 100)],
)
def test_about_eight_of_ten_customers_spend_what_the_range_says(figures) -> None:
    known = past(*figures)
    low, high = revenue_range(MODEL, known, forecast(MODEL, known, 0.1))
    drawn = spent(known)
    assert np.mean(drawn <= high) == pytest.approx(0.9, abs=0.03)
    assert np.mean(drawn >= low) == pytest.approx(0.9, abs=0.05) or low[0] == 0


def test_whoever_hardly_buys_again_has_no_range() -> None:
    known = past(0, 0, 2000, 1, 30)
    assert [one[0] for one in revenue_range(MODEL, known, forecast(MODEL, known, 0.1))] == [0, 0]


@pytest.mark.parametrize("mean", [0, -10, 1e-9, 1e12])
def test_any_amount_gives_a_range(mean) -> None:
    known = past(3, 30, 31, 4, mean)
    low, high = revenue_range(MODEL, known, forecast(MODEL, known, 0.1))
    assert np.isfinite([low, high]).all()
    assert 0 <= low[0] <= high[0]
