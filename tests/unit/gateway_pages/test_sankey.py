"""The geometry of the flows: nothing is lost between the columns, and nothing overlaps."""

import re
from decimal import Decimal
from itertools import pairwise

import pytest

from gateway.migrations.flows import build_matrix
from gateway.migrations.sankey import GAP, INK, Bar, build_sankey
from gateway.migrations.schemas import Flow

WAYS = [
    ("Champions", "Champions", 500),
    ("Champions", "Lost", 40),
    ("Lost", "Champions", 7),
    ("Lost", "Lost", 300),
    (None, "Need Attention", 60),
    ("Lost", None, 3),
]


def flow(source: str | None, target: str | None, customers: int, money: int = 0) -> Flow:
    return Flow(
        from_segment=source, to_segment=target, cause=None, customers=customers,
        monetary_before=Decimal(0), monetary_after=Decimal(money),
    )  # fmt: skip


MATRIX = build_matrix([flow(*way, money=10 * way[2]) for way in WAYS])


@pytest.fixture
def drawn():
    sankey = build_sankey(MATRIX, lambda item: float(item.customers))
    assert sankey is not None
    return sankey


def test_both_columns_hold_everybody_best_segment_first(drawn) -> None:
    assert [(bar.name, bar.size) for bar in drawn.sources] == [
        ("Champions", 540), ("Lost", 310), ("", 60),
    ]  # fmt: skip
    assert [(bar.name, bar.size) for bar in drawn.targets] == [
        ("Champions", 507), ("Need Attention", 60), ("Lost", 340), ("", 3),
    ]  # fmt: skip


def test_bars_are_as_high_as_their_share_and_keep_apart(drawn) -> None:
    for column in (drawn.sources, drawn.targets):
        assert sum(bar.height for bar in column) == pytest.approx(INK, abs=2)
        for upper, lower in pairwise(column):
            assert lower.top - (upper.top + upper.height) == pytest.approx(GAP)
        assert column[-1].top + column[-1].height < drawn.height


def test_a_thin_bar_is_still_seen(drawn) -> None:
    assert drawn.targets[-1] == Bar("", drawn.targets[-1].top, pytest.approx(1.05, abs=0.1), 3)


def test_every_flow_is_one_ribbon_that_begins_and_ends_inside_its_bars(drawn) -> None:
    assert len(drawn.ribbons) == len(WAYS)
    tops = {bar.name: bar for bar in drawn.sources}
    for ribbon in drawn.ribbons:
        numbers = [float(text) for text in re.findall(r"-?[\d.]+", ribbon.path)]
        start, end_of_start = numbers[1], numbers[-1]
        bar = tops[ribbon.source]
        assert bar.top - 0.1 <= start <= end_of_start <= bar.top + bar.height + 0.1


def test_money_is_measured_like_customers_and_nothing_draws_nothing() -> None:
    by_money = build_sankey(MATRIX, lambda item: float(item.money))
    assert by_money is not None
    assert by_money.sources[0].size == 5400
    assert build_sankey(MATRIX, lambda _: 0.0) is None
