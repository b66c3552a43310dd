"""Edges and scores are exact, whatever the ties; SQL literals survive odd names."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.snapshot import frames
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.features import (
    Rate,
    Spec,
    cuts,
    daily_rates,
    edge_positions,
    edges_at,
    features_sql,
    stored_edges,
)
from tests.unit.scoring import oracle

MONEY = st.decimals(-(10**13), 10**13, places=4, allow_nan=False, allow_infinity=False)
SPEC = Spec(
    calc_date=datetime(2026, 1, 15, tzinfo=UTC),
    window_days=30,
    base_currency="EUR",
    zone="UTC",
)


def edges_of(values: list[Decimal]) -> list[Decimal]:
    ordered = dict(enumerate(sorted(values)))
    wanted = edge_positions(len(values))
    return edges_at({rank: ordered[rank] for rank in wanted}, len(values))


@given(st.lists(MONEY, min_size=1, max_size=60))
def test_edges_are_type_7_quantiles_to_the_last_digit(values: list[Decimal]) -> None:
    expected = oracle.quintiles([Fraction(value) for value in values])
    assert [Fraction(edge) for edge in edges_of(values)] == expected


def test_nobody_with_an_order_means_no_edges() -> None:
    assert edge_positions(0) == []
    assert edges_at({}, 0) == []


def test_one_customer_is_every_edge() -> None:
    assert edges_of([Decimal("9.99")]) == [Decimal("9.99")] * 4


@given(st.lists(MONEY, min_size=1, max_size=40), MONEY)
def test_rounded_down_cuts_compare_like_the_edges(values: list[Decimal], probe: Decimal) -> None:
    for edge, cut in zip(edges_of(values), cuts(edges_of(values), Decimal("0.0001")), strict=True):
        assert (probe > edge) == (probe > cut)


def frame_of(rows: list[tuple[int, int, Decimal]]) -> pl.DataFrame:
    lines = [f"C{number},{r},{f},{m},0,,{int(f > 0)}" for number, (r, f, m) in enumerate(rows)]
    return frames.read_features("\n".join(lines).encode())


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6), MONEY), min_size=1, max_size=40).map(
        lambda rows: [(31, 0, Decimal(0)) if f == 0 else (r, f, m) for r, f, m in rows]
    )
)
def test_scores_agree_with_the_oracle(rows: list[tuple[int, int, Decimal]]) -> None:
    frame = frame_of(rows)
    active = frames.totals(frame).active_customers
    values = frames.active_values(frame, edge_positions(active))
    edges = {name: edges_at(values[name], active) for name in values}
    scored = frames.score(frame, edges)
    exact = {
        name: oracle.quintiles([Fraction(row[place]) for row in rows if row[1]])
        for place, name in enumerate(("recency_days", "frequency", "monetary"))
    }
    for row in scored.rows(named=True):
        expected = oracle._score((row["recency_days"], row["frequency"], row["monetary"]), exact)
        assert (row["r_score"], row["f_score"], row["m_score"]) == (
            expected.r_score, expected.f_score, expected.m_score,
        )  # fmt: skip


def test_equal_values_share_a_score_even_when_edges_coincide() -> None:
    """A third of the customers ordered once: the classic case of duplicate edges."""
    frame = frame_of([(5, 1, Decimal(10))] * 6 + [(5, 2, Decimal(10))] * 2 + [(5, 9, Decimal(10))])
    values = frames.active_values(frame, edge_positions(9))
    edges = {name: edges_at(values[name], 9) for name in values}
    scored = frames.score(frame, edges)
    assert [float(edge) for edge in edges["frequency"]] == [1.0, 1.0, 1.0, 2.0]
    assert scored["f_score"].to_list() == [1] * 6 + [4] * 2 + [5]
    assert set(scored["m_score"]) == {1}


def test_edges_are_stored_with_every_digit_of_money() -> None:
    edges = {"recency_days": [Decimal("1.2")], "frequency": [Decimal(3)],
             "monetary": [Decimal("12345678901234.56784")]}  # fmt: skip
    assert stored_edges(edges) == {
        "recency_days": [1.2], "frequency": [3.0], "monetary": ["12345678901234.56784"],
    }  # fmt: skip


def test_a_rate_holds_until_the_next_one() -> None:
    known = [Rate("USD", date(2026, 1, 1), Decimal("0.9")),
             Rate("USD", date(2026, 1, 3), Decimal("0.8"))]  # fmt: skip
    filled = daily_rates(known, "EUR", date(2025, 12, 31), date(2026, 1, 4))
    assert [(rate.day.day, str(rate.rate)) for rate in filled] == [
        (1, "0.9"), (2, "0.9"), (3, "0.8"), (4, "0.8"),
    ]  # fmt: skip


def test_the_base_currency_needs_no_rate() -> None:
    known = [Rate("EUR", date(2026, 1, 1), Decimal(2))]
    assert daily_rates(known, "EUR", date(2026, 1, 1), date(2026, 1, 2)) == ()


def test_quotes_in_a_status_stay_inside_the_literal() -> None:
    text = features_sql(
        Spec(**{name: getattr(SPEC, name) for name in SPEC.__slots__}
             | {"statuses": ("it's; DROP TABLE orders",)}),
        PostgresDialect(),
    )  # fmt: skip
    assert "IN ('', 'it''s; DROP TABLE orders')" in text


@pytest.mark.parametrize("changed", [{"window_days": 31}, {"statuses": ("paid",)},
                                     {"base_currency": "USD"}, {"zone": "Asia/Tokyo"}])  # fmt: skip
def test_the_fingerprint_tells_definitions_apart(changed: dict[str, object]) -> None:
    fields = {name: getattr(SPEC, name) for name in SPEC.__slots__}
    assert Spec(**fields).fingerprint() == SPEC.fingerprint()
    assert Spec(**fields | changed).fingerprint() != SPEC.fingerprint()
