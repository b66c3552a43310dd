"""Why a customer moved: by an order, by ageing or by the model; one by one and in sums."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_common.explain import Figures, ScoringDefinition, explain, segment_of, standardise
from rfm_common.models import Cause
from scoring.model import Model, Space
from scoring.snapshot import flows
from scoring.snapshot.frames import SNAPSHOT
from tests.integration.scoring.shop import at
from tests.unit.scoring.people import skewed

EDGES = {"recency_days": [10.0, 20.0, 30.0, 40.0], "frequency": [1.0, 2.0, 3.0, 4.0],
         "monetary": ["10", "20", "30", "40"]}  # fmt: skip


def model(names: tuple[str, str], border: float) -> dict[str, object]:
    """Two clusters: recency below the border and above it."""
    centroids = [[border - 10, 0, 0], [border + 10, 0, 0]]
    return {"transform": "none", "mean": [0, 0, 0], "scale": [1, 1e9, 1e9], "lambdas": None,
            "centroids": centroids, "names": list(names), "seed": 1}  # fmt: skip


THEN = ScoringDefinition(calc_date=at("2026-03-01"), window_days=365, base_currency="EUR",
             edges=EDGES, model=model(("Fresh", "Stale"), 30),
             measured={"counted_statuses": [], "timezone": "UTC", "as_of": False})  # fmt: skip
WEEK_LATER = replace(THEN, calc_date=at("2026-03-08"))


def figures(recency: int, frequency: int = 2, monetary: str = "50", **more) -> Figures:
    scores = {"r_score": 3, "f_score": 2, "m_score": 5, "segment_name": "Fresh"}
    return Figures(recency_days=recency, frequency=frequency, monetary=Decimal(monetary),
                   **scores | more)  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        (figures(28), figures(35, segment_name="Stale"), Cause.AGEING),
        (figures(50, segment_name="Stale"), figures(2, 3, "70"), Cause.NEW_ORDER),
        (figures(10), figures(17), Cause.STAYED),
    ],
)
def test_causes(before: Figures, after: Figures, cause: Cause) -> None:
    assert explain(before, after, THEN, WEEK_LATER).cause is cause


def test_a_model_that_is_another_moves_whoever_would_have_stayed() -> None:
    stale = figures(17, segment_name="Stale")
    now = replace(WEEK_LATER, model=model(("Fresh", "Stale"), 15))
    assert explain(figures(10), stale, THEN, now).cause is Cause.MODEL
    assert explain(figures(10), stale, THEN, WEEK_LATER).cause is Cause.AGEING  # it is the same


@pytest.mark.parametrize(
    ("recency", "border", "cause"),
    [
        (33, 20, Cause.MODEL),  # past the border of then, but not by the margin
        (36, 20, Cause.AGEING),
        (36, 30, Cause.AGEING),
    ],
)
def test_whoever_would_have_stayed_near_the_border_was_moved_by_the_model(
    recency: int, border: int, cause: Cause
) -> None:
    then = replace(THEN, model=model(("Fresh", "Stale"), 30) | {"margin": 5.0})
    now = replace(WEEK_LATER, model=model(("Fresh", "Stale"), border) | {"margin": 5.0})
    why = explain(figures(recency - 7), figures(recency, segment_name="Stale"), then, now)
    assert why.cause is cause
    assert why.segment_by_old_model == ("Fresh" if cause is Cause.MODEL else "Stale")


def test_a_customer_who_was_not_there_is_new() -> None:
    why = explain(None, figures(3), THEN, WEEK_LATER)
    assert (why.cause, why.before) == (Cause.NEW_CUSTOMER, None)


def test_an_order_that_leaves_the_window_is_ageing() -> None:
    gone = figures(366, 0, "0", segment_name="Stale")
    why = explain(figures(360, 1), gone, THEN, WEEK_LATER)
    assert (why.cause, why.has_new_order) == (Cause.AGEING, False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (figures(2, 2, "200"), figures(307, 1, "100", segment_name="Stale")),  # the last: refunded
        (figures(9, 1, "50"), figures(366, 0, "0", segment_name="Stale")),  # the only one
        (figures(29, 2, "50"), figures(36, 2, "49", segment_name="Stale")),  # an amount, a rate
        (figures(29, 2, "50"), figures(99, 2, "50", segment_name="Stale")),  # a date
    ],
)
def test_an_order_that_changed_or_went_is_a_correction(before: Figures, after: Figures) -> None:
    why = explain(before, after, THEN, WEEK_LATER)
    assert (why.cause, why.has_new_order) == (Cause.CORRECTION, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"base_currency": "USD"},
        {"measured": {"counted_statuses": ["completed", "paid"], "timezone": "UTC"}},
        {"measured": {"counted_statuses": [], "timezone": "America/New_York"}},
        {"model": {**model(("Fresh", "Stale"), 30), "rule": "promises"}},
        {"model": {**model(("Fresh", "Stale"), 30), "centroids": [[20, 0, 0]] * 3}},
    ],
)
def test_what_is_measured_otherwise_is_the_cause(changes) -> None:
    now = replace(WEEK_LATER, **changes)
    why = explain(figures(28), figures(2, 3, "70", segment_name="Stale"), THEN, now)
    assert why.cause is Cause.DEFINITION


def test_without_an_order_the_segment_is_a_question_of_time_not_of_the_model() -> None:
    promises = {**THEN.model, "rule": "promises"}
    then, now = replace(THEN, model=promises), replace(WEEK_LATER, model=promises)
    gone = figures(366, 0, "0", segment_name="Lost")
    assert explain(figures(360, 1), gone, then, now).cause is Cause.AGEING
    assert explain(gone, gone, then, now).cause is Cause.STAYED


def test_snapshots_of_different_windows_differ_by_definition() -> None:
    now = replace(WEEK_LATER, window_days=90)
    why = explain(figures(28), figures(35, segment_name="Stale"), THEN, now)
    assert why.cause is Cause.DEFINITION


def test_scores_tell_moved_edges_from_own_figures() -> None:
    before = figures(15, r_score=4, f_score=2)
    after = figures(22, r_score=3, f_score=1)
    causes = {one.figure: one.cause for one in explain(before, after, THEN, WEEK_LATER).scores}
    assert causes == {"recency_days": Cause.AGEING, "frequency": Cause.EDGES,
                      "monetary": Cause.STAYED}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        ({"f_score": 2}, {"f_score": 1}, Cause.EDGES),  # two orders were a 2, and are a 1 now
        ({"r_score": 3}, {"r_score": 4}, Cause.EDGES),  # 22 days would have been a 3 then
        ({"r_score": 4}, {"r_score": 3}, Cause.STAYED),  # 22 days are older than 15: ageing
        ({"r_score": 4, "f_score": 2}, {"r_score": 3, "f_score": 1}, Cause.STAYED),  # both
        ({}, {}, Cause.STAYED),
        ({"f_score": 2}, {"f_score": 1, "segment_name": "Stale"}, Cause.AGEING),
    ],
)
def test_edges_are_the_cause_when_they_alone_moved_the_scores(before, after, cause) -> None:
    why = explain(figures(15, **before), figures(22, **after), THEN, WEEK_LATER)
    assert why.cause is cause


@pytest.mark.parametrize("transform", ["log1p", "yeo-johnson", "none"])
def test_one_customer_lands_where_the_table_says(transform) -> None:
    features = np.vstack([skewed(1, 200), [[366, 0, 0], [3, 2, -250.5]]])
    space = Space.of(features, transform)
    fitted = Model(space=space, centroids=space.points(features)[[3, 50, 120]],
                   names=("a", "b", "c"), rule="classic")  # fmt: skip
    labels = fitted.assign(features).labels
    for row, point, label in zip(features, space.points(features), labels, strict=True):
        one = figures(int(row[0]), int(row[1]), str(row[2]))
        assert standardise(fitted.data(), one) == pytest.approx(point.tolist())
        assert segment_of(fitted.data(), one) == fitted.names[label]


CUSTOMER = st.builds(
    figures, st.integers(0, 60), st.integers(0, 4), st.sampled_from(["10", "20", "50"]),
    segment_name=st.sampled_from(["Fresh", "Hibernating", "New Customers"]),
)  # fmt: skip


@given(
    pairs=st.lists(st.tuples(st.none() | CUSTOMER, CUSTOMER), min_size=1, max_size=30),
    days=st.integers(0, 30),
    same_window=st.booleans(),
    border=st.sampled_from([25, 30]),
    rule=st.tuples(st.sampled_from([0.0, 5.0]), st.sampled_from([0, 28])),
)
def test_the_sums_are_the_sums_of_the_explanations(
    pairs, days: int, same_window: bool, border: int, rule: tuple[float, int]
) -> None:
    margin, fresh_days = rule
    more = {"margin": margin, "fresh_days": fresh_days, "rule": "promises"}
    then = replace(THEN, model=model(("Fresh", "Hibernating"), 30) | more)
    now = replace(WEEK_LATER, calc_date=THEN.calc_date + timedelta(days=days),
                  model=model(("Fresh", "Hibernating"), border) | more,
                  window_days=365 if same_window else 30)  # fmt: skip
    expected = Counter(
        ((before.segment_name if before else ""), after.segment_name,
         explain(before, after, then, now).cause)
        for before, after in pairs
    )  # fmt: skip
    found = flows.compare(table([before for before, _ in pairs]),
                          table([after for _, after in pairs]), then, now)  # fmt: skip
    assert {(row.from_segment, row.to_segment, row.cause): row.customers
            for row in found.rows} == dict(expected)  # fmt: skip
    known = [explain(*pair, then, now) for pair in pairs if pair[0]]
    quiet = Counter(why.cause for why in known if not why.has_new_order)
    moved = found.summary()
    assert found.quiet == dict(quiet)
    assert moved["quiet"] == {"customers": quiet.total(), "ageing": quiet[Cause.AGEING],
                              "model": quiet[Cause.MODEL]}  # fmt: skip
    assert moved["without_new_order"] == quiet[Cause.AGEING] + quiet[Cause.MODEL]
    assert moved["total"] == sum(why.cause is not Cause.STAYED for why in known)
    assert "edges" not in moved["by_cause"]


def table(customers: list[Figures | None]) -> pl.DataFrame:
    rows = [
        {"customer_id": str(number), "recency_days": one.recency_days, "left_out": 0,
         "frequency": one.frequency, "monetary": one.monetary,
         "segment_name": one.segment_name}
        for number, one in enumerate(customers) if one
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=dict(SNAPSHOT))
