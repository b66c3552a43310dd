"""Fitting and forecasting: complete figures, the same for the same customers, stored and read."""

import json
from dataclasses import fields

import numpy as np
import pytest

from scoring.value import Forecast, Purchases, ValueModel, fit_value, forecast
from tests.unit.scoring.value.shops import past, regulars


def figures(model: ValueModel, purchases: Purchases) -> dict[str, np.ndarray]:
    made = forecast(model, purchases, 0.1)
    return {one.name: getattr(made, one.name) for one in fields(Forecast)}


def test_a_stored_model_gives_the_same_figures() -> None:
    shop = regulars(800)
    model = fit_value(shop)
    again = ValueModel.stored(json.loads(json.dumps(model.data())))
    assert again == model
    for name, values in figures(model, shop).items():
        np.testing.assert_array_equal(values, figures(again, shop)[name])


def test_a_model_does_not_depend_on_the_order_of_customers() -> None:
    shop = regulars(800)
    assert fit_value(shop).habits == fit_value(shop.take(np.arange(800)[::-1])).habits


def test_some_customers_get_what_all_get() -> None:
    shop = regulars(800)
    model, rows = fit_value(shop), np.array([7, 3, 500, 3])
    of_all, of_some = figures(model, shop), figures(model, shop.take(rows))
    for name, values in of_all.items():
        np.testing.assert_array_equal(values[rows], of_some[name])


def test_with_few_repeat_buyers_usual_habits_serve() -> None:
    model = fit_value(past([0] * 300 + [1] * 7, [0] * 300 + [40] * 7, 200))
    assert model.kind == "rates"
    assert model.why.startswith("7 customers have come back, too few")


def test_longer_horizons_hold_more_and_discounting_takes_some_away() -> None:
    shop = regulars(800)
    made = figures(fit_value(shop), shop)
    assert (made["expected_orders_30"] < made["expected_orders_90"]).all()
    assert (made["expected_orders_90"] < made["expected_orders_365"]).all()
    assert (made["expected_revenue_90"] < made["expected_revenue_365"]).all()
    assert (made["buys_again_90"] <= made["expected_orders_90"]).all()


def test_overdue_is_the_silence_against_the_own_gap() -> None:
    shop = past([0, 1, 2, 4], [0, 50, 60, 100], [30, 80, 120, 150])
    made = figures(fit_value(shop), shop)
    np.testing.assert_array_equal(made["overdue"], [np.nan, np.nan, 2.0, 2.0])


@pytest.mark.parametrize("horizon", [30, 90, 365])
def test_nothing_is_worth_less_without_a_discount(horizon: int) -> None:
    shop = regulars(300)
    model = fit_value(shop)
    made = forecast(model, shop, 0.0)
    spend = made.expected_revenue_30 / made.expected_orders_30
    orders = getattr(made, f"expected_orders_{horizon}")
    np.testing.assert_allclose(getattr(made, f"expected_revenue_{horizon}"), orders * spend)
