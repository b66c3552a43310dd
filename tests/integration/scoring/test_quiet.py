"""Customers of value who go quiet: who they are, and what they spent before."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from rfm_common.db import run_sql
from rfm_common.runs import RunRequest
from scoring.engines import open_engine
from tests.integration.scoring.shop import ShopOrder, at, caught_up, load, score

TODAY = at("2026-06-30 12:00")
WINDOW = 90
ASKED = RunRequest(calc_date=TODAY, window_days=WINDOW, k=2)


def orders_of(customer: str, *days_ago: int, amount: str = "100", currency: str = "EUR"):
    return [ShopOrder(f"{customer}-{ago}-{amount}", customer, TODAY - timedelta(days=ago),
                      Decimal(amount), currency) for ago in days_ago]  # fmt: skip


def small_ones() -> list[ShopOrder]:
    """Forty who ordered once in the last days: beside them three orders are much."""
    return [one for n in range(40) for one in orders_of(f"small-{n}", n % 30, amount="10")]


async def quiet(sessions, run):
    async with sessions() as session:
        query = "SELECT * FROM quiet_customers WHERE run_id = :run ORDER BY monetary DESC"
        found = (await run_sql(session, query, run=run.run_id)).mappings()
        return {row["customer_id"]: (row["recency_days"], row["frequency"], row["monetary"])
                for row in found}  # fmt: skip


async def scored(settings, sessions, redis, orders, rates=()):
    await load(sessions, [*small_ones(), *orders], rates=rates)
    run = await score(settings, sessions, redis, ASKED)
    return run, await quiet(sessions, run)


@pytest.mark.parametrize(
    ("days_ago", "found"),
    [
        ((60, 70, 80), (60, 3, 300)),  # in the window still
        ((80, 100, 160), (80, 3, 300)),  # what they spent before lies before the window, too
        ((120, 150, 200), (120, 3, 300)),  # not in the window any more
        ((120, 150, 210), (120, 2, 200)),  # 210 is 90 days before the last order: outside
        ((180, 190), (180, 2, 200)),  # two windows of silence
        ((181, 190), None),  # longer: gone
        ((60,), None),  # never came back
        ((1, 60, 70, 80), None),  # not quiet
    ],
)
async def test_who_is_going_quiet(settings, sessions, redis, days_ago, found) -> None:
    run, rows = await scored(settings, sessions, redis, orders_of("good", *days_ago))
    assert rows == ({"good": found} if found else {})
    assert run.summary["slipping"] == {
        "customers": len(rows), "monetary": f"{found[2] if found else 0}.0000"}  # fmt: skip


async def test_only_customers_of_value_are_listed(settings, sessions, redis) -> None:
    """Twice for a cent is no loss; whoever spent most comes first, refunds taken off."""
    orders = [*orders_of("poor", 60, 70, amount="0.01"), *orders_of("rich", 60, 70, amount="500"),
              *orders_of("rich", 50, amount="-200"), *orders_of("good", 65, 75)]  # fmt: skip
    run, rows = await scored(settings, sessions, redis, orders)
    assert next(iter(rows.items())) == ("rich", (60, 2, 800))
    assert rows.keys() >= {"rich", "good"}
    assert run.summary["slipping"]["monetary"] == f"{sum(row[2] for row in rows.values())}"


async def test_money_from_before_the_window_is_converted_too(settings, sessions, redis) -> None:
    rates = [("USD", date(2025, 1, 1), "0.5"), ("USD", date(2026, 6, 1), "0.9")]
    orders = [*orders_of("good", 120, 150, currency="USD"), *orders_of("lost-rate", 120, 150,
              currency="JPY")]  # fmt: skip
    _, rows = await scored(settings, sessions, redis, orders, rates)
    assert rows == {"good": (120, 2, 100)}


async def test_half_of_a_shop_that_left_is_what_is_slipping(settings, sessions, redis) -> None:
    gone = [one for n in range(20) for one in orders_of(f"gone-{n}", 100, 110, 120)]
    run, rows = await scored(settings, sessions, redis, gone)
    assert len(rows) == 20
    assert run.summary["slipping"] == {"customers": 20, "monetary": "6000.0000"}


async def test_nobody_ordered_so_nobody_is_going(settings, sessions, redis) -> None:
    await load(sessions, customers=["C1"])
    run = await score(settings, sessions, redis, ASKED)
    assert run.summary["slipping"] == {"customers": 0, "monetary": "0.0000"}


async def test_the_list_goes_with_its_snapshot(settings, sessions, redis) -> None:
    run, rows = await scored(settings, sessions, redis, orders_of("good", 60, 70))
    again = await score(settings, sessions, redis, ASKED)
    assert rows == await quiet(sessions, again)
    assert await quiet(sessions, run) == {}


async def test_who_comes_back_or_joins_changes_the_list_as_a_full_run_would(
    settings, sessions, redis
) -> None:
    """The worker remembers what it read of the others."""
    worker = open_engine(settings, sessions)
    first = [one for name in ("back", "away") for one in orders_of(name, 60, 70, 80)]
    await load(sessions, [*small_ones(), *first])
    await caught_up(sessions)
    before = await quiet(sessions, await score(settings, sessions, redis, ASKED, worker))
    assert before.keys() == {"back", "away"}
    await load(sessions, [*orders_of("back", 1, amount="20"), *orders_of("late", 50, 55)])
    await caught_up(sessions)
    quick = await quiet(sessions, await score(settings, sessions, redis, ASKED, worker))
    assert quick == {"away": before["away"], "late": (50, 2, 200)}
    assert quick == await quiet(sessions, await score(settings, sessions, redis, ASKED))
