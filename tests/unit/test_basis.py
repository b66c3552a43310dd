"""In what two snapshots were measured unlike, and how it is said."""

from dataclasses import replace

import pytest

from rfm_common.basis import Basis, changed, definition_change, replacement

YEAR = Basis(
    window_days=365, k=5, rule="promises", transform="log1p", base_currency="EUR",
    counted_statuses=(), timezone="UTC",
)  # fmt: skip


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"window_days": 90}, ("a window of 365 days", "a window of 90 days")),
        ({"k": 4}, ("5 clusters", "4 clusters")),
        ({"rule": "classic"}, ("the rule promises", "the rule classic")),
        ({"transform": "none"}, ("the transform log1p", "the transform none")),
        ({"base_currency": "USD"}, ("amounts in EUR", "amounts in USD")),
        ({"counted_statuses": ("paid", "sent")},
         ("statuses counted by their meaning", "the statuses paid, sent counted")),
        ({"timezone": "Asia/Tokyo"}, ("the time zone UTC", "the time zone Asia/Tokyo")),
    ],
)  # fmt: skip
def test_each_difference_is_named(difference, words) -> None:
    other = replace(YEAR, **difference)
    said = definition_change(YEAR, other)
    assert said == (
        f"The earlier scores were calculated with {words[0]}, the later ones with {words[1]};"
        " part of the difference comes from that."
    )
    told = replacement(YEAR, other, 7)
    assert told
    assert told["message"] == (
        f"Replaces the scores of run 7, which were calculated with {words[0]};"
        f" these are calculated with {words[1]}."
    )
    assert (told["run_id"], told["window_days"], told["k"], told["rule"]) == (
        7, 365, 5, "promises",
    )  # fmt: skip


def test_several_differences_are_one_sentence() -> None:
    said = definition_change(YEAR, replace(YEAR, window_days=1500, k=4, rule="classic"))
    assert said
    assert "a window of 365 days, 5 clusters and the rule promises" in said
    assert "a window of 1,500 days, 4 clusters and the rule classic" in said


@pytest.mark.parametrize("unknown", [{"base_currency": None}, {"counted_statuses": None},
                                     {"timezone": None}, {}])  # fmt: skip
def test_what_one_side_does_not_know_is_no_difference(unknown) -> None:
    other = replace(YEAR, **unknown)
    assert changed(YEAR, other) == changed(other, YEAR) == []
    assert definition_change(YEAR, other) is replacement(other, YEAR, 1) is None


def test_of_a_snapshot_without_clusters_only_the_window_is_compared() -> None:
    empty = Basis(window_days=365, rule="classic")
    assert changed(empty, YEAR) == []
    assert changed(replace(empty, window_days=30), YEAR) == ["window_days"]
