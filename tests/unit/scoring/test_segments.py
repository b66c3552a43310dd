"""Names follow the first rule that fits; they do not depend on the numbering of clusters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.model.segments import RULES, Centroid, name_segments

COORDINATE = st.floats(-3, 3, allow_nan=False)
CENTROIDS = st.lists(st.builds(Centroid, COORDINATE, COORDINATE, COORDINATE), max_size=10)


@pytest.mark.parametrize(
    ("centroid", "name"),
    [
        (Centroid(-1, 1, 1), "Champions"),
        (Centroid(-1, 1, 0), "Loyal Customers"),
        (Centroid(-1, 0, 1), "Big Spenders"),
        (Centroid(-0.1, 0.1, 0), "Potential Loyalists"),
        (Centroid(1, -1, 0), "At Risk"),
        (Centroid(1, 0, 0), "Lost"),
        (Centroid(0, -1, -1), "Hibernating"),
        (Centroid(0, 0, 0), "Need Attention"),
        (Centroid(-0.5, 0.5, 0.5), "Potential Loyalists"),  # a border belongs to no extreme
        (Centroid(0.5, -0.5, 0), "Need Attention"),
    ],
)
def test_the_first_rule_that_fits(centroid: Centroid, name: str) -> None:
    assert name_segments([centroid]) == [name]


def test_a_second_cluster_moves_to_a_later_rule_that_is_free() -> None:
    better, worse = Centroid(-1, 2, 2), Centroid(-1, 1, 1)
    assert name_segments([worse, better]) == ["Loyal Customers", "Champions"]


def test_the_only_one_that_can_move_moves() -> None:
    """The best of two clusters gives way when the other fits no later rule."""
    stays, moves = Centroid(0.6, -0.4, -9), Centroid(0.6, -0.4, -0.4)
    assert name_segments([stays, moves]) == ["Lost", "Lost"]
    assert name_segments([Centroid(1, -1, 0), Centroid(2, -2, -2)]) == ["At Risk", "Lost"]


def test_clusters_without_a_free_rule_form_one_segment() -> None:
    assert name_segments([Centroid(0, 0, 0), Centroid(0.1, -0.1, 0)]) == ["Need Attention"] * 2


@given(CENTROIDS)
def test_no_shared_name_while_a_later_rule_is_free(centroids: list[Centroid]) -> None:
    names = name_segments(centroids)
    order = [rule.name for rule in RULES]
    for centroid, name in zip(centroids, names, strict=True):
        if names.count(name) > 1 and name in order:
            later = RULES[order.index(name) + 1 :]
            assert not [rule for rule in later if rule.fits(centroid) and rule.name not in names]


@given(CENTROIDS.flatmap(lambda items: st.tuples(st.just(items), st.permutations(items))))
def test_numbering_does_not_matter(both: tuple[list[Centroid], list[Centroid]]) -> None:
    one, other = both
    named = sorted(zip(one, name_segments(one), strict=True))
    assert named == sorted(zip(other, name_segments(other), strict=True))
