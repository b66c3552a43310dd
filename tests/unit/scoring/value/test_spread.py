"""The range of what customers spend, against customers that are drawn from the same model."""

import numpy as np
import pytest

from scoring.value import Purchases, ValueModel, fit_value, revenue_range
from scoring.value.buying import Habits, active
from scoring.value.spending import Spending
from tests.unit.scoring.value.shops import regulars
from tests.unit.scoring.value.simulation import PROCESSES, Process, simulate

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
    [
        (0, 0, 10, 1, 30),
        (0, 0, 0, 1, 30),
        (2, 20, 21, 3, 80),
        (5, 200, 220, 6, 50),
        (20, 300, 310, 21, 40),
        (10, 360, 361, 11, 100),
        (60, 300, 302, 61, 25),
        (100, 200, 210, 101, 9),
    ],
)
def test_about_eight_of_ten_customers_spend_what_the_range_says(figures) -> None:
    known = past(*figures)
    low, high = revenue_range(MODEL, known)
    drawn = spent(known)
    assert np.mean(drawn <= high) == pytest.approx(0.9, abs=0.015)
    assert np.mean(drawn >= low) == pytest.approx(0.9, abs=0.015) or low[0] == 0


def test_whoever_hardly_buys_again_has_no_range() -> None:
    known = past(0, 0, 2000, 1, 30)
    assert [one[0] for one in revenue_range(MODEL, known)] == [0, 0]


@pytest.mark.parametrize("mean", [0, -10, 1e-9, 1e12])
def test_any_amount_gives_a_range(mean) -> None:
    known = past(3, 30, 31, 4, mean)
    low, high = revenue_range(MODEL, known)
    assert np.isfinite([low, high]).all()
    assert 0 <= low[0] <= high[0]


def test_some_customers_get_the_range_that_all_get() -> None:
    shop = regulars(800)
    rows = np.array([7, 3, 500, 3])
    of_all, of_some = revenue_range(MODEL, shop), revenue_range(MODEL, shop.take(rows))
    np.testing.assert_array_equal([one[rows] for one in of_all], of_some)


def outside(process: Process, seed: int) -> np.ndarray:
    """Of each customer: spent less than the range, more, is known as a frequent buyer, whose range
    does not begin at 0."""
    shop = simulate(process, seed)
    low, high = revenue_range(fit_value(shop.before), shop.before)
    spent = shop.actual.revenue
    return np.column_stack((spent < low, spent > high, (shop.before.frequency >= 8) & (low > 0)))


@pytest.mark.parametrize("process", PROCESSES)
def test_of_simulated_customers_eight_of_ten_are_inside(process: Process) -> None:
    """More, where nothing bought is one of ten cases: then nobody is below. Frequent buyers may
    have stopped, and are looked at apart; regular ones vary less than the model knows."""
    below, above, often = np.concatenate([outside(process, seed) for seed in range(1, 9)]).T
    assert often.sum() > 200
    assert above.mean() <= 0.1
    assert (below | above).mean() <= 0.2
    assert 0.06 <= below[often].mean() <= 0.13
    off = 0.08 if process == "regular" else 0.04
    assert (below | above)[often].mean() == pytest.approx(0.2, abs=off)
