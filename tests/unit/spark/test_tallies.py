"""Exact values at ranks from a sketch's bounds and one count: the same as from sorting."""

from decimal import Decimal
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_spark.tallies import Tally, fractions, merged, values_at

COLUMN = st.lists(st.integers(-5, 30).map(Decimal), min_size=1, max_size=60)


def tallied(column: list[Decimal], bounds: list[Decimal]) -> list[Tally]:
    """What the cluster answers: an interval's number is how many steps a value is over."""

    def interval(value: Decimal) -> int:
        return sum(
            value >= bound if number % 2 == 0 else value > bound
            for number, bound in enumerate(bounds)
        )

    def key(value: Decimal) -> tuple[int, Decimal | None]:
        place = interval(value)
        return place, value if place % 2 else None

    return [Tally(*place, len(list(group)))
            for place, group in groupby(sorted(column), key)]  # fmt: skip


@given(column=COLUMN, ranks=st.lists(st.integers(0, 59), min_size=1), slack=st.integers(0, 3))
def test_values_at_ranks_are_those_of_the_sorted_column(column, ranks, slack) -> None:
    ordered = sorted(column)
    wanted = sorted({rank % len(column) for rank in ranks})
    bounds = merged(
        [bound for rank in wanted for bound in (ordered[rank] - slack, ordered[rank] + slack)]
    )
    answers = tallied(column, bounds)
    assert values_at(reversed(answers), wanted) == {rank: ordered[rank] for rank in wanted}


def test_a_sketch_that_was_wrong_is_found_out() -> None:
    column = [Decimal(value) for value in range(100)]
    with pytest.raises(LookupError, match="outside the bounds"):
        values_at(tallied(column, [Decimal(60), Decimal(70)]), [50])
    with pytest.raises(LookupError, match="no rank 100"):
        values_at(tallied(column, [Decimal(0), Decimal(99)]), [100])


def test_bounds_that_overlap_become_one() -> None:
    one, two, three, nine = (Decimal(value) for value in (1, 2, 3, 9))
    assert merged([two, nine, one, three]) == [one, nine]
    assert merged([three, three, one, two]) == [one, two, three, three]


def test_a_sketch_is_asked_on_both_sides_of_each_rank() -> None:
    low, high = fractions([50], 101)
    assert low < 0.5 < high
    assert fractions([0, 9], 10)[0] == 0.0
    assert fractions([0, 9], 10)[-1] == 1.0
    assert fractions([0], 1) == [0.0, pytest.approx(0.0003)]
