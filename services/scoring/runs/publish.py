"""The one transaction in which a computed snapshot becomes the one that everybody sees."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Never, TypedDict

from sqlalchemy import delete, func, insert, text
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.basis import basis_of, basis_of_run, replacement
from rfm_common.bus import add_to_outbox
from rfm_common.db import AdvisoryLock, Sessions, lock, raw_connection, run_sql
from rfm_common.documents import (
    Candidate,
    Edges,
    Metrics,
    Notice,
    StoredModel,
    Summary,
    Timings,
)
from rfm_common.events import RunFinished
from rfm_common.model_versions import number_model
from rfm_common.models import (
    CountrySummary,
    RunState,
    ScoringRun,
    SegmentCountry,
    SegmentFlow,
    SegmentStat,
)
from rfm_common.snapshots import PARENTS, TO_COME, lock_parents, retire, wait_briefly
from scoring.runs import queue
from scoring.runs.queue import CancelledRunError, Claim, LostRunError
from scoring.snapshot import writing
from scoring.snapshot.records import Flows, Target


class RunColumns(TypedDict, total=False):
    """Values for columns of `scoring_runs`."""

    calc_date: datetime
    window_days: int
    k: int
    base_currency: str | None
    engine: str
    data_version: int
    customers_processed: int
    clusters_created: int
    previous_run_id: int | None
    edges: Edges
    model: StoredModel | dict[str, Never]
    metrics: Metrics
    summary: Summary
    sweep: list[Candidate]
    warnings: list[Notice]
    timings: Timings
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that a run found out, ready for its row and its tables."""

    target: Target
    data_version: int
    row: RunColumns
    stats: Sequence[dict[str, Any]]
    samples: Sequence[dict[str, Any]]
    segment_countries: Sequence[dict[str, Any]]
    country_summaries: Sequence[dict[str, Any]]
    flows: Flows
    quiet: Sequence[dict[str, Any]]


class BaseReplacedError(Exception):
    """The snapshot that a run was to amend is not the one shown any more."""


class Publication:
    """A run's transaction: what it has amended is seen by nobody until it has published."""

    def __init__(self, session: AsyncSession, claimed: Claim) -> None:
        self._session, self.claimed = session, claimed
        self._amended: dict[str, int] = {}
        """By parent, the run whose table was changed; the others are swapped."""
        self._is_base_gone = False
        self._turn = asyncio.Lock()  # a transaction does one thing at a time

    async def amend(self, parent: str, target: Target, base: int, data_version: int) -> None:
        """Bring what differs into a table of the snapshot that is built upon.

        While the rest is still computed: it takes as long as the fit. No other run publishes
        from here on. Does nothing for a preview, or when another snapshot is shown by now.
        """
        if self.claimed.is_preview:
            return
        async with self._turn:
            await self._amend(parent, target, base, data_version)

    async def _amend(self, parent: str, target: Target, base: int, data_version: int) -> None:
        await _begin(self._session, self.claimed)
        shown = await _shown(self._session, target)
        if shown and shown.run_id == base and _is_to_show(self.claimed, data_version, shown):
            await writing.amend(self._session, parent, target, base)
            self._amended[parent] = base
        else:
            self._is_base_gone = True

    async def publish(self, outcome: Outcome) -> bool:
        """Swap the snapshot in and fill the run's row; False when a newer one is there already.

        A preview fills its row and leaves the published snapshots alone. Nobody is kept waiting
        for long: it raises the driver's lock timeout when a reader or another run is in the way,
        and may be called again. Raises LostRunError when the claim does not hold any more,
        CancelledRunError when someone cancelled in time, BaseReplacedError when the run was to
        amend a snapshot that is not shown any more.
        """
        async with self._session.begin_nested():
            return await _publish(
                self._session, self.claimed, outcome, None if self._is_base_gone else self._amended
            )


@asynccontextmanager
async def publication(sessions: Sessions, claimed: Claim) -> AsyncGenerator[Publication]:
    """What was done in it is there for all when the block is left without an error."""
    async with sessions() as session, session.begin():
        yield Publication(session, claimed)


async def _begin(session: AsyncSession, claimed: Claim) -> None:
    """Let one run publish at a time, or two could each find nothing shown as yet."""
    await queue.name_publisher(session, claimed)
    await lock(session, AdvisoryLock.PUBLISH)


async def _publish(
    session: AsyncSession, claimed: Claim, outcome: Outcome, amended: Mapping[str, int] | None
) -> bool:
    """`amended` has, by parent, the run whose table was changed; None: it could not be."""
    await wait_briefly(session)
    await _begin(session, claimed)
    await _check_claim(session, claimed)
    await _write_tables(session, outcome)
    shown = await _shown(session, outcome.target)
    columns = outcome.row
    if is_current := _is_to_show(claimed, outcome.data_version, shown):
        if amended is None:
            raise BaseReplacedError(claimed.run_id)
        columns = _columns(outcome.row, shown)
        await lock_parents(session)
        await _swap(session, claimed, outcome, shown, amended)
    else:
        await writing.drop_staged(session, outcome.target)
    await session.exec(
        update(ScoringRun)
        .where(col(ScoringRun.run_id) == claimed.run_id)
        .values(
            **columns, state=RunState.FINISHED, is_current=is_current, progress={}, error=None,
            finished_at=func.clock_timestamp(),  # the transaction may have begun long ago
        )
    )  # fmt: skip
    if is_current or _proposes(outcome):
        await number_model(session, claimed.run_id)
    if claimed.is_automatic:
        await _raise_scored_version(session, outcome.data_version)
    add_to_outbox(session, _event(claimed, outcome))
    return is_current


async def _check_claim(session: AsyncSession, claimed: Claim) -> None:
    """Lock the run's row: from here on nobody can take the run over or cancel it."""
    run = (
        await session.exec(
            select(ScoringRun).where(ScoringRun.run_id == claimed.run_id).with_for_update()
        )
    ).one()
    if (run.fence, run.state) != (claimed.fence, RunState.RUNNING):
        raise LostRunError(claimed.run_id)
    if run.cancel_requested:
        raise CancelledRunError(claimed.run_id)


async def _write_tables(session: AsyncSession, outcome: Outcome) -> None:
    run_id = outcome.target.run_id
    tables = (
        (SegmentStat, outcome.stats),
        (SegmentCountry, outcome.segment_countries),
        (CountrySummary, outcome.country_summaries),
    )
    for table, found in tables:
        if rows := [row | {"run_id": run_id} for row in found]:
            await session.exec(insert(table), params=rows)
    await write_flows(session, run_id, outcome.flows)
    await _copy(session, "run_samples", run_id, outcome.samples)
    await _copy(session, "quiet_customers", run_id, outcome.quiet)


async def _copy(
    session: AsyncSession, table: str, run_id: int, rows: Sequence[dict[str, Any]]
) -> None:
    if not rows:
        return
    raw = await raw_connection(session)
    await raw.copy_records_to_table(
        table, columns=("run_id", *rows[0]), records=[(run_id, *row.values()) for row in rows]
    )


async def write_flows(session: AsyncSession, run_id: int, flows: Flows) -> None:
    """Replace the flows into a run's snapshot."""
    await session.exec(delete(SegmentFlow).where(col(SegmentFlow.run_id) == run_id))
    if flows.rows:
        rows = [asdict(row) | {"run_id": run_id} for row in flows.rows]
        await session.exec(insert(SegmentFlow).values(rows))


async def _shown(session: AsyncSession, target: Target) -> ScoringRun | None:
    """The run whose snapshot of the same moment is shown now."""
    found = await session.exec(
        select(ScoringRun).where(
            col(ScoringRun.is_current), ScoringRun.calc_date == target.calc_date
        )
    )
    return found.first()


def _is_to_show(claimed: Claim, data_version: int, shown: ScoringRun | None) -> bool:
    """Unless it is a preview, or what is shown has newer data than this one."""
    if claimed.is_preview:
        return False
    ours = (data_version, claimed.run_id)
    return shown is None or (shown.data_version or 0, shown.run_id) <= ours


def _columns(row: RunColumns, replaced: ScoringRun | None) -> RunColumns:
    """The run's columns; its summary says what it replaced, if that was measured otherwise."""
    now = basis_of(
        row["window_days"], row["base_currency"], row["model"], row["summary"]["measured"]
    )
    if replaced and (told := replacement(basis_of_run(replaced), now, replaced.run_id)):
        return {**row, "summary": {**row["summary"], "replaced": told}}
    return row


async def _swap(
    session: AsyncSession, claimed: Claim, outcome: Outcome, shown: ScoringRun | None,
    amended: Mapping[str, int],
) -> None:  # fmt: skip
    """Put the snapshot in the place of what is shown of the same moment."""
    for parent, base in amended.items():
        await writing.take_over(session, parent, outcome.target, base)
    if shown:
        await retire(session, shown.run_id)
    if claimed.is_automatic:
        await _retire_later(session, outcome)
    await writing.attach(
        session, outcome.target, [parent for parent in PARENTS if parent not in amended]
    )


async def _retire_later(session: AsyncSession, outcome: Outcome) -> None:
    """Take away automatic snapshots of later moments that older runs of older data made.

    Pages would go on showing them: a shop whose newest orders were removed, or whose customers
    came before orders that are all old, looks back from an earlier day than it did. Those of days
    to come are not shown, and stay: maybe it is the clock that was set back.
    """
    later = await session.exec(
        select(ScoringRun.run_id).where(
            col(ScoringRun.is_current),
            col(ScoringRun.is_automatic),
            col(ScoringRun.calc_date) > outcome.target.calc_date,
            col(ScoringRun.run_id) < outcome.target.run_id,
            col(ScoringRun.data_version) <= outcome.data_version,
            text(f"NOT {TO_COME}"),
        )
    )
    for run_id in later.all():
        await retire(session, run_id)


async def _raise_scored_version(session: AsyncSession, version: int) -> None:
    await run_sql(
        session,
        "UPDATE data_state SET scored_version = :version"
        " WHERE id = 1 AND scored_version < :version",
        version=version,
    )


def _proposes(outcome: Outcome) -> bool:
    """Whether it is a proposal that would change anything."""
    proposal = outcome.row["metrics"].get("proposal")
    return proposal is not None and proposal["moved"] > 0


def _event(claimed: Claim, outcome: Outcome) -> RunFinished:
    return RunFinished(
        run_id=claimed.run_id,
        calc_date=outcome.target.calc_date.isoformat(),
        customers=outcome.row["customers_processed"],
        clusters=outcome.row["clusters_created"],
        data_version=outcome.data_version,
        warnings=[warning["code"] for warning in outcome.row["warnings"]],
        preview=claimed.is_preview,
    )
