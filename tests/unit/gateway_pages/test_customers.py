from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from gateway.customers.page import Asked, build_chips, build_choices, build_headings
from gateway.customers.profile import build_moves, build_stages, build_standings
from gateway.customers.schemas import CustomerScores, Reason, ScoreMove
from gateway.kit.numbers import Numbers
from rfm_common.models import Cause

NUMBERS = Numbers(Locale("en", "GB"), ZoneInfo("UTC"), "EUR")
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def scores(day: int, segment: str, recency: int, rfm: tuple[int, int, int] = (3, 3, 3),
           frequency: int = 4) -> CustomerScores:  # fmt: skip
    return CustomerScores(
        calc_date=FIRST_DAY + timedelta(days=day), run_id=day, recency_days=recency,
        frequency=frequency, monetary=Decimal("120.50"), r_score=rfm[0], f_score=rfm[1],
        m_score=rfm[2], segment_name=segment, cluster_id=0,
    )  # fmt: skip


def test_addresses_leave_out_what_is_the_default() -> None:
    assert Asked().url() == "/dashboard/customers"
    assert Asked(q="a&b", page=3).url() == "/dashboard/customers?q=a%26b"
    assert Asked(q="a").url(page=2) == "/dashboard/customers?q=a&page=2"
    assert Asked(day=date(2026, 1, 2)).url() == "/dashboard/customers?date=2026-01-02"


def test_the_api_is_asked_for_the_same_customers() -> None:
    asked = Asked(segment="at-risk", r_score=2, fm_score=4, day=date(2026, 1, 2))
    assert asked.api_url(".csv") == (
        "/customers.csv?segment=at-risk&r_score=2&fm_score=4&calc_date=2026-01-02"
        "&sort=-monetary&page_size=50"
    )


def test_each_filter_is_a_chip_that_takes_itself_off() -> None:
    chips = build_chips(NUMBERS, Asked(q="ann", country="DE", page=4))
    assert [chip.text for chip in chips] == ["contains “ann”", "Country is DE"]
    assert [chip.url for chip in chips] == [
        "/dashboard/customers?country=DE",
        "/dashboard/customers?q=ann",
    ]


def test_bounds_of_what_is_expected_are_chips_in_words() -> None:
    asked = Asked(min_expected_revenue_90=50, max_overdue=2.5, min_buys_again_90=0.25,
                  sort="-overdue")  # fmt: skip
    assert [chip.text for chip in build_chips(NUMBERS, asked)] == [
        "Expected revenue (90 days) from €50.00", "Chance to buy again from 25.0%",
        "Overdue up to 2.5 times",
    ]  # fmt: skip
    assert build_chips(NUMBERS, asked)[2].url == (
        "/dashboard/customers?min_expected_revenue_90=50&min_buys_again_90=0.25&sort=-overdue"
    )
    assert asked.api_url().startswith("/customers?min_expected_revenue_90=50&min_buys_again_90")


@pytest.mark.parametrize(
    ("given", "offered"), [(None, [1, 2]), (2, [1, 2]), (1.5, [1, 1.5, 2]), (0, [0, 1, 2])]
)
def test_a_filter_offers_also_what_the_address_asks_for(given, offered) -> None:
    assert [value for value, _ in build_choices((1, 2), given, str)] == offered


def test_a_click_on_the_sorted_heading_turns_the_order_round() -> None:
    heads = {head.label: head for head in build_headings(Asked())}
    assert heads["Revenue"].arrow == "▼"
    assert heads["Revenue"].url == "/dashboard/customers?sort=monetary"
    assert heads["Recency"].url == "/dashboard/customers?sort=-recency_days"
    assert heads["Customer"].url == "/dashboard/customers?sort=customer_id"
    assert heads["Country"].url is None


def test_scores_are_told_in_words() -> None:
    standings = build_standings(NUMBERS, scores(0, "Champions", 12, (5, 3, 1)))
    assert [item.words for item in standings] == ["top 20%", "middle", "bottom 20%"]
    assert standings[0].value == "12 days ago"


def test_a_customer_without_an_order_has_no_last_order() -> None:
    standings = build_standings(NUMBERS, scores(0, "Lost", 366, (1, 1, 1), frequency=0))
    assert standings[0].value == "–"
    assert {item.words for item in standings} == {"no counted order in the window"}


def test_a_history_is_told_in_stretches_newest_first() -> None:
    history = [
        scores(90, "Champions", 2, (5, 4, 4)),
        scores(60, "At Risk", 70, (2, 3, 3)),
        scores(30, "At Risk", 40, (2, 3, 3)),
        scores(0, "Loyal Customers", 10),
    ]
    stages = build_stages(history, {90: "new order", 30: "time passed"})
    assert [(stage.segment_name, stage.snapshots) for stage in stages] == [
        ("Champions", 1), ("At Risk", 2), ("Loyal Customers", 1),
    ]  # fmt: skip
    assert [stage.reason for stage in stages] == [
        "new order", "time passed", "first seen",
    ]  # fmt: skip
    assert build_stages([], {}) == []


def test_scores_that_moved_are_told_with_what_moved_them() -> None:
    reason = Reason(
        since=FIRST_DAY, cause=Cause.AGEING, has_new_order=False, segment_before="Champions",
        segment_by_old_model=None,
        scores=[
            ScoreMove(figure="recency_days", before=4, after=2, cause=Cause.AGEING),
            ScoreMove(figure="frequency", before=3, after=3, cause=Cause.STAYED),
            ScoreMove(figure="monetary", before=5, after=4, cause=Cause.EDGES),
        ],
    )  # fmt: skip
    assert build_moves(reason) == [
        "Recency 4 → 2: time passed without an order", "Revenue 5 → 4: everybody else changed",
    ]  # fmt: skip
    assert build_moves(None) == []


@pytest.mark.parametrize(("days", "words"), [(0, "today"), (1, "yesterday"), (30, "30 days ago")])
def test_the_last_order_is_told_as_people_say_it(days: int, words: str) -> None:
    assert build_standings(NUMBERS, scores(0, "Lost", days))[0].value == words


def test_asked_is_a_value() -> None:
    assert replace(Asked(q="x"), q=None) == Asked()
