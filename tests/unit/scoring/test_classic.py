"""Classic names follow the first rule that fits; they do not depend on the numbering."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.model.classic import Centroid, classic_names

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
    assert classic_names([centroid]) == [name]


def test_clusters_of_one_name_are_one_segment() -> None:
    assert classic_names([Centroid(-1, 2, 2), Centroid(-1, 1, 1)]) == ["Champions"] * 2


@given(CENTROIDS.flatmap(lambda items: st.tuples(st.just(items), st.permutations(items))))
def test_numbering_does_not_matter(both: tuple[list[Centroid], list[Centroid]]) -> None:
    one, other = both
    named = sorted(zip(one, classic_names(one), strict=True))
    assert named == sorted(zip(other, classic_names(other), strict=True))
