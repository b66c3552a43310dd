"""The product agrees with an independent computation, to the last digit, for every customer."""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from rfm_common.db import run_sql
from rfm_common.runs import RunRequest
from scoring.snapshot import frames, reading
from scoring.snapshot.dialects import PostgresDialect
from tests.integration.scoring.shop import ShopOrder, at, load, score, snapshot
from tests.integration.scoring.shops import (
    CALC_DATE,
    RATES,
    Shop,
    by_oracle,
    fill,
    shop_of,
    spec_of,
)

FIGURES = ("recency_days", "frequency", "monetary", "r_score", "f_score", "m_score")


@pytest.mark.parametrize(
    ("seed", "zone"), [(0, "UTC"), (1, "Pacific/Auckland"), (3, "America/St_Johns"), (7, "UTC")]
)
async def test_a_run_agrees_with_the_oracle(settings, sessions, redis, seed, zone) -> None:
    shop = shop_of(seed, size=30 * (seed + 1))
    await fill(sessions, shop)
    settings = settings.model_copy(update={"timezone": zone})
    run = await score(settings, sessions, redis, RunRequest(calc_date=CALC_DATE))
    expected = by_oracle(shop, zone=zone)

    found = await snapshot(sessions, run.calc_date)
    assert {
        customer: tuple(row[name] for name in FIGURES) for customer, row in found.items()
    } == {customer: tuple(getattr(row, name) for name in FIGURES)
          for customer, row in expected.customers.items()}  # fmt: skip
    for name, edges in expected.edges.items():
        stored = [Fraction(str(edge)) for edge in run.edges[name]]
        assert stored == edges
    assert run.summary["orders_left_out"] == expected.left_out > 0
    assert run.base_currency == expected.base_currency == "EUR"
    assert "orders_left_out" in [warning["code"] for warning in run.warnings]


def test_the_shops_of_the_oracle_have_everything_that_goes_wrong() -> None:
    """Ties, refunds, several currencies, rates from a day on, one order, none, window bounds."""
    shop = shop_of(7, size=240)
    rows = by_oracle(shop).customers.values()
    assert {row.frequency for row in rows} >= {0, 1}
    for figure in ("recency_days", "frequency", "monetary"):
        values = [getattr(row, figure) for row in rows if row.frequency]
        assert len(set(values)) < len(values), f"no ties of {figure}"
    assert any(one.amount < 0 for one in shop.orders)
    assert {one.status for one in shop.orders} >= {"completed", "cancelled", "refunded"}
    assert {one.currency for one in shop.orders} >= {"EUR", "USD", "JPY", "XAU", ""}
    bounds = {CALC_DATE, CALC_DATE - timedelta(days=365)}
    assert {one.order_date for one in shop.orders} >= bounds


async def test_a_window_that_nobody_ordered_in(settings, sessions, redis) -> None:
    """Years later: all customers are there, each scored 1, and there are no edges."""
    shop, later = shop_of(2, size=60), CALC_DATE + timedelta(days=1000)
    await fill(sessions, shop)
    run = await score(settings, sessions, redis, RunRequest(calc_date=later))
    found = await snapshot(sessions, run.calc_date)
    assert found.keys() == by_oracle(shop, later).customers.keys()
    assert {tuple(row[name] for name in FIGURES) for row in found.values()} == {
        (366, 0, Decimal(0), 1, 1, 1)
    }
    assert (run.edges, run.clusters_created) == ({}, 0)
    assert {row["segment_name"] for row in found.values()} <= {"Lost", "Prospects"}
    assert "no_orders" in [warning["code"] for warning in run.warnings]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tokyo"])
async def test_a_rate_is_the_one_of_the_day_of_the_shop(settings, sessions, redis, zone) -> None:
    """16:00 on 31 January in UTC is February already in Tokyo: another rate, as the oracle says."""
    orders = [
        ShopOrder("O1", "C1", at("2026-01-31 16:00"), Decimal(10), "USD"),
        ShopOrder("O2", "C2", at("2026-01-31 23:30"), Decimal(10), "USD"),
        *(ShopOrder(f"E{n}", "C3", at("2026-01-05"), Decimal(1), "EUR") for n in range(3)),
    ]
    shop = Shop(orders, rates=RATES)
    await fill(sessions, shop)
    settings = settings.model_copy(update={"timezone": zone})
    run = await score(settings, sessions, redis, RunRequest(calc_date=CALC_DATE))
    found = await snapshot(sessions, run.calc_date)
    assert {one: row["monetary"] for one, row in found.items()} == {
        one: row.monetary for one, row in by_oracle(shop, zone=zone).customers.items()
    }
    assert (found["C1"]["monetary"] == 9) is (zone == "Europe/Berlin")


async def test_a_late_order_belongs_to_the_day_of_the_shop(settings, sessions, redis) -> None:
    """23:30 in Berlin is the same Berlin day: on the next one it is one day old, not two."""
    settings = settings.model_copy(update={"timezone": "Europe/Berlin"})
    late = ShopOrder("O1", "C1", at("2026-07-01 21:30"), Decimal(5))  # 23:30 in Berlin
    next_day = ShopOrder("O2", "C2", at("2026-07-01 22:30"), Decimal(5))  # 00:30 in Berlin
    await load(sessions, [late, next_day])
    end_of_first = settings.end_of_day(at("2026-07-01 12:00"))
    first = await score(settings, sessions, redis, RunRequest(calc_date=end_of_first))
    rows = await snapshot(sessions, first.calc_date)
    assert (rows["C1"]["recency_days"], rows["C1"]["frequency"]) == (0, 1)
    assert (rows["C2"]["recency_days"], rows["C2"]["frequency"]) == (366, 0)

    day_later = end_of_first + timedelta(days=1)
    second = await score(settings, sessions, redis, RunRequest(calc_date=day_later))
    rows = await snapshot(sessions, second.calc_date)
    assert (rows["C1"]["recency_days"], rows["C2"]["recency_days"]) == (1, 0)


CHANGES = [
    # 25 hours lie between midnight and the end of that day
    ("2024-11-03 00:00", "2024-11-03 23:59", 0),
    # from summer to winter time: 9 days and 23:59 by the clock, an hour more by a stop-watch
    ("2024-11-01 00:00", "2024-11-10 23:59", 9),
    # from winter to summer time: 19 days by the clock, an hour less by a stop-watch
    ("2024-03-01 23:30", "2024-03-20 23:30", 19),
]
"""Order and calc_date on the wall clock of New York, and the days between."""


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_the_clock_shifts_nobody(settings, sessions, redis, change) -> None:
    *clocks, days = change
    settings = settings.model_copy(update={"timezone": "America/New_York"})
    moment, calc_date = (datetime.fromisoformat(one).replace(tzinfo=settings.zone)
                         for one in clocks)  # fmt: skip
    shop = Shop([ShopOrder("O1", "C1", moment, Decimal(5))])
    await fill(sessions, shop)
    run = await score(settings, sessions, redis, RunRequest(calc_date=calc_date))
    found = (await snapshot(sessions, run.calc_date))["C1"]["recency_days"]
    assert found == by_oracle(shop, calc_date, "America/New_York").customers["C1"].recency_days
    assert found == days


async def test_the_window_begins_at_the_same_time_of_day(settings, sessions, redis) -> None:
    """240 days before an evening of October it was winter: an hour later by a stop-watch."""
    settings = settings.model_copy(update={"timezone": "America/New_York"})
    calc_date = datetime(2024, 10, 20, 21, 0, tzinfo=settings.zone)
    inside = calc_date - timedelta(days=240)  # by the clock
    shop = [ShopOrder("O1", "C1", inside, Decimal(5)),
            ShopOrder("O2", "C2", inside - timedelta(minutes=1), Decimal(5))]  # fmt: skip
    await load(sessions, shop)
    run = await score(settings, sessions, redis, RunRequest(calc_date=calc_date, window_days=240))
    found = await snapshot(sessions, run.calc_date)
    assert {one: (row["recency_days"], row["frequency"]) for one, row in found.items()} == {
        "C1": (240, 1), "C2": (241, 0)}  # fmt: skip


async def test_amounts_of_different_currencies_are_never_added_as_they_are(
    settings, sessions, redis
) -> None:
    orders = [ShopOrder("O1", "C1", at("2026-01-01"), Decimal("10.00"), "EUR"),
              ShopOrder("O2", "C2", at("2026-01-01"), Decimal("10.00"), "EUR"),
              ShopOrder("O3", "C1", at("2026-01-02"), Decimal("1000.00"), "JPY")]  # fmt: skip
    await load(sessions, orders)
    run = await score(settings, sessions, redis, RunRequest(calc_date="latest"))
    assert (await snapshot(sessions, run.calc_date))["C1"]["monetary"] == Decimal("10.0000")
    assert run.summary["orders_left_out"] == 1

    await load(sessions, rates=[("JPY", at("2026-01-01").date(), "0.0061")])
    run = await score(settings, sessions, redis, RunRequest(calc_date="latest"))
    row = (await snapshot(sessions, run.calc_date))["C1"]
    assert (row["monetary"], row["frequency"]) == (Decimal("16.1000"), 2)
    assert "orders_left_out" not in [warning["code"] for warning in run.warnings]


async def test_the_setting_names_the_base_currency(settings, sessions, redis) -> None:
    settings = settings.model_copy(update={"currency": "USD"})
    await load(sessions, [ShopOrder("O1", "C1", at("2026-01-01"), Decimal(10), "EUR")],
               rates=[("EUR", at("2025-01-01").date(), "1.1")])  # fmt: skip
    run = await score(settings, sessions, redis, RunRequest(calc_date="latest"))
    assert run.base_currency == "USD"
    assert (await snapshot(sessions, run.calc_date))["C1"]["monetary"] == Decimal("11.0000")


async def test_streams_share_the_customers_among_them(sessions) -> None:
    orders = [ShopOrder(f"O{number}", f"C{number % 300}", at("2026-01-01"), Decimal(number))
              for number in range(900)]  # fmt: skip
    shop = Shop(orders, ("never",), ())
    await fill(sessions, shop)
    async with sessions() as session, session.begin():
        await run_sql(session, "ANALYZE orders")
    async with sessions() as session, session.begin():
        parts = await reading.everyone(sessions, session, spec_of(shop), PostgresDialect())
    sizes = [frames.read_features(part).height for part in parts]
    together = frames.read_features(*parts)
    assert len(sizes) == reading.STREAMS
    assert min(sizes) > 100
    assert sum(sizes) == together["customer_id"].n_unique() == 301
