"""Judging a forecast by what came: figures on cases that can be done by hand, and sentences."""

import json

import numpy as np
import pytest

from scoring.value import Actual, Outlook, Plain, Trust, fit_value, judge, outlook, weekly
from scoring.value.trust import auc, gini
from tests.unit.scoring.value.shops import past, regulars


def plain(count: int, **known: np.ndarray) -> dict[Plain, np.ndarray]:
    nothing = np.zeros(count)
    return {name: known.get(name, nothing) for name in ("revenue", "scores", "recency")}


def shop(orders: np.ndarray, expected: np.ndarray, **known: np.ndarray) -> Trust:
    """Everybody spends 10 an order; what was expected is another number of orders."""
    looked = Outlook(expected, expected * 10, np.minimum(expected, 1))
    return judge(90, looked, Actual(orders, orders * 10), plain(len(orders), **known))


@pytest.mark.parametrize(
    ("ranking", "amounts", "expected"),
    [
        ([1, 2, 3], [0, 3, 6], 1.0),
        ([3, 2, 1], [0, 3, 6], -1.0),
        ([5, 5, 5], [0, 3, 6], 0.0),
        ([1, 3, 2], [0, 3, 6], 0.5),
        ([1, 2, 2], [0, 0, 9], 0.5),
        ([1, 2, 3], [0, 0, 0], 0.0),
    ],
)
def test_gini_against_hand(ranking: list[float], amounts: list[float], expected: float) -> None:
    figures = np.array(ranking, dtype=float), np.array(amounts, dtype=float)
    assert gini(*figures) == pytest.approx(expected)


def test_auc_against_counting_pairs() -> None:
    rng = np.random.default_rng(3)
    ranking, happened = rng.integers(0, 5, 60).astype(float), rng.random(60) < 0.4
    pairs = ranking[happened][:, None] - ranking[~happened]
    assert auc(ranking, happened) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


@pytest.mark.parametrize("happened", [[True] * 3, [False] * 3])
def test_auc_says_chance_where_nothing_differs(happened: list[bool]) -> None:
    assert auc(np.arange(3.0), np.array(happened)) == 0.5


def test_value_wins_where_it_ranks_best() -> None:
    orders = np.r_[np.zeros(100), np.arange(100.0)]
    judged = shop(orders, orders * 1.02, revenue=np.arange(200.0)[::-1])
    assert judged.best == "value"
    assert judged.sentences[0].startswith("On this shop, value to come ranks customers best")
    assert judged.sentences[1].endswith("so the amounts can be used.")


def test_a_plain_ranking_wins_ties() -> None:
    orders = np.r_[np.zeros(100), np.arange(100.0)]
    judged = shop(orders, orders, scores=orders)
    assert judged.best == "scores"
    assert judged.sentences[0].startswith("On this shop, the sum of R, F and M scores ranks")


def test_too_few_buyers_prove_nothing() -> None:
    judged = shop(np.r_[np.zeros(100), np.ones(29)], np.r_[np.zeros(100), np.ones(29)])
    assert judged.best == "revenue"
    assert judged.sentences[0].startswith("Too few customers bought in these 90 days (29)")


@pytest.mark.parametrize(
    ("factor", "words"),
    [(0.5, "50.0% too few: use the ranking"), (1.5, "50.0% too many: use the ranking")],
)
def test_a_wrong_total_is_said(factor: float, words: str) -> None:
    orders = np.arange(200.0)
    assert words in shop(orders, orders * factor).sentences[1]


@pytest.mark.parametrize(
    ("paid", "words"),
    [(12.0, "16.7% too low"), (8.0, "25.0% too high"), (0.0, "refunds left no revenue"),
     (-1.0, "refunds left no revenue")],
)  # fmt: skip
def test_orders_may_be_right_and_revenue_wrong(paid: float, words: str) -> None:
    orders = np.arange(200.0)
    looked = Outlook(orders, orders * 10, np.minimum(orders, 1))
    judged = judge(90, looked, Actual(orders, orders * paid), plain(200))
    assert words in judged.sentences[1]
    assert judged.sentences[1].endswith("use the numbers of orders.")


def test_thousands_are_set_apart_by_commas_as_in_other_sentences() -> None:
    orders = np.full(200, 10.0)
    assert "2,000 orders came" in shop(orders, orders).sentences[1]


def test_the_window_has_its_length_in_its_name() -> None:
    orders = np.r_[np.zeros(100), np.arange(100.0)]
    looked = Outlook(orders, orders, np.minimum(orders, 1))
    for days, words in ((365, "revenue of the last year"), (90, "revenue of the last 90 days")):
        judged = judge(30, looked, Actual(orders, orders), plain(200), days)
        assert words in judged.sentences[0]


def test_groups_that_buy_less_than_expected_are_said() -> None:
    orders = np.r_[np.full(100, 9.0), np.full(100, 5.0)]
    judged = shop(orders, np.r_[np.full(100, 5.0), np.full(100, 9.0)])
    assert not judged.rises
    assert "10 of 10 groups of customers are off" in judged.sentences[1]


def test_a_group_may_be_off_by_chance() -> None:
    orders = np.r_[np.full(100, 0.2), np.full(100, 5.0)]
    judged = shop(orders, np.r_[np.full(100, 0.4), np.full(100, 5.0)])
    assert judged.off == 0
    assert judged.sentences[1].endswith("so the amounts can be used.")


@pytest.mark.parametrize("customers", [0, 1, 7, 25])
def test_small_shops_are_judged_without_an_error(customers: int) -> None:
    before = regulars(customers)
    model = fit_value(before)
    nothing = np.zeros(customers)
    judged = judge(90, outlook(model, before, 90), Actual(nothing, nothing - 5), plain(customers))
    assert sum(group.customers for group in judged.groups) == customers
    assert "no order came" in judged.sentences[1]
    assert json.loads(json.dumps(judged.data(), allow_nan=False))["best"] == "revenue"


def test_weeks_add_up_to_the_orders_expected() -> None:
    before = regulars(300)
    model = fit_value(before)
    weeks = weekly(model, before, 13)
    assert len(weeks) == 13
    assert sum(weeks) == pytest.approx(outlook(model, before, 91).orders.sum())
    assert sorted(weeks, reverse=True) == weeks


def test_one_customer_is_a_group() -> None:
    judged = judge(
        30,
        outlook(fit_value(past(0, 0, 5)), past(0, 0, 5), 30),
        Actual(np.ones(1), np.ones(1)),
        plain(1),
    )
    assert [group.customers for group in judged.groups] == [1]
