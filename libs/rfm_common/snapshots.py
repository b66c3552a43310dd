"""Published snapshots: the tables of one run, and how a snapshot is taken away."""

from typing import Any

from sqlalchemy import delete
from sqlmodel import SQLModel, col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common import audit
from rfm_common.bus import add_to_outbox
from rfm_common.db import AdvisoryLock, lock, run_sql
from rfm_common.errors import ConflictError, existing
from rfm_common.events import SnapshotDeleted
from rfm_common.models import (
    CountrySummary,
    QuietCustomer,
    RunSample,
    ScoringRun,
    SegmentCountry,
    SegmentFlow,
    SegmentStat,
)

PARENTS = ("rfm_features", "customer_clusters")
VALUES = "customer_values"
"""Comes after the snapshot is published, and goes with it."""
SORTABLE = (
    "expected_orders_90", "expected_revenue_90", "expected_revenue_365", "expected_loss_90",
    "buys_again_90", "half_back_days", "overdue",
)  # fmt: skip
"""Its columns that lists of customers are sorted by."""
LAST_DAY = 2**31 - 1
LOCK_WAIT = "200ms"
"""Readers queue behind a waiting swap; no longer than this, then it steps back."""
TO_COME = "calc_date > now() + interval '25 hours'"
"""SQL: whether a snapshot is of a day to come; the longest day, in autumn, ends after 25 hours."""
BY_DATE = f"{TO_COME}, calc_date DESC"
"""SQL: the newest up to today; one of a day to come only when there is no other. Else whoever asked
for such a day, or scored under a clock that ran ahead, would hide every run after that."""
OF_CUSTOMERS: tuple[type[SQLModel], ...] = (RunSample, QuietCustomer)
OF_SEGMENTS: tuple[type[SQLModel], ...] = (
    SegmentStat, SegmentCountry, CountrySummary, SegmentFlow,
)  # fmt: skip


def partition(parent: str, run_id: int) -> str:
    """The table of one run in a partitioned one."""
    return f"{parent}_{run_id:d}"


def sortable(column: str) -> str:
    """What is indexed and sorted by instead of a column of figures that may be empty.

    All of them are 0 or more; empty ones count as less, but of days as more: they mean never.
    """
    return f"coalesce({column}, {LAST_DAY if column.endswith('_days') else -1})"


async def wait_briefly(session: AsyncSession) -> None:
    """From here on, a lock that somebody else holds for long raises instead of keeping us."""
    await run_sql(session, f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")


async def lock_parents(session: AsyncSession) -> None:
    """Keep readers out for the moment of a swap; to be called after `wait_briefly`."""
    await run_sql(session, f"LOCK TABLE {', '.join((*PARENTS, VALUES))} IN ACCESS EXCLUSIVE MODE")


async def retire(session: AsyncSession, run_id: int) -> None:
    """Take a snapshot and its customers away; its run keeps its row, stats, flows and model.

    The parents must be locked.
    """
    for parent in (*PARENTS, VALUES):
        await run_sql(session, f"DROP TABLE IF EXISTS {partition(parent, run_id)}")
    await _empty(session, OF_CUSTOMERS, run_id)
    await session.exec(
        update(ScoringRun).where(col(ScoringRun.run_id) == run_id).values(is_current=False)
    )


async def delete_snapshot(session: AsyncSession, run_id: int, actor: str) -> None:
    """Delete a published snapshot with its statistics and flows; its run stays in the history.

    The flows of the next snapshot are emptied until scoring has compared it with the one before.
    Raises NotFoundError for an unknown run, ConflictError for one whose snapshot is not shown,
    and the driver's lock timeout while another run publishes or somebody reads for long.
    """
    await wait_briefly(session)
    await lock(session, AdvisoryLock.PUBLISH)
    run = existing(await session.get(ScoringRun, run_id), f"run {run_id}", "run_id")
    if not run.is_current or run.calc_date is None:
        raise ConflictError(
            f"run {run_id} has no snapshot to delete; GET /snapshots lists those that exist",
            run_id=run_id,
        )
    moment = run.calc_date.isoformat()
    await lock_parents(session)
    await retire(session, run_id)
    await _empty(session, OF_SEGMENTS, run_id)
    await _forget_flows(session, run_id)
    run.summary = {**run.summary, "deleted_by": actor}
    audit.record(session, actor, "snapshot.delete", f"run {run_id}", run.customers_processed,
                 {"calc_date": moment})  # fmt: skip
    add_to_outbox(session, SnapshotDeleted(run_id=run_id, calc_date=moment))


async def _forget_flows(session: AsyncSession, run_id: int) -> None:
    """Of the snapshots that were compared with the deleted one."""
    followers = await session.exec(select(ScoringRun).where(ScoringRun.previous_run_id == run_id))
    for follower in followers.all():
        await _empty(session, (SegmentFlow,), follower.run_id)
        follower.previous_run_id = None
        metrics = follower.metrics.copy()
        metrics.pop("moved", None)
        follower.metrics = metrics


async def _empty(session: AsyncSession, tables: tuple[type[SQLModel], ...], run_id: int) -> None:
    for table in tables:
        of_run: Any = table
        await session.exec(delete(table).where(col(of_run.run_id) == run_id))
