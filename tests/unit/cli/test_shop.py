"""The demo shop: believable, marked as a demo, and the same tomorrow plus one day."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest

from rfm_common.demo.shop import (
    GUEST,
    YEARS,
    Customer,
    Order,
    broken_rows,
    customer_file,
    customers,
    live_orders,
    order_file,
    orders,
)

NOW = datetime(2026, 11, 22, 21, 0)  # noqa: DTZ001 - the shop's own clock


@pytest.fixture(scope="module")
def members() -> list[Customer]:
    return list(customers(NOW))


@pytest.fixture(scope="module")
def sales() -> list[Order]:
    return list(orders(NOW))


def test_about_5000_customers_and_60000_orders(members: list[Customer], sales: list[Order]) -> None:
    assert 4_500 < len(members) < 5_500
    assert 54_000 < len(sales) < 66_000


def test_every_id_is_marked_and_used_once(members: list[Customer], sales: list[Order]) -> None:
    ids = [member.customer_id for member in members]
    order_ids = [order.order_id for order in sales]
    assert all(name.startswith("DEMO-") for name in ids + order_ids)
    assert len(set(ids)) == len(ids)
    assert len(set(order_ids)) == len(order_ids)


def test_every_order_is_by_a_customer_or_a_guest(
    members: list[Customer], sales: list[Order]
) -> None:
    known = {member.customer_id: member.joined for member in members}
    for order in sales:
        assert order.customer_id == GUEST or known[order.customer_id] <= order.moment
        assert NOW - YEARS - timedelta(days=7) <= order.moment <= NOW
    guests = sum(order.customer_id == GUEST for order in sales)
    assert 0.01 < guests / len(sales) < 0.05


def test_addresses_reach_nobody(members: list[Customer]) -> None:
    assert all(member.email.endswith("@example.com") for member in members)


@pytest.mark.parametrize("days", [1, 40])
def test_tomorrow_is_today_and_more(sales: list[Order], days: int) -> None:
    """What both days know is equal, so loading the shop again changes and doubles nothing."""
    later_now = NOW + timedelta(days=days)
    today = {order.order_id: order for order in sales}
    later = {order.order_id: order for order in orders(later_now)}
    shared = today.keys() & later.keys()
    assert all(today[order_id] == later[order_id] for order_id in shared)
    assert all(later[order_id].moment > NOW for order_id in later.keys() - shared)
    gone = {today[order_id].customer_id for order_id in today.keys() - shared} - {GUEST}
    still = {member.customer_id for member in customers(later_now)}
    assert gone.isdisjoint(still), "only those who joined over two years ago drop out"


def test_december_is_busier_than_february(sales: list[Order]) -> None:
    months = Counter((order.moment.year, order.moment.month) for order in sales)
    assert months[2025, 12] > 1.3 * months[2026, 2]
    assert months[2025, 11] > 1.2 * months[2025, 9]


def test_weekdays_and_hours_have_a_pattern(sales: list[Order]) -> None:
    weekdays = Counter(order.moment.weekday() for order in sales)
    assert weekdays[6] > 1.2 * weekdays[5], "people buy on Sunday, not on Saturday"
    hours = Counter(order.moment.hour for order in sales)
    assert hours[19] > 5 * (hours[3] + 1)


def test_some_stay_and_some_lapse(members: list[Customer], sales: list[Order]) -> None:
    dates = defaultdict(list)
    for order in sales:
        dates[order.customer_id].append(order.moment)
    old = [member for member in members if member.joined < NOW - timedelta(days=400)]
    loyal = [m for m in old if len(dates[m.customer_id]) >= 25
             and max(dates[m.customer_id]) > NOW - timedelta(days=30)]  # fmt: skip
    lapsed = [m for m in old if len(dates[m.customer_id]) >= 5
              and max(dates[m.customer_id]) < NOW - timedelta(days=180)]  # fmt: skip
    once = [m for m in old if len(dates[m.customer_id]) == 1]
    for kind in (loyal, lapsed, once):
        assert len(kind) > 0.03 * len(old)


def test_three_currencies_follow_the_country(members: list[Customer], sales: list[Order]) -> None:
    countries = {member.customer_id: member.country for member in members}
    expected = {"US": "USD", "GB": "GBP"}
    for order in sales:
        assert order.currency == expected.get(countries.get(order.customer_id, ""), "EUR")
    counts = Counter(order.currency for order in sales)
    assert counts.most_common(1)[0][0] == "EUR"
    assert min(counts["USD"], counts["GBP"]) > 0.05 * len(sales)


def test_some_orders_are_cancelled_or_refunded(sales: list[Order]) -> None:
    statuses = Counter(order.status for order in sales)
    assert statuses.keys() == {"completed", "cancelled", "refunded"}
    assert 0.05 < 1 - statuses["completed"] / len(sales) < 0.1
    assert all(order.amount > 0 for order in sales)


def test_campaigns_bring_crowds(members: list[Customer]) -> None:
    weeks = Counter(member.joined.isocalendar()[:2] for member in members)
    quiet = sorted(weeks.values())[len(weeks) // 2]
    assert max(weeks.values()) > 1.5 * quiet


def test_live_orders_are_new_and_of_this_moment(members: list[Customer]) -> None:
    fresh = list(live_orders(members, NOW, 30))
    later = list(live_orders(members, NOW + timedelta(seconds=20), 30))
    assert len({order.order_id for order in fresh + later}) == 60
    assert all(NOW - timedelta(seconds=20) <= order.moment <= NOW for order in fresh)
    assert {order.customer_id for order in fresh} <= {member.customer_id for member in members}
    assert all(order.order_id.startswith("DEMO-") for order in fresh)


def test_files_have_the_columns_of_the_product(sales: list[Order]) -> None:
    header, first, *_ = customer_file(NOW)
    assert header == "customer_id,email,country,created_at\n"
    assert first.count(",") == 3
    header, first, broken = order_file(sales[:1], ["x,y\n"])
    assert header == "order_id,customer_id,order_date,order_amount,currency,status\n"
    assert first.count(",") == 5
    assert broken == "x,y\n"


def test_a_few_rows_are_broken_in_different_ways() -> None:
    rows = list(broken_rows(2026))
    assert len(rows) == 5
    complete = [row.rstrip("\n").split(",") for row in rows if row.count(",") == 5]
    assert len(complete) == 4, "one has too few cells"
    assert "2026-02-30T10:00:00" in {cells[2] for cells in complete}
    assert "twelve" in {cells[3] for cells in complete}
    assert "" in {cells[0] for cells in complete}
    assert "" in {cells[1] for cells in complete}
