"""How far to trust what customers are expected to buy: the shop's own past, judged beside the runs.

One cut at a time, after the figures of all snapshots; a run never waits for it. A judgement is a
row that is written in one transaction, so whoever is killed leaves nothing behind.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select

from rfm_common.bus import add_to_outbox
from rfm_common.db import AdvisoryLock, Sessions, run_sql, try_lock
from rfm_common.documents import JudgedOn, Judgement, ValueSums
from rfm_common.events import ForecastJudged
from rfm_common.models import ScoringRun, ValueJudgement
from rfm_common.snapshots import BY_DATE, VALUES
from scoring.runs.beside import in_slices, keep_up
from scoring.runs.plan import spec_of
from scoring.snapshot import frames, hindsight, purchases, reading
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.features import features_sql
from scoring.snapshot.hindsight import Cut
from scoring.snapshot.sampling import hashed_rows
from scoring.value import SAMPLE, fit_value

PAUSE = 2.0
"""Seconds between two looks whether something is to be judged."""
DAYS = (90, 30, 180)
"""How long ago the past is cut, the most important first."""
CHANGED = 0.05
"""By which part the sums of a snapshot must differ for another judgement on the same day."""

log = logging.getLogger("rfm.scoring")


class Read(NamedTuple):
    """What the database knows of one cut."""

    bought: pl.DataFrame
    features: pl.DataFrame
    after: pl.DataFrame


async def keep_judgements(sessions: Sessions) -> NoReturn:
    """Judge what the newest snapshot calls for, until cancelled."""
    await keep_up("judgement", partial(judge_next, sessions), PAUSE)


async def judge_next(sessions: Sessions) -> bool:
    """Judge one cut of the newest snapshot; False if there is nothing to do now.

    Nothing is begun while a run waits or computes, while a snapshot waits for its figures, or
    while another worker is at it.
    """
    async with sessions() as session, session.begin():
        if not await try_lock(session, AdvisoryLock.TRUST):
            return False
        run_id = (await run_sql(session, _NEWEST)).scalar()
        if run_id is None:
            return False
        run = await session.get_one(ScoringRun, run_id)
        judged = {one.days: one.judged_on for one in await session.exec(select(ValueJudgement))}
        days = due(judged_on(run), judged)
        if days is None:
            return False
        row = {
            "run_id": run.run_id, "calc_date": run.calc_date, "base_currency": run.base_currency,
            "judged_on": judged_on(run), "judgement": await _judge(sessions, run, days),
            "judged_at": func.clock_timestamp(),
        }  # fmt: skip
        made = insert(ValueJudgement).values(days=days, **row)
        await session.exec(made.on_conflict_do_update(index_elements=["days"], set_=row))
        add_to_outbox(session, ForecastJudged(run_id=run.run_id, days=days))
    log.info("judged what was expected %d days before run %d", days, run_id)
    return True


_NEWEST = f"""
SELECT run_id FROM scoring_runs
WHERE is_current AND NOT EXISTS (
    SELECT FROM scoring_runs
    WHERE state IN ('queued', 'running')
       OR is_current AND to_regclass('{VALUES}_' || run_id) IS NULL)
ORDER BY {BY_DATE} LIMIT 1
"""


def judged_on(run: ScoringRun) -> JudgedOn:
    """Of a run whose snapshot has its figures."""
    if run.calc_date is None:
        raise ValueError(f"run {run.run_id} has no calc_date")
    zone = ZoneInfo(run.summary.get("measured", {}).get("timezone", "UTC"))
    return JudgedOn(
        day=run.calc_date.astimezone(zone).date().isoformat(), window_days=run.window_days,
        version=run.forecast["version"], totals=run.forecast["totals"],
    )  # fmt: skip


def due(now: JudgedOn, judged: Mapping[int, JudgedOn]) -> int | None:
    """Which cut is to be judged next; None if all of them are judged well enough.

    Each once a day, and again for another model or window, or when the data is clearly another.
    """
    return next((one for one in DAYS if one not in judged or _is_other(judged[one], now)), None)


def _is_other(before: JudgedOn, now: JudgedOn) -> bool:
    return (
        (before["day"], before["version"], before["window_days"])
        != (now["day"], now["version"], now["window_days"])
    ) or _differ(before["totals"], now["totals"])


def _differ(before: ValueSums, now: ValueSums) -> bool:
    pairs = zip(_sums(before), _sums(now), strict=True)
    return any(abs(after - known) > CHANGED * known for known, after in pairs)


def _sums(totals: ValueSums) -> tuple[float, float, float]:
    revenue = float(totals["expected_revenue_90"])
    return totals["customers"], totals["expected_orders_90"], revenue


async def _judge(sessions: Sessions, run: ScoringRun, days: int) -> Judgement:
    """Fitted on a sample where customers are many; the sums are everybody's."""
    cut, read = await _read(sessions, run, days)
    known = await asyncio.to_thread(hindsight.known, read.bought, read.features)
    if not len(known.past):
        return hindsight.without_past(cut, read.bought, read.after)
    sample = await asyncio.to_thread(hashed_rows, known.ids, SAMPLE)
    model = await asyncio.to_thread(fit_value, known.past.take(sample))
    parts = await in_slices(lambda past: hindsight.expect(model, past, days), known.past)
    return await asyncio.to_thread(hindsight.compare, cut, known, read.after, model, parts)


async def _read(sessions: Sessions, run: ScoringRun, days: int) -> tuple[Cut, Read]:
    """What was known and what came, in one snapshot of the data."""
    dialect = PostgresDialect()
    async with sessions() as session, session.begin():
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        spec = await spec_of(session, run)
        cut = hindsight.cut(spec, run.finished_at or spec.calc_date, days)
        bought, features, after = [
            await reading.in_parts(sessions, session, dialect, query)
            for query in (
                partial(purchases.purchases_sql, cut.known, dialect, hindsight.EVERYBODY),
                partial(features_sql, cut.known, dialect),
                partial(hindsight.after_sql, cut, dialect),
            )
        ]
    return cut, Read(
        await asyncio.to_thread(purchases.read, *bought),
        await asyncio.to_thread(frames.read_features, *features),
        await asyncio.to_thread(hindsight.read_after, *after),
    )
