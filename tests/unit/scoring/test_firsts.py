"""Who bought once, and lately, is not called loyal, in need of attention, at risk or asleep."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from rfm_common.demo import shop
from rfm_common.explain import Standing, segment_of
from scoring.model import Model, Points, Recipe, fit, shift
from scoring.model.fit import broken_names
from scoring.model.model import Start
from tests.unit.scoring.people import any_shop

RECIPE = Recipe(0, "log1p")
NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC).replace(tzinfo=None)
FORBIDDEN = {"Loyal Customers", "Need Attention", "At Risk", "Hibernating"}


def segments(model: Model, features: Points) -> list[str]:
    labels = model.with_firsts(features, model.assign(features).labels)
    return [model.segments[label] for label in labels]


def demo_shop() -> Points:
    """R, F, M of the demo shop's buyers; guests are nobody."""
    orders: dict[str, list[shop.Order]] = {}
    for order in shop.orders(NOW):
        if order.status == "completed" and order.customer_id != shop.GUEST:
            orders.setdefault(order.customer_id, []).append(order)
    figures = [
        ((NOW - max(one.moment for one in lately)).days, len(lately), sum(o.amount for o in lately))
        for all_of_one in orders.values()
        if (lately := [one for one in all_of_one if (NOW - one.moment).days <= 365])
    ]
    return np.array(figures, dtype=float)


def test_first_buyers_of_the_month_in_the_demo_shop_are_new() -> None:
    features = demo_shop()
    model = fit(features, 5, RECIPE)
    firsts = (features[:, 1] == 1) & (features[:, 0] <= 30)
    found = np.array(segments(model, features))
    assert firsts.sum() > 100
    assert set(found[firsts]) == {"New Customers"}
    others = found[~firsts]
    at_risk = features[~firsts][others == "At Risk"]
    assert np.median(at_risk[:, 1]) >= 4
    assert at_risk[:, 2].mean() > np.median(features[:, 2])


@pytest.mark.parametrize("seed", range(40))
def test_in_no_shop_is_a_first_buyer_called_otherwise(seed: int) -> None:
    features = any_shop(seed)
    model = fit(features, 4 + seed % 5, RECIPE)
    firsts = (features[:, 1] == 1) & (features[:, 0] <= model.fresh_days)
    found = np.array(segments(model, features))
    assert not set(found[firsts]) & FORBIDDEN
    assert model.fresh_days <= min(30, np.median(features[:, 0]))
    assert broken_names(model, features) == []
    for row, name in zip(features[:200], found[:200], strict=True):
        one = Standing(recency_days=int(row[0]), frequency=int(row[1]),
                       monetary=Decimal(str(row[2])), segment_name="")  # fmt: skip
        assert segment_of(model.data(), one) == name


def test_a_kept_model_keeps_its_number_of_days_and_an_old_one_has_none() -> None:
    features = any_shop(3)
    first = fit(features, 5, RECIPE)
    start = Start.stored(first.data(), run_id=1)
    older = features + np.array([10.0, 0, 0])
    assert fit(older, 5, RECIPE, start).fresh_days == first.fresh_days or (
        fit(older, 5, RECIPE, start).model_changed
    )
    data = first.data()
    del data["fresh_days"]
    assert Model.stored(data).fresh_days == 0
    assert "New Customers" not in segments(
        Model.stored(data | {"names": ["At Risk"] * 5}), features
    )
    assert fit(features, 5, Recipe(0, "log1p", "classic")).fresh_days == 0


def test_a_proposal_counts_first_buyers_as_they_are_shown() -> None:
    features = any_shop(2)
    model = fit(features, 5, RECIPE)
    start = Start.stored(model.data(), run_id=1)
    assert shift(features, start, model).moved == 0
