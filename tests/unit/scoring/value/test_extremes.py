"""Shops that break formulas: a figure for everybody, or a dash where none can be given."""

import warnings
from dataclasses import fields, replace

import numpy as np
import pytest

from scoring.value import Forecast, Purchases, fit_value, forecast
from tests.unit.scoring.value.shops import past, regulars

DASHES = {"half_back_days", "overdue"}
SHOPS = {
    "nobody": regulars(0),
    "one customer, one order today": past(0, 0, 0),
    "one customer, one order long ago": past(0, 0, 3000),
    "one customer, many orders": past(400, 400, 400),
    "20 customers": regulars(20),
    "20 customers, one order each": past([0] * 20, 0, 100),
    "thousand orders a year": past([365] * 80, 365, 365),
    "thousand orders a year among many": past(
        [0] * 500 + [1000] * 60, [0] * 500 + [1000] * 60, 1000
    ),
    "everybody alike": past([3] * 500, 90, 120),
    "everybody bought today": past([0] * 500, 0, 0),
    "nobody came back": past([0] * 5000, 0, np.arange(5000)),
    "all amounts equal": past([2] * 400 + [0] * 600, [100] * 400 + [0] * 600, 300, 9.99),
    "zero spend": past([2] * 400 + [0] * 600, [100] * 400 + [0] * 600, 300, 0.0),
    "all refunded": past([2] * 400 + [0] * 600, [100] * 400 + [0] * 600, 300, -0.0),
    "refunded more than paid": past([2] * 400 + [0] * 600, [100] * 400 + [0] * 600, 300, -50.0),
    "one whale": replace(regulars(900), spend_mean=np.r_[1e12, np.full(899, 10.0)]),
    "yen": replace(regulars(900), spend_mean=regulars(900).spend_mean * 15_000),
    "dinar": replace(regulars(900), spend_mean=regulars(900).spend_mean * 1e-6),
    "clockwork": past(np.arange(1, 301), np.arange(1, 301) * 7, np.arange(1, 301) * 7 + 3),
    "silent for ten years": past([5] * 300, 30, 3650),
}  # fmt: skip


@pytest.mark.parametrize("shop", SHOPS.values(), ids=SHOPS)
def test_every_figure_is_a_number(shop: Purchases) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit_value(shop)
        made = forecast(model, shop, 0.1)
    for one in fields(Forecast):
        values = getattr(made, one.name)
        assert values.shape == (len(shop),)
        known = values[~np.isnan(values)] if one.name in DASHES else values
        assert np.isfinite(known).all(), one.name
        assert (known >= 0).all(), one.name
    assert (made.buys_again_90 <= 1).all()
    assert model.why.endswith(".")


@pytest.mark.parametrize("factor", [1e-3, 150.0, 15_000.0])
def test_the_currency_makes_no_difference(factor: float) -> None:
    shop = regulars(900)
    other = replace(shop, spend_mean=shop.spend_mean * factor)
    here, there = (forecast(fit_value(one), one, 0.1) for one in (shop, other))
    np.testing.assert_allclose(
        there.expected_revenue_90, here.expected_revenue_90 * factor, rtol=1e-5
    )


def test_who_paid_nothing_is_expected_to_pay_little() -> None:
    shop = replace(regulars(900), spend_mean=np.r_[0.0, -20.0, np.full(898, 30.0)])
    made = forecast(fit_value(shop), shop, 0.1)
    per_order = made.expected_revenue_90 / made.expected_orders_90
    assert (per_order[:2] < per_order[2]).all()
    assert (per_order[:2] >= 0).all()
