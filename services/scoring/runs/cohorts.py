"""Keeping the cohorts of the newest snapshot: computed beside the runs, which never wait for it."""

import logging
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import NoReturn
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.db import AdvisoryLock, Sessions, raw_connection, run_sql, try_lock
from rfm_common.models import CohortCell, CohortState, CustomerCohort, ScoringRun
from rfm_common.snapshots import BY_DATE
from scoring.runs.beside import keep_up
from scoring.runs.plan import spec_of
from scoring.snapshot.cohorts import cells_sql, customers_sql, is_over, month_of, months_sql
from scoring.snapshot.dialects import PostgresDialect
from scoring.snapshot.features import Spec

PAUSE = 1.0
"""Seconds between two looks whether there is a newer snapshot."""
REST = 10
"""Cohorts rest for so many times the time that they took: a tenth of a core at most."""
MONTHS = "pg_temp.cohort_months"

log = logging.getLogger("rfm.scoring")


async def keep_cohorts(sessions: Sessions) -> NoReturn:
    """Follow the newest snapshot until cancelled; PostgreSQL may be away."""
    await keep_up("cohorts", partial(refresh_cohorts, sessions), PAUSE)


async def refresh_cohorts(sessions: Sessions) -> bool:
    """Compute the cohorts of the newest snapshot, in one transaction; False if it has them.

    Readers go on seeing the cohorts before. Also False while another worker is at it, and for
    some time after they were computed, where that takes long.
    """
    async with sessions() as session, session.begin():
        if not await try_lock(session, AdvisoryLock.COHORTS):
            return False
        run_id = (await run_sql(session, _STALE, rest=REST)).scalar()
        if run_id is None:
            return False
        await _compute(session, await session.get_one(ScoringRun, run_id))
        return True


_STALE = f"""
SELECT r.run_id FROM (
    SELECT run_id FROM scoring_runs WHERE is_current ORDER BY {BY_DATE} LIMIT 1) r
LEFT JOIN cohort_state s ON true
WHERE s.run_id IS NULL OR s.run_id <> r.run_id
      AND (s.computed_at > now()  -- by a clock that ran ahead
           OR now() > s.computed_at + s.seconds * CAST(:rest AS integer) * interval '1 second')
"""


# Nobody has counted tables that were filled a moment ago: the planner would take them for small,
# and look through all customers once for each of them. And a worker that is frozen must not keep
# its locks, which an erasure may wait for.
_SETTINGS = (
    "work_mem = '256MB'", "enable_nestloop = off", "idle_in_transaction_session_timeout = '1min'",
)  # fmt: skip


async def _compute(session: AsyncSession, run: ScoringRun) -> None:
    begun = monotonic()
    spec = await spec_of(session, run)
    for setting in _SETTINGS:
        await run_sql(session, f"SET LOCAL {setting}")
    raw = await raw_connection(session)  # words of statuses may look like parameters
    months = months_sql(spec, PostgresDialect())
    await raw.execute(f"CREATE TEMP TABLE cohort_months ON COMMIT DROP AS {months}")
    await run_sql(session, f"ANALYZE {MONTHS}")
    await _replace(session, CustomerCohort, customers_sql(MONTHS))
    await _replace(session, CohortCell, cells_sql(MONTHS))
    await _note(session, run, spec, monotonic() - begun)


async def _replace(session: AsyncSession, model: type[SQLModel], query: str) -> None:
    """Make the rows of a table those of a query; rows that stay as they are are not written."""
    table, names = str(model.__tablename__), list(model.model_fields)
    fresh, columns = f"fresh_{table}", ", ".join(names)
    same = " AND ".join(f"f.{name} = t.{name}" for name in names)
    await run_sql(session, f"CREATE TEMP TABLE {fresh} ON COMMIT DROP AS {query}")
    await run_sql(session, f"ANALYZE {fresh}")
    await run_sql(
        session,
        f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM {fresh} f WHERE {same})",
    )
    await run_sql(
        session,
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {fresh} f"
        f" WHERE NOT EXISTS (SELECT FROM {table} t WHERE {same})",
    )
    await run_sql(session, f"ANALYZE {table}")  # lists are planned by it


async def _note(session: AsyncSession, run: ScoringRun, spec: Spec, seconds: float) -> None:
    zone, now = ZoneInfo(spec.zone), datetime.now(UTC)
    last = month_of(spec.calc_date, zone)
    state = {
        "run_id": run.run_id, "calc_date": spec.calc_date, "base_currency": run.base_currency,
        "last_month": last, "is_last_over": is_over(last, min(spec.calc_date, now), zone),
        "computed_at": func.clock_timestamp(), "seconds": seconds,
    }  # fmt: skip
    made = insert(CohortState).values(id=1, **state)
    await session.exec(made.on_conflict_do_update(index_elements=["id"], set_=state))
