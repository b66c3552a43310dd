"""Segments by what their customers are expected to spend, from the sums that a run stores. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gateway.kit.guide import Guide, guide
from gateway.segments.figures import Segment
from rfm_common.documents import StoredForecast


@dataclass(frozen=True, slots=True)
class ToCome:
    """What the customers of a segment are expected to spend in the 90 days after the snapshot."""

    segment: Segment
    guide: Guide
    revenue: Decimal
    share: float
    """Of what all customers are expected to spend."""

    @property
    def each(self) -> Decimal:
        """Per customer of the segment."""
        return self.revenue / self.segment.customers


def by_value_to_come(segments: Sequence[Segment], forecast: StoredForecast) -> list[ToCome]:
    """The segments, most value to come first; none until the figures are computed."""
    if "totals" not in forecast:
        return []
    by_cluster = {
        one["cluster_id"]: Decimal(one["expected_revenue_90"]) for one in forecast["clusters"]
    }
    total = Decimal(forecast["totals"]["expected_revenue_90"])

    def to_come(segment: Segment) -> ToCome:
        revenue = sum((by_cluster.get(one, Decimal(0)) for one in segment.clusters), Decimal(0))
        return ToCome(segment, guide(segment.name), revenue, float(revenue / total) if total else 0)

    return sorted(map(to_come, segments), key=lambda item: (-item.revenue, item.segment.name))
