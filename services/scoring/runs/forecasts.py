"""What customers of published snapshots are expected to buy: computed beside the runs.

A run never waits for it. Figures are written to a table of their own and shown in one transaction,
so a snapshot has all of them or none. A snapshot that is replaced meanwhile gets none: the one in
its place does. Whoever is killed leaves a table that the next one removes.
"""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

import numpy as np
import polars as pl
from sqlalchemy import func
from sqlmodel import col, select

from rfm_common.bus import add_to_outbox
from rfm_common.db import AdvisoryLock, Sessions, lock, run_sql, try_lock
from rfm_common.documents import StoredForecast
from rfm_common.events import ForecastFinished
from rfm_common.lasting_store import effective
from rfm_common.models import ScoringRun
from rfm_common.settings import Settings
from rfm_common.snapshots import BY_DATE, VALUES, partition
from scoring.runs.beside import in_slices, keep_up
from scoring.runs.plan import spec_of
from scoring.runs.progress import Progress
from scoring.runs.value_model import Kept, choose, measured
from scoring.snapshot import purchases, reading, values, writing
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.records import Target
from scoring.snapshot.sampling import hashed_rows
from scoring.value import SAMPLE, Purchases, ValueModel

PAUSE = 1.0
"""Seconds between two looks whether a snapshot has no figures yet."""

log = logging.getLogger("rfm.scoring")


class SupersededError(Exception):
    """The snapshot is not shown any more, or somebody was erased: what was computed is void."""


@dataclass(frozen=True, slots=True)
class Figured:
    """Everybody's figures, and what the run's row says of them."""

    frame: pl.DataFrame
    told: StoredForecast


async def keep_forecasts(settings: Settings, sessions: Sessions) -> NoReturn:
    """Give every snapshot its figures, the newest first, until cancelled."""

    async def next_one() -> bool:
        try:
            return await forecast_next(settings, sessions)
        except SupersededError:
            return True  # another snapshot is in its place

    await keep_up("forecast", next_one, PAUSE)


async def forecast_next(settings: Settings, sessions: Sessions) -> bool:
    """Compute the figures of one snapshot that has none; False if there is nothing to do now.

    Nothing is begun while a run waits or computes, or while another worker is at it.
    """
    async with sessions() as session, session.begin():
        if not await try_lock(session, AdvisoryLock.VALUES):
            return False
        run_id = (await run_sql(session, _NEXT)).scalar()
        if run_id is None:
            return False
        run = await session.get_one(ScoringRun, run_id)
        discount = (await effective(session, settings)).discount
        await _forecast(sessions, run, discount)
        return True


_NEXT = f"""
SELECT run_id FROM scoring_runs
WHERE is_current AND to_regclass('{VALUES}_' || run_id) IS NULL
  AND NOT EXISTS (SELECT FROM scoring_runs WHERE state IN ('queued', 'running'))
ORDER BY {BY_DATE} LIMIT 1
"""


async def _forecast(sessions: Sessions, run: ScoringRun, discount: float) -> None:
    target = await _clear(sessions, run)
    erased = await _count_erased(sessions)
    progress = Progress()
    progress.enter("read")
    known, version = await _read(sessions, run)
    figured = await _compute(sessions, run, known, discount, progress)
    progress.enter("write")
    await _write(sessions, target, figured.frame)
    progress.stop()
    figured.told["data_version"] = version
    figured.told["timings"] = progress.timings
    await _show(sessions, target, figured, erased)
    log.info("forecast of run %d: %d customers", run.run_id, figured.frame.height)


async def _clear(sessions: Sessions, run: ScoringRun) -> Target:
    """Remove what a killed worker left."""
    if run.calc_date is None:
        raise ValueError(f"run {run.run_id} has no calc_date")
    async with sessions() as session, session.begin():
        await writing.drop_values(session)
    return Target(run.run_id, run.fence, run.calc_date)


async def _count_erased(sessions: Sessions) -> int:
    async with sessions() as session:
        return int((await run_sql(session, _ERASED)).scalar_one())


_ERASED = "SELECT count(*) FROM erasures WHERE state = 'finished'"


async def _read(sessions: Sessions, run: ScoringRun) -> tuple[pl.DataFrame, int]:
    """The past of everybody in the snapshot, and the version of the data that tells it."""
    dialect = PostgresDialect()
    async with sessions() as session, session.begin():
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        version = (await run_sql(session, "SELECT data_version FROM data_state")).scalar_one()
        spec, placed = await spec_of(session, run), partition("customer_clusters", run.run_id)
        query = partial(purchases.purchases_sql, spec, dialect, placed)
        parts = await reading.in_parts(sessions, session, dialect, query)
    return await asyncio.to_thread(purchases.read, *parts), int(version)


async def _compute(
    sessions: Sessions, run: ScoringRun, known: pl.DataFrame, discount: float, progress: Progress
) -> Figured:
    """Everybody's figures by the model in force, or by a new one where there is a reason."""
    progress.enter("fit")
    buyers = known.filter(pl.col("frequency").is_not_null())
    sample = await asyncio.to_thread(hashed_rows, buyers["customer_id"], SAMPLE)
    past = await asyncio.to_thread(purchases.past, buyers)
    kept = await _kept(sessions, run)
    chosen = await asyncio.to_thread(choose, kept, measured(run), past.take(sample))
    progress.enter("figures")
    model = chosen.model
    found = await _figures(model, past, discount)
    frame = await asyncio.to_thread(values.everyone, known, found)
    told = StoredForecast(
        model=model.data(), measured=measured(run), reason=chosen.reason, discount=discount,
        version=await _version(sessions) if chosen.is_new or kept is None else kept.version,
        as_of=kept.as_of if kept and not chosen.is_new else str(run.calc_date),
        totals=values.totals(frame), clusters=values.by_cluster(frame),
    )  # fmt: skip
    return Figured(frame, told)


async def _figures(model: ValueModel, past: Purchases, discount: float) -> pl.DataFrame:
    """What is known of customers, in their order; computed in parts of customers who are alike."""
    order = await asyncio.to_thread(past.grouped)
    ordered = await asyncio.to_thread(past.take, order)
    parts = await in_slices(lambda some: values.figures(model, some, discount), ordered)
    found = pl.concat([pl.DataFrame(schema=dict(values.SCHEMA)), *parts])
    return await asyncio.to_thread(found.__getitem__, np.argsort(order))


async def _kept(sessions: Sessions, run: ScoringRun) -> Kept | None:
    """The model that was in force at the snapshot's date."""
    forecast, moment = col(ScoringRun.forecast), col(ScoringRun.calc_date)
    async with sessions() as session:
        found = await session.exec(
            select(ScoringRun)
            .where(forecast["version"].astext.is_not(None), moment <= run.calc_date)
            .order_by(moment.desc(), col(ScoringRun.run_id).desc())
            .limit(1)
        )
        last = found.first()
    return Kept.of(last, run) if last else None


async def _version(sessions: Sessions) -> int:
    """The number of a new model."""
    async with sessions() as session:
        number = col(ScoringRun.forecast)["version"].as_integer()
        return ((await session.exec(select(func.max(number)))).one() or 0) + 1


async def _write(sessions: Sessions, target: Target, frame: pl.DataFrame) -> None:
    """Fill and index a table that nobody sees yet."""
    table = await writing.prepare(sessions, VALUES, target)
    async with sessions() as session, session.begin():
        lines = writing.off_loop(values.value_lines(frame))
        await writing.append(session, table, ("customer_id", *values.COLUMNS), lines)
    if not await writing.complete(sessions, VALUES, target, frame.height):
        raise SupersededError(target.run_id)
    await writing.index_values(sessions, target)


async def _show(sessions: Sessions, target: Target, figured: Figured, erased: int) -> None:
    """Attach the table to its snapshot, in one short transaction that lets nobody publish.

    Nor erase: who is erased while figures are computed must not come back with them.
    """
    async with sessions() as session, session.begin():
        await lock(session, AdvisoryLock.PUBLISH)
        await lock(session, AdvisoryLock.ERASE)
        run = await session.get_one(ScoringRun, target.run_id, with_for_update=True)
        if not run.is_current or (await run_sql(session, _ERASED)).scalar_one() != erased:
            raise SupersededError(target.run_id)
        table = writing.staged(VALUES, target.run_id, target.fence)
        await run_sql(session, f"DELETE FROM {table} WHERE customer_id IN ({_BEING_ERASED})")
        await writing.attach(session, target, [VALUES])
        run.forecast = figured.told
        session.add(run)
        add_to_outbox(session, ForecastFinished(run_id=run.run_id, calc_date=str(run.calc_date)))


_BEING_ERASED = "SELECT customer_id FROM erasures WHERE customer_id IS NOT NULL"
