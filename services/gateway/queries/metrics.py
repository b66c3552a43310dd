"""What monitoring watches, from the tables: it survives restarts and covers every process."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.queries import rows
from gateway.schemas.common import Answer


class Sample(Answer):
    """One value of one metric; `label` is empty or a label with its value."""

    name: str
    label: str
    value: float


async def samples(session: AsyncSession) -> list[Sample]:
    """Versions, files by state, rows by outcome, runs by state, the last run's steps."""
    return await rows.many(session, Sample, _SAMPLES)


_SAMPLES = """
SELECT 'rfm_data_version' AS name, '' AS label, data_version::float8 AS value FROM data_state
UNION ALL SELECT 'rfm_scored_version', '', scored_version FROM data_state
UNION ALL SELECT 'rfm_outbox_waiting', '', count(*) FROM outbox WHERE published_at IS NULL
UNION ALL SELECT 'rfm_imports', format('state="%s"', state), count(*) FROM imports GROUP BY state
UNION ALL SELECT 'rfm_import_rows', 'outcome="new"', coalesce(sum(rows_new), 0) FROM imports
UNION ALL SELECT 'rfm_import_rows', 'outcome="rejected"', coalesce(sum(rows_rejected), 0)
    FROM imports
UNION ALL SELECT 'rfm_runs', format('state="%s"', state), count(*) FROM scoring_runs GROUP BY state
UNION ALL SELECT 'rfm_last_run_seconds', format('step="%s"', step), seconds::float8 FROM (
    SELECT timings FROM scoring_runs WHERE state = 'finished' ORDER BY run_id DESC LIMIT 1) AS last,
    jsonb_each_text(timings) AS part (step, seconds)"""
