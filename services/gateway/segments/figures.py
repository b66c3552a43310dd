"""The segments of a run, all their clusters together, as pages show them."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit.change import Change, count_change
from gateway.kit.guide import SILENT, Guide, guide, rank
from gateway.kit.numbers import Numbers
from gateway.kit.quick import kept
from rfm_common.models import SegmentStat


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of one run: all its clusters together."""

    name: str
    customers: int
    share: float
    orders: int
    monetary: Decimal
    monetary_share: float
    avg_recency_days: float
    median_recency_days: float
    """Exact for a segment of one cluster, else the mean of its clusters' medians."""
    clusters: tuple[int, ...]

    @property
    def avg_order_value(self) -> Decimal | None:
        """Money per order; None without orders."""
        return self.monetary / self.orders if self.orders else None

    @property
    def avg_frequency(self) -> float:
        """Orders per customer."""
        return self.orders / self.customers

    @property
    def is_silent(self) -> bool:
        """Whether hardly anyone in it has an order in the window."""
        return self.avg_frequency < SILENT

    @property
    def avg_monetary(self) -> Decimal:
        """Money per customer."""
        return self.monetary / self.customers


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment with its words and how many customers it gained."""

    segment: Segment
    guide: Guide
    change: Change | None


async def list_segments(session: AsyncSession, run_id: int) -> list[Segment]:
    """The segments of a run; the caller sorts them."""

    async def read() -> list[Segment]:
        return (await list_segments_of(session, [run_id]))[run_id]

    return await kept(session, ("segments of", run_id), read)


async def list_segments_of(session: AsyncSession, run_ids: list[int]) -> dict[int, list[Segment]]:
    """The segments of several runs that have customers, by run; a handful of rows each."""
    count = func.sum(SegmentStat.customer_count)
    rows = await session.exec(
        select(  # type: ignore[call-overload]
            SegmentStat.run_id,
            SegmentStat.segment_name,
            count,
            func.sum(SegmentStat.customer_share),
            func.sum(SegmentStat.order_count),
            func.sum(SegmentStat.monetary),
            func.sum(SegmentStat.monetary_share),
            func.sum(col(SegmentStat.avg_recency_days) * SegmentStat.customer_count) / count,
            func.sum(col(SegmentStat.median_recency_days) * SegmentStat.customer_count) / count,
            func.array_agg(SegmentStat.cluster_id),
        )
        .where(col(SegmentStat.run_id).in_(run_ids))
        .group_by(SegmentStat.run_id, SegmentStat.segment_name)
        .having(count > 0)
    )
    segments: dict[int, list[Segment]] = {run_id: [] for run_id in run_ids}
    for run_id, name, people, share, orders, money, part, mean, median, clusters in rows:
        segments[run_id].append(
            Segment(name, int(people), share, int(orders), money, part,
                    float(mean), float(median), tuple(sorted(clusters)))
        )  # fmt: skip
    return segments


def build_rows(
    numbers: Numbers, segments: list[Segment], before: list[Segment] | None
) -> list[SegmentRow]:
    """The segment table, best first; a segment that others left empty is not listed."""
    then = {segment.name: segment.customers for segment in before or []}
    return [
        SegmentRow(
            segment,
            guide(segment.name),
            count_change(numbers, segment.customers - then.get(segment.name, 0))
            if before is not None
            else None,
        )
        for segment in sorted(segments, key=lambda item: (item.is_silent, rank(item.name)))
    ]
