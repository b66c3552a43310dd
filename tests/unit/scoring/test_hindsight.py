"""Cutting the shop's past: whole days of the shop, and when a judgement is made again."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from rfm_common.documents import JudgedOn, ValueSums
from scoring.runs.judging import due
from scoring.snapshot import hindsight
from scoring.snapshot.features import Spec
from scoring.snapshot.hindsight import COLUMNS, Known
from scoring.value import Purchases


def spec(moment: str, zone: str = "UTC") -> Spec:
    local = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
    return Spec(calc_date=local, window_days=365, base_currency="EUR", zone=zone)


LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "zone", "days", "known", "came"),
    [
        ("2026-06-30 23:59:59.999999", "UTC", 30, "2026-05-31", "2026-06-30"),
        ("2026-06-30 23:59:59", "UTC", 30, "2026-05-30", "2026-06-29"),
        ("2026-07-01 00:00", "UTC", 30, "2026-05-31", "2026-06-30"),
        ("2026-03-01 12:00", "UTC", 30, "2026-01-29", "2026-02-28"),
        ("2024-03-01 12:00", "UTC", 1, "2024-02-28", "2024-02-29"),
        ("2026-04-02 23:59:59.999999", "Europe/Berlin", 30, "2026-03-03", "2026-04-02"),
        ("2024-11-10 10:00", "America/New_York", 90, "2024-08-11", "2024-11-09"),
        ("2026-06-30 01:00", "Pacific/Auckland", 180, "2025-12-31", "2026-06-29"),
    ],
)
def test_a_cut_lies_between_whole_days(moment, zone, days, known, came) -> None:
    cut = hindsight.cut(spec(moment, zone), LATER, days)
    assert (str(cut.last_known), str(cut.last_came)) == (known, came)
    ends = [one.calc_date.astimezone(ZoneInfo(zone)) for one in (cut.known, cut.until)]
    assert {end.time().isoformat() for end in ends} == {"23:59:59.999999"}


def test_a_day_that_went_on_when_the_run_finished_is_not_over() -> None:
    today = spec("2026-06-30 23:59:59.999999")
    cut = hindsight.cut(today, datetime(2026, 6, 30, 14, tzinfo=UTC), 30)
    assert cut.last_came == date(2026, 6, 29)


def came(*rows: tuple[str, int, int, str]) -> pl.DataFrame:
    exact = [(*row[:3], Decimal(row[3])) for row in rows]
    return pl.DataFrame(exact, schema=dict(COLUMNS), orient="row")


def known(*ids: str) -> Known:
    nothing = np.zeros(len(ids))
    past = Purchases(frequency=nothing, recency=nothing, age=nothing + 9, spend_count=nothing + 1,
                     spend_mean=nothing + 5)  # fmt: skip
    return Known(pl.Series("customer_id", ids), past, {})


AFTER = (
    ("a", 1, 1, "10"), ("a", 7, 1, "20"), ("a", 8, 0, "-5"), ("b", 8, 1, "7"), ("b", 15, 1, "1"),
    ("later", 2, 1, "99"),
)  # fmt: skip


def test_what_came_is_that_of_customers_who_were_known() -> None:
    orders, revenue = hindsight.actual(known("a", "b", "c"), came(*AFTER))
    assert orders.tolist() == [2, 2, 0]
    assert revenue.tolist() == [25, 8, 0]


@pytest.mark.parametrize(("weeks", "expected"), [(4, [2, 1, 1, 0]), (2, [2, 1]), (1, [2]), (0, [])])
def test_weeks_have_seven_days_and_a_part_of_one_is_left_out(weeks, expected) -> None:
    assert hindsight.weekly_orders(known("a", "b"), came(*AFTER), weeks) == expected


def test_nothing_came() -> None:
    assert hindsight.weekly_orders(known("a"), came(), 4) == [0, 0, 0, 0]
    assert hindsight.actual(known("a"), came()).orders.tolist() == [0]


@pytest.mark.parametrize(
    ("rows", "first"),
    [((), None), ((("a", 3, 0, "-4"),), None), ((("a", 9, 1, "4"), ("a", 5, 1, "4")), "2026-06-05"),
     ((("excluded", 2, 1, "4"), ("a", 4, 1, "4")), "2026-06-04")],
)  # fmt: skip
def test_without_a_past_the_first_order_after_the_cut_is_told(rows, first) -> None:
    cut = hindsight.cut(spec("2026-06-30 23:59:59.999999"), LATER, 30)
    bought = pl.DataFrame({"customer_id": ["a", "b"]})
    judgement = hindsight.without_past(cut, bought, came(*rows))
    assert (judgement["first_day"], judgement["trust"]) == (first, None)


def basis(day: str = "2026-06-30", version: int = 1, **sums: str | int | float) -> JudgedOn:
    totals = {"customers": 100, "expected_orders_90": 50.0, "expected_revenue_90": "900.00",
              "expected_revenue_365": "1.00", "expected_loss_90": "1.00"} | sums  # fmt: skip
    return JudgedOn(day=day, version=version, window_days=365, totals=ValueSums(**totals))


@pytest.mark.parametrize(
    ("now", "next_one"),
    [
        (basis(), None),
        (basis(customers=105, expected_loss_90="9.00"), None),
        (basis(customers=106), 90),
        (basis(expected_orders_90=47.0), 90),
        (basis(expected_revenue_90="850.00"), 90),
        (basis(day="2026-07-01"), 90),
        (basis(day="2026-06-29"), 90),
        (basis(version=2), 90),
    ],
)
def test_a_cut_is_judged_again_for_a_reason(now: JudgedOn, next_one: int | None) -> None:
    assert due(now, dict.fromkeys((30, 90, 180), basis())) == next_one


def test_90_days_come_first_and_then_what_is_missing() -> None:
    assert due(basis(), {}) == 90
    assert due(basis(), {90: basis()}) == 30
    assert due(basis(), {90: basis(), 30: basis()}) == 180
