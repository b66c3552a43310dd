"""What several pages read: snapshots, segments of a run, and what is going on right now."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import func, text
from sqlalchemy.orm import defer
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.queries.quick import kept
from rfm_common.models import (
    Cause,
    DataState,
    Import,
    ImportState,
    RunState,
    ScoringRun,
    SegmentFlow,
    SegmentStat,
)

SILENT = 0.1
"""With fewer orders per customer a segment is that of those who did not order."""
OPEN = (RunState.QUEUED, RunState.RUNNING)


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
class Flow:
    """Customers who went from one segment to another; `source` is empty for new ones."""

    source: str
    target: str
    customers: int
    monetary: Decimal


@dataclass(frozen=True, slots=True)
class Activity:
    """What is going on: open runs, files being read, and how the last of each ended."""

    runs: list[ScoringRun] = field(default_factory=list)
    reading: list[Import] = field(default_factory=list)
    last_run: ScoringRun | None = None
    last_import: Import | None = None
    is_behind: bool = False
    has_data: bool = False
    waiting: int = 0
    """Files that need a decision."""


async def has_demo_data(session: AsyncSession) -> bool:
    """Whether any loaded file is demo data."""
    found = await session.exec(select(Import.import_id).where(Import.is_demo).limit(1))
    return found.first() is not None


async def find_snapshot(
    session: AsyncSession, zone: ZoneInfo, day: date | None = None
) -> ScoringRun | None:
    """The newest snapshot, or the latest of a day in the shop's zone."""
    query = select(ScoringRun).where(ScoringRun.is_current)
    if day:
        start = datetime.combine(day, time.min, zone)
        end = datetime.combine(day + timedelta(days=1), time.min, zone)
        query = query.where(col(ScoringRun.calc_date) >= start, col(ScoringRun.calc_date) < end)
    found = await session.exec(query.order_by(col(ScoringRun.calc_date).desc()).limit(1))
    return found.first()


async def find_run(session: AsyncSession, run_id: int | None) -> ScoringRun | None:
    """A run by its id."""
    return await session.get(ScoringRun, run_id) if run_id else None


async def list_snapshots(session: AsyncSession, limit: int = 400) -> list[tuple[int, datetime]]:
    """Run and calc_date of every snapshot, newest first."""
    rows = await session.exec(
        select(ScoringRun.run_id, ScoringRun.calc_date)
        .where(ScoringRun.is_current)
        .order_by(col(ScoringRun.calc_date).desc())
        .limit(limit)
    )
    return [(run_id, moment) for run_id, moment in rows if run_id and moment]


async def list_segments(session: AsyncSession, run_id: int) -> list[Segment]:
    """The segments of a run; the caller sorts them."""

    async def read() -> list[Segment]:
        return (await list_segments_of(session, [run_id]))[run_id]

    return await kept(session, ("segments of", run_id), read)


async def list_segments_of(session: AsyncSession, run_ids: list[int]) -> dict[int, list[Segment]]:
    """The segments of several runs, by run; a handful of rows each."""
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
    )
    segments: dict[int, list[Segment]] = {run_id: [] for run_id in run_ids}
    for run_id, name, people, share, orders, money, part, mean, median, clusters in rows:
        segments[run_id].append(
            Segment(name, int(people), share, int(orders), money, part,
                    float(mean), float(median), tuple(sorted(clusters)))
        )  # fmt: skip
    return segments


async def top_flows(session: AsyncSession, run_id: int, limit: int = 3) -> list[Flow]:
    """The largest moves into other segments since the snapshot before, all causes together."""
    customers = func.sum(SegmentFlow.customers)
    rows = await session.exec(
        select(
            SegmentFlow.from_segment,
            SegmentFlow.to_segment,
            customers,
            func.sum(SegmentFlow.monetary_after),
        )
        .where(SegmentFlow.run_id == run_id, SegmentFlow.cause != Cause.STAYED)
        .where(col(SegmentFlow.from_segment) != col(SegmentFlow.to_segment))
        .group_by(col(SegmentFlow.from_segment), col(SegmentFlow.to_segment))
        .order_by(customers.desc(), col(SegmentFlow.from_segment), col(SegmentFlow.to_segment))
        .limit(limit)
    )
    return [Flow(source, target, int(number), money) for source, target, number, money in rows]


_LAST_RUN = (
    select(ScoringRun.run_id)
    .where(col(ScoringRun.state).not_in(OPEN))
    .order_by(col(ScoringRun.finished_at).desc().nulls_last(), col(ScoringRun.run_id).desc())
    .limit(1)
)
_RUNS = (
    select(ScoringRun)
    .where(or_(col(ScoringRun.state).in_(OPEN), ScoringRun.run_id == _LAST_RUN.scalar_subquery()))
    .order_by(col(ScoringRun.run_id))
    .options(defer(ScoringRun.model), defer(ScoringRun.metrics), defer(ScoringRun.sweep))  # type: ignore[arg-type]
)
_LAST_IMPORT = select(func.max(Import.import_id)).where(Import.state != ImportState.READING)
_IMPORTS = (
    select(Import)
    .where(
        or_(Import.state == ImportState.READING, Import.import_id == _LAST_IMPORT.scalar_subquery())
    )
    .order_by(col(Import.import_id))
)
_WAITING = select(func.count()).select_from(Import).where(text("state = 'needs_decision'"))
_STATE = select(DataState)


async def activity(session: AsyncSession) -> Activity:
    """Open runs, files being read, and the last of each."""
    runs = (await session.exec(_RUNS)).all()
    imports = (await session.exec(_IMPORTS)).all()
    state = (await session.exec(_STATE)).one()
    return Activity(
        runs=[run for run in runs if run.state in OPEN],
        reading=[item for item in imports if item.state == ImportState.READING],
        last_run=next((run for run in runs if run.state not in OPEN), None),
        last_import=next((item for item in imports if item.state != ImportState.READING), None),
        is_behind=state.data_version > state.scored_version,
        has_data=state.data_version > 0,
        waiting=(await session.exec(_WAITING)).one(),
    )
