"""What follows from published snapshots: flows between neighbours, thinning, clearing up."""

import asyncio
import logging

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import AdvisoryLock, Sessions, lock, run_sql
from rfm_common.lasting_store import effective
from rfm_common.models import ScoringRun
from rfm_common.settings import Settings
from rfm_common.snapshots import lock_parents, retire, wait_briefly
from scoring.runs.faults import describe, is_transient
from scoring.runs.plan import definition_of
from scoring.runs.publish import write_flows
from scoring.snapshot import flows, frames, reading, writing
from scoring.snapshot.records import Flows
from scoring.snapshot.retention import Kept, expendable

log = logging.getLogger("rfm.scoring")


async def run_maintenance(settings: Settings, sessions: Sessions) -> None:
    """Bring everything that follows from the snapshots up to date; safe to repeat and to lose."""
    try:
        await _clear(sessions)
        await _prune(settings, sessions)
        while await _index_lists(sessions):
            pass
        while await _refresh_flows(sessions):
            pass
    except Exception as error:
        log.warning("will tidy up later: %s", describe(error), exc_info=not is_transient(error))


async def _clear(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await wait_briefly(session)
        if dropped := await writing.drop_orphans(session):
            log.info("removed %d tables of interrupted runs", dropped)


async def _index_lists(sessions: Sessions) -> bool:
    async with sessions() as session, session.begin():
        await lock(session, AdvisoryLock.UPKEEP)  # one worker at a time
        return await writing.index_lists(session)


async def _prune(settings: Settings, sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await wait_briefly(session)
        await lock(session, AdvisoryLock.PUBLISH)
        shown = [
            Kept(run.run_id, run.calc_date, run.is_automatic)
            for run in (await session.exec(select(ScoringRun).where(ScoringRun.is_current))).all()
            if run.calc_date
        ]
        zone = (await effective(session, settings)).zone
        gone = expendable(shown, settings.snapshot_days, zone)
        if gone:
            await lock_parents(session)
        for run_id in gone:
            await retire(session, run_id)


async def has_stale_flows(session: AsyncSession) -> bool:
    """Whether a snapshot has got another neighbour than its flows were computed from."""
    return (await run_sql(session, _STALE)).first() is not None


async def _refresh_flows(sessions: Sessions) -> bool:
    """Recompute the flows of one snapshot that has got another neighbour; False if none has."""
    async with sessions() as session, session.begin():
        await lock(session, AdvisoryLock.UPKEEP)  # one worker at a time
        found = (await run_sql(session, _STALE)).first()
        if found is None:
            return False
        then, now = [await session.get_one(ScoringRun, run_id) for run_id in found]
        moved = await _flows(session, then, now)
        await write_flows(session, now.run_id, moved)
        await session.exec(
            update(ScoringRun)
            .where(col(ScoringRun.run_id) == now.run_id)
            .values(
                previous_run_id=then.run_id, metrics=now.metrics | {"moved": moved.summary()}
            )
        )  # fmt: skip
        return True


async def _flows(session: AsyncSession, then: ScoringRun, now: ScoringRun) -> Flows:
    if not (then.model.get("centroids") and now.model.get("centroids")):
        return Flows()
    tables = [
        await reading.copy_out(session, reading.snapshot_query(run.run_id)) for run in (then, now)
    ]
    before, after = [await asyncio.to_thread(frames.read_snapshot, csv) for csv in tables]
    return await asyncio.to_thread(
        flows.compare, before, after, definition_of(then), definition_of(now)
    )


_STALE = """
WITH neighbours AS (
    SELECT run_id, previous_run_id, calc_date,
           lag(run_id) OVER (ORDER BY calc_date) AS neighbour
    FROM scoring_runs WHERE is_current
)
SELECT neighbour, run_id FROM neighbours
WHERE neighbour IS NOT NULL AND neighbour IS DISTINCT FROM previous_run_id
ORDER BY calc_date LIMIT 1
"""
