"""A snapshot added up by country agrees with adding up by hand."""

from collections import Counter
from decimal import Decimal
from statistics import median

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from scoring.snapshot.countries import KEPT, by_country
from scoring.snapshot.frames import FEATURES

CUSTOMER = st.tuples(
    st.sampled_from(["DE", "FR", "", "=1+1", None]), st.integers(0, 1), st.integers(0, 400),
    st.integers(0, 5), st.decimals(-10, 999, places=4), st.integers(1, 5), st.integers(1, 5),
)  # fmt: skip


def frame_of(people: list[tuple]) -> pl.DataFrame:
    rows = [
        {
            "customer_id": f"C{number}", "country": country, "cluster_id": cluster,
            "segment_name": f"S{cluster}", "recency_days": recency, "frequency": frequency,
            "monetary": money, "r_score": r, "f_score": f, "m_score": f, "left_out": 0,
        }
        for number, (country, cluster, recency, frequency, money, r, f) in enumerate(people)
    ]  # fmt: skip
    scores = {name: pl.Int16() for name in ("r_score", "f_score", "m_score", "cluster_id")}
    return pl.DataFrame(rows, schema={**FEATURES, "segment_name": pl.String(), **scores})


@given(st.lists(CUSTOMER, max_size=30))
def test_each_country_adds_up_to_its_customers(people: list[tuple]) -> None:
    segments, summaries = by_country(frame_of(people))
    groups: dict[tuple, list[tuple]] = {}
    for person in people:
        groups.setdefault((person[0] or "", person[1]), []).append(person)
    assert [(row["country"], row["cluster_id"]) for row in segments] == sorted(groups)
    for row in segments:
        group = groups[row["country"], row["cluster_id"]]
        assert row["segment_name"] == f"S{row['cluster_id']}"
        assert row["customer_count"] == len(group)
        assert row["recency_sum"] == sum(person[2] for person in group)
        assert row["median_recency_days"] == median(person[2] for person in group)
        assert row["order_count"] == sum(person[3] for person in group)
        assert row["monetary"] == sum(person[4] for person in group)
    assert [row["country"] for row in summaries] == sorted({person[0] or "" for person in people})
    for row in summaries:
        check_summary(row["summary"], [p for p in people if (p[0] or "") == row["country"]])


def check_summary(summary: dict, people: list[tuple]) -> None:
    active = [person for person in people if person[3]]
    assert (summary["customers"], summary["active_customers"]) == (len(people), len(active))
    assert summary["orders"] == sum(person[3] for person in people)
    assert Decimal(summary["monetary"]) == sum(person[4] for person in people)
    assert summary["median_recency_days"] == (median(p[2] for p in active) if active else None)
    cells = {(cell["r_score"], cell["fm_score"]): cell["customers"] for cell in summary["grid"]}
    assert cells == Counter((person[5], person[6]) for person in people)


def test_a_column_full_of_different_values_keeps_the_commonest() -> None:
    rare = [(f"X{n:04}", 0, 1, 1, Decimal(1), 1, 1) for n in range(KEPT + 50)]
    segments, summaries = by_country(frame_of([*rare, *[("ZZ", 0, 1, 1, Decimal(1), 1, 1)] * 2]))
    names = [row["country"] for row in summaries]
    assert names == [f"X{n:04}" for n in range(KEPT - 1)] + ["ZZ"]
    assert [row["country"] for row in segments] == names
