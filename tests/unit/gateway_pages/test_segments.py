"""Segments by what their customers are expected to spend."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale

from gateway.kit.numbers import Numbers
from gateway.segments.figures import Segment
from gateway.segments.outlook import by_value_to_come
from gateway.segments.page import Fact, build_to_come
from rfm_common.documents import StoredForecast

NUMBERS = Numbers(Locale("en", "GB"), ZoneInfo("UTC"), "EUR")


def segment(name: str, customers: int, *clusters: int) -> Segment:
    return Segment(name, customers, 0.5, 9, Decimal(100), 0.5, 30.0, 21.0, clusters)


def forecast(*revenue: str) -> StoredForecast:
    """Of the clusters 0, 1 ..."""
    rest = {"customers": 1, "expected_orders_90": 1.0, "expected_revenue_365": "0",
            "expected_loss_90": "0"}  # fmt: skip
    return {
        "totals": {**rest, "expected_revenue_90": str(sum(map(Decimal, revenue)))},
        "clusters": [
            {**rest, "cluster_id": number, "expected_revenue_90": money}
            for number, money in enumerate(revenue)
        ],
    }  # type: ignore[typeddict-item]


EVERYONE = [segment("Champions", 2, 1), segment("At Risk", 3, 0, 2), segment("Lost", 5, 7)]


def test_segments_come_in_the_order_of_what_they_will_bring() -> None:
    found = by_value_to_come(EVERYONE, forecast("50", "100", "70"))
    told = [(item.guide.name, item.revenue, item.each) for item in found]
    assert told == [("At Risk", 120, 40), ("Champions", 100, 50), ("Lost", 0, 0)]
    assert sum(item.share for item in found) == 1


def test_nothing_is_told_before_it_is_computed() -> None:
    assert by_value_to_come(EVERYONE, {}) == []
    facts = build_to_come(NUMBERS, EVERYONE[0], EVERYONE, {})
    assert {(fact.value, fact.everybody) for fact in facts} == {("–", "–")}


def test_shares_of_nothing_are_nothing() -> None:
    found = by_value_to_come(EVERYONE, forecast("0", "0", "0"))
    assert [item.share for item in found] == [0, 0, 0]
    assert [item.guide.name for item in found] == ["At Risk", "Champions", "Lost"]


def test_a_segment_stands_beside_everybody() -> None:
    facts = build_to_come(NUMBERS, EVERYONE[1], EVERYONE, forecast("50", "100", "70"))
    assert facts == [
        Fact("Expected, next 90 days", "€120", "€220"), Fact("Expected each", "€40.00", "€22.00"),
    ]  # fmt: skip
