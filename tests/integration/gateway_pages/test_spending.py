"""What a customer's page says was spent is what runs measure."""

from datetime import timedelta

import pytest

from gateway.customers.spending import spent_by_stretch
from rfm_common.db import run_sql
from rfm_common.runs import RunRequest
from tests.integration.scoring.shop import load, score
from tests.integration.scoring.shops import CALC_DATE, shop_of

WINDOW = 365


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
async def test_money_is_that_of_the_window_in_all_currencies(
    settings, sessions, redis, zone
) -> None:
    """With rates of the day, refunds, and what does not count; a clock has changed in between."""
    shop = shop_of(seed=5)
    on_the_edge = CALC_DATE - timedelta(days=WINDOW)
    orders = [one for one in shop.orders if one.order_date != on_the_edge]
    await load(sessions, orders, shop.customers, shop.rates)
    settings = settings.model_copy(update={"timezone": zone, "currency": "EUR"})
    asked = RunRequest(calc_date=CALC_DATE, window_days=WINDOW)
    run = await score(settings, sessions, redis, asked)
    query = "SELECT customer_id, monetary FROM rfm_features WHERE calc_date = :moment"
    left_out = 0
    async with sessions() as session:
        for customer_id, monetary in (await run_sql(session, query, moment=CALC_DATE)).all():
            spent = await spent_by_stretch(
                session, settings, customer_id, CALC_DATE, run.base_currency, WINDOW
            )
            newest = [one for one in spent if not one.ago]
            assert sum(one.money for one in newest) == monetary, customer_id
            left_out += sum(one.left_out for one in newest)
    assert left_out == run.summary["orders_left_out"] > 0
