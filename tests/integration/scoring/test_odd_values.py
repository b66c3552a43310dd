"""Figures of odd shops, through the job: a number for everybody who bought, and a sentence why."""

from math import isfinite
from typing import Any

import pytest

from gateway.imports.demo import remove_demo
from rfm_common.db import Sessions, run_sql
from rfm_common.snapshots import VALUES
from tests.integration.scoring.shop import ShopOrder, load, run_of
from tests.integration.scoring.test_forecasts import figures, forecast_all, orders_of, score, shop

MAY_BE_EMPTY = {"half_back_days", "overdue"}


def several(customers: int, *days_ago: float, **rest: Any) -> list[ShopOrder]:
    return [one for n in range(customers) for one in orders_of(f"c{n:03d}", *days_ago, **rest)]


def refunded(customers: int, *days_ago: float, amount: str) -> list[ShopOrder]:
    """All that was paid, and a day later paid back."""
    return [*several(customers, *days_ago, amount=amount),
            *several(customers, *(ago - 1 for ago in days_ago), amount=f"-{amount}")]  # fmt: skip


SHOPS = {
    "one customer": several(1, 5, 50),
    "one customer, one order": several(1, 5),
    "20 customers": several(20, 3, 33, 300),
    "zero spend": several(60, 10, 40, amount="0"),
    "all amounts equal": several(60, 10, 40, amount="9.99") + orders_of("once", 3, amount="9.99"),
    "all refunded": refunded(60, 10, 40, amount="25"),
    "refunded more than paid": several(60, 10, 40) + several(60, 5, amount="-500"),
    "a thousand orders a year": several(3, *(n * 0.365 for n in range(1000))),
    "yen": several(60, 10, 40, amount="1500000", currency="JPY"),
    "dinar": several(60, 10, 40, amount="0.005", currency="KWD"),
    "as much as a column holds": several(60, 10, 40, amount="99999999999999.9999"),
    "no rate for anything": shop() + several(5, 1, 2, 3, currency="XAU"),
}


@pytest.mark.parametrize("orders", SHOPS.values(), ids=SHOPS)
async def test_everybody_who_bought_has_every_figure(settings, sessions, redis, orders) -> None:
    await load(sessions, orders, customers=["never"])
    run = await score(settings, sessions, redis)
    await forecast_all(settings, sessions)
    found = await figures(sessions)
    assert set(found) == {one.customer_id for one in orders} | {"never"}
    for customer, row in found.items():
        known = {name for name, value in row.items() if value is not None}
        missing = row.keys() - known
        assert missing <= MAY_BE_EMPTY or customer == "never", customer
        numbers = [float(row[name]) for name in known - {"customer_id", "calc_date"}]
        assert all(isfinite(one) and one >= 0 for one in numbers), customer
        assert customer == "never" or row["revenue_90_low"] <= row["revenue_90_high"]
    told = (await run_of(sessions, run.run_id)).forecast
    assert told["model"]["why"].endswith(".")
    assert told["totals"]["customers"] == len(found) - 1
    assert list(told["timings"]) == ["fit", "read", "write", "figures"]


@pytest.mark.parametrize("name", ["zero spend", "all refunded", "refunded more than paid"])
async def test_who_kept_nothing_is_expected_to_spend_nothing(
    settings, sessions, redis, name
) -> None:
    await load(sessions, SHOPS[name])
    await score(settings, sessions, redis)
    await forecast_all(settings, sessions)
    for row in (await figures(sessions)).values():
        assert row["expected_revenue_90"] == row["revenue_90_high"] == row["expected_loss_90"] == 0


async def of_the_demo(sessions: Sessions) -> set[str]:
    return {name for name in await figures(sessions) if name.startswith("DEMO-")}


async def test_customers_of_the_demo_are_gone_with_the_next_run(settings, sessions, redis) -> None:
    await load(sessions, shop())
    await load(sessions, [one for n in range(9) for one in orders_of(f"DEMO-{n}", 5, 9)])
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET is_demo = TRUE WHERE data_version = 2")
    await score(settings, sessions, redis)
    await forecast_all(settings, sessions)
    assert len(await of_the_demo(sessions)) == 9
    assert (await remove_demo(sessions, settings)).customers == 9
    run = await score(settings, sessions, redis)
    await forecast_all(settings, sessions)
    assert await of_the_demo(sessions) == set()
    assert (await run_of(sessions, run.run_id)).forecast["totals"]["customers"] == 40
    async with sessions() as session:
        tables = f"SELECT count(*) FROM pg_class WHERE relname ~ '^{VALUES}_[0-9]+(_[0-9]+)?$'"
        assert (await run_sql(session, tables)).scalar_one() == 1
