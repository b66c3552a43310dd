"""Laws that hold for any shop, tried on the real SQL."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.scoring.shops import (
    CALC_DATE,
    SHOPS,
    Shop,
    by_oracle,
    by_product,
    fill,
    spec_of,
)

law = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@law
@given(shop=SHOPS)
async def test_the_product_agrees_with_the_oracle(sessions, shop: Shop) -> None:
    await fill(sessions, shop)
    assert await by_product(sessions, spec_of(shop)) == dict(by_oracle(shop).customers)


@law
@given(shop=SHOPS, days=st.integers(-400, 400))
async def test_moving_every_date_changes_nothing(sessions, shop: Shop, days: int) -> None:
    shift = timedelta(days=days)
    await fill(sessions, shop)
    before = await by_product(sessions, spec_of(shop))
    moved = replace(
        shop,
        orders=[replace(one, order_date=one.order_date + shift) for one in shop.orders],
        rates=[(name, day + shift, rate) for name, day, rate in shop.rates],
    )
    await fill(sessions, moved)
    assert await by_product(sessions, spec_of(moved, CALC_DATE + shift)) == before


@law
@given(shop=SHOPS, factor=st.sampled_from([Decimal(2), Decimal(10), Decimal(1000)]))
async def test_scaling_amounts_scales_monetary_and_no_score(
    sessions, shop: Shop, factor: Decimal
) -> None:
    """By whole factors: a fraction would be lost where an order's money is rounded to 4 digits."""
    await fill(sessions, shop)
    before = await by_product(sessions, spec_of(shop))
    scaled = replace(shop, orders=[replace(one, amount=one.amount * factor) for one in shop.orders])
    await fill(sessions, scaled)
    after = await by_product(sessions, spec_of(scaled))
    assert after == {
        customer: replace(row, monetary=row.monetary * factor) for customer, row in before.items()
    }


@law
@given(shop=SHOPS)
async def test_a_cancelled_order_more_changes_nothing(sessions, shop: Shop) -> None:
    await fill(sessions, shop)
    before = await by_product(sessions, spec_of(shop))
    extra = replace(shop.orders[0], order_id="extra", status="cancelled", amount=Decimal(10**6))
    await fill(sessions, replace(shop, orders=[*shop.orders, extra]))
    assert await by_product(sessions, spec_of(shop)) == before


@law
@given(shop=SHOPS, data=st.data())
async def test_order_and_repetition_of_lines_change_nothing(
    sessions, shop: Shop, data: st.DataObject
) -> None:
    await fill(sessions, shop)
    before = await by_product(sessions, spec_of(shop))
    again = data.draw(st.permutations([*shop.orders, *shop.orders]))
    await fill(sessions, replace(shop, orders=again))
    assert await by_product(sessions, spec_of(shop)) == before
