"""What a segment's page reads besides the segment's own figures."""

from dataclasses import dataclass

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.models import Cause, RunSample, SegmentFlow


@dataclass(frozen=True, slots=True)
class Move:
    """Customers who came from or went to `other` for one reason; `other` is empty for new ones."""

    other: str
    cause: str
    customers: int


@dataclass(frozen=True, slots=True)
class Moves:
    """Arrivals and departures of one segment since the snapshot before, largest first."""

    arrived: list[Move]
    left: list[Move]


async def read_moves(session: AsyncSession, run_id: int, segment_name: str) -> Moves:
    """Who came and who went, with the reasons: a few stored rows."""
    result = await session.exec(
        select(SegmentFlow)
        .where(SegmentFlow.run_id == run_id, SegmentFlow.cause != Cause.STAYED)
        .where(
            or_(SegmentFlow.from_segment == segment_name, SegmentFlow.to_segment == segment_name)
        )
        .where(col(SegmentFlow.from_segment) != col(SegmentFlow.to_segment))
        .order_by(
            col(SegmentFlow.customers).desc(), col(SegmentFlow.from_segment),
            col(SegmentFlow.to_segment), col(SegmentFlow.cause),
        )
    )  # fmt: skip
    flows = result.all()
    return Moves(
        arrived=[
            Move(flow.from_segment, flow.cause.value, flow.customers)
            for flow in flows
            if flow.to_segment == segment_name
        ],
        left=[
            Move(flow.to_segment, flow.cause.value, flow.customers)
            for flow in flows
            if flow.from_segment == segment_name
        ],
    )


async def read_points(
    session: AsyncSession, run_id: int, segment_name: str
) -> list[tuple[int, int, float]]:
    """Recency, frequency and money of the segment's customers in the run's sample."""
    rows = await session.exec(
        select(
            col(RunSample.recency_days), col(RunSample.frequency), col(RunSample.monetary)
        ).where(RunSample.run_id == run_id, RunSample.segment_name == segment_name)
    )
    return [(recency, frequency, float(money)) for recency, frequency, money in rows]
