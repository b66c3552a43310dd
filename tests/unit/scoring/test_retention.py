"""Old snapshots thin out; the newest, and what people asked for, stay."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.snapshot.retention import Kept, expendable
from tests.integration.scoring.shop import at

UTC = ZoneInfo("UTC")
TODAY = at("2026-11-22 23:59")


def daily(days: int) -> list[Kept]:
    return [Kept(number, TODAY - timedelta(days=number), True) for number in range(days)]


def test_daily_for_sixty_days_then_the_last_of_each_month() -> None:
    gone = set(expendable(daily(365), 60, UTC))
    stay = [one for one in daily(365) if one.run_id not in gone]
    assert [one.run_id for one in stay[:60]] == list(range(60))
    assert [one.calc_date.strftime("%m-%d") for one in stay[60:]] == [
        "09-23", "08-31", "07-31", "06-30", "05-31", "04-30", "03-31", "02-28", "01-31",
        "12-31", "11-30",
    ]  # fmt: skip


def test_what_somebody_asked_for_stays() -> None:
    asked = Kept(999, TODAY - timedelta(days=200), is_automatic=False)
    assert 999 not in expendable([*daily(365), asked], 60, UTC)


def test_a_shop_with_old_data_keeps_its_past() -> None:
    """Age counts from the newest snapshot, not from today."""
    shop = [Kept(number, at("2020-05-01") - timedelta(days=number), True) for number in range(30)]
    assert expendable(shop, 60, UTC) == []


def test_several_snapshots_of_a_day_leave_the_last() -> None:
    shop = [Kept(1, at("2026-05-01 08:00"), True), Kept(2, at("2026-05-01 20:00"), True),
            Kept(3, at("2026-05-02 08:00"), True)]  # fmt: skip
    assert expendable(shop, 60, UTC) == [1]


@given(st.lists(st.integers(0, 900), min_size=1, unique=True), st.integers(1, 100))
def test_the_newest_never_goes_and_a_second_look_finds_nothing(ages: list[int], days: int) -> None:
    shop = [Kept(age, TODAY - timedelta(days=age), age % 3 > 0) for age in ages]
    gone = set(expendable(shop, days, UTC))
    assert min(ages) not in gone
    assert expendable([one for one in shop if one.run_id not in gone], days, UTC) == []


@pytest.mark.parametrize("years", [1, 10])
def test_a_clock_that_ran_ahead_for_a_day_costs_no_day_but_one(years: int) -> None:
    ahead = Kept(999, TODAY + timedelta(days=365 * years), True)
    assert expendable([*daily(60), ahead], 60, UTC) == []
    without, with_it = (
        set(expendable(shop, 60, UTC)) for shop in (daily(365), [*daily(365), ahead])
    )
    assert len(with_it - without) == 1


def test_days_without_a_snapshot_are_not_counted() -> None:
    """A shop that sends a file a week keeps sixty of its snapshots, not eight."""
    weekly = [Kept(number, TODAY - timedelta(days=7 * number), True) for number in range(60)]
    assert expendable(weekly, 60, UTC) == []
