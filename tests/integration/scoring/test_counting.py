"""Which orders count: by what their words mean, or by the words that an operator lists."""

from decimal import Decimal

import pytest

from rfm_common.db import run_sql
from rfm_common.runs import RunRequest
from tests.integration.scoring.shop import ShopOrder, at, load, score, snapshot

WORDS = {"paid": "completed", "": "completed", "done": "completed", "2": "2", "draft": "pending"}


async def fill(sessions) -> None:
    orders = [ShopOrder(f"O{word}", f"C{word}", at("2026-01-01"), Decimal(10), "EUR", status)
              for word, status in WORDS.items()]  # fmt: skip
    await load(sessions, [*orders, ShopOrder("N", "Cnull", at("2026-01-01"), Decimal(10))])
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE orders SET status_word = substr(order_id, 2)"
                               " WHERE order_id NOT IN ('N', 'O2')")  # fmt: skip


@pytest.mark.parametrize(("listed", "buyers"), [
    ((), {"Cpaid", "C", "Cdone", "Cnull"}),
    (("paid",), {"Cpaid", "C"}),
    (("2", "draft"), {"C2", "Cdraft", "C"}),
    (("completed",), {"Cnull", "C"}),
])  # fmt: skip
async def test_orders_count_by_meaning_or_by_word(
    settings, sessions, redis, listed, buyers
) -> None:
    await fill(sessions)
    settings = settings.model_copy(update={"counted_statuses": frozenset(listed)})
    run = await score(settings, sessions, redis, RunRequest(calc_date=at("2026-01-31")))
    found = await snapshot(sessions, run.calc_date)
    assert {one for one, row in found.items() if row["frequency"]} == buyers


async def test_a_refund_lowers_money_and_is_no_order(settings, sessions, redis) -> None:
    await load(sessions, [
        ShopOrder("A1", "A", at("2026-01-01"), Decimal(100)),
        ShopOrder("A1-R", "A", at("2026-01-20"), Decimal(-5)),
        ShopOrder("B1", "B", at("2024-01-01"), Decimal(50)),
        ShopOrder("B1-R", "B", at("2026-01-20"), Decimal(-50)),
        ShopOrder("C1-R", "C", at("2026-01-30"), Decimal(-1)),
        ShopOrder("D1", "D", at("2026-01-25"), Decimal(0)),
    ])  # fmt: skip
    run = await score(settings, sessions, redis, RunRequest(calc_date=at("2026-01-31")))
    found = await snapshot(sessions, run.calc_date)
    figures = ("recency_days", "frequency", "monetary", "segment_name")
    assert {one: tuple(row[name] for name in figures[:3]) for one, row in found.items()} == {
        "A": (30, 1, 95), "B": (366, 0, 0), "C": (366, 0, 0), "D": (6, 1, 0)}  # fmt: skip
    assert [found[one]["segment_name"] for one in "BC"] == ["Lost", "Prospects"]


async def test_the_newest_order_is_no_refund(settings, sessions, redis) -> None:
    await load(sessions, [
        ShopOrder("A1", "A", at("2026-01-01"), Decimal(100)),
        ShopOrder("A1-R", "A", at("2026-01-20"), Decimal(-5)),
    ])  # fmt: skip
    run = await score(settings, sessions, redis, RunRequest(calc_date="latest"))
    assert run.calc_date == at("2026-01-01")
