"""What the overview reads: the largest moves, and what is going on right now."""

from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import func, text
from sqlalchemy.orm import defer
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.rows import money
from gateway.kit.schemas import Answer
from gateway.migrations.flows import Cell as Move
from gateway.migrations.flows import build_matrix
from gateway.migrations.queries import flows_of_run
from gateway.segments.queries import WORTH
from rfm_common.models import (
    Customer,
    DataState,
    Import,
    ImportState,
    RunState,
    ScoringRun,
)


class BestRow(Answer):
    """A customer of the best segment."""

    customer_id: str
    email: str | None
    segment_name: str
    recency_days: int
    frequency: int
    monetary: Decimal


OPEN = (RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class Activity:
    """What is going on: open runs, files being read, and how the last of each ended."""

    runs: list[ScoringRun] = field(default_factory=list)
    reading: list[Import] = field(default_factory=list)
    last_run: ScoringRun | None = None
    last_import: Import | None = None
    is_behind: bool = False
    has_customers: bool = False
    waiting: int = 0
    """Files that need a decision."""


async def best_customers(
    session: AsyncSession, run: ScoringRun, segment_name: str, count: int, country: str | None
) -> list[BestRow]:
    """Those of a segment, or of one country in it, who spent most and are not going quiet."""
    return await rows.many(
        session,
        BestRow,
        f"""
        SELECT c.customer_id, u.email, c.segment_name, f.recency_days, f.frequency,
               {money("f.monetary")} AS monetary
        FROM customer_clusters c JOIN customers u USING (customer_id)
        JOIN rfm_features f USING (customer_id, calc_date)
        WHERE calc_date = CAST(:calc_date AS timestamptz) AND c.segment_name = :segment_name
          AND (CAST(:country AS text) IS NULL OR u.country = :country)
          AND NOT EXISTS (SELECT FROM quiet_customers q
                          WHERE q.run_id = :run AND q.customer_id = c.customer_id)
        ORDER BY {WORTH} LIMIT :count""",
        calc_date=run.calc_date,
        run=run.run_id,
        segment_name=segment_name,
        country=country,
        count=count,
    )


async def top_flows(session: AsyncSession, run_id: int, limit: int = 3) -> list[tuple[str, Move]]:
    """The largest moves into other segments since the snapshot before, all causes together."""
    moves = build_matrix(await flows_of_run(session, run_id)).cells
    return [(source, cell) for source, cell in moves if source != cell.target][:limit]


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
_SOMEBODY = select(select(Customer.customer_id).exists())


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
        has_customers=(await session.exec(_SOMEBODY)).one(),
        waiting=(await session.exec(_WAITING)).one(),
    )
