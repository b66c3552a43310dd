"""What monitoring watches, from the tables: it survives restarts and covers every process."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.schemas import Answer
from rfm_common.beats import SILENT


class Sample(Answer):
    """One value of one metric; `label` is the value of its label, empty without one."""

    name: str
    label: str
    value: float


async def samples(session: AsyncSession) -> list[Sample]:
    """Versions, files, rows, runs, steps and processes; what has no value yet is left out."""
    return await rows.many(session, Sample, _SAMPLES, silent=SILENT)


_LAST_RUN = "SELECT timings FROM scoring_runs WHERE state = 'finished' ORDER BY run_id DESC LIMIT 1"
_LAST_LOAD = """
    SELECT rows_total, notes -> 'seconds' AS seconds FROM imports
    WHERE state IN ('loaded', 'loaded_with_rejects') AND jsonb_exists(notes, 'seconds')
    ORDER BY import_id DESC LIMIT 1"""
_COUNTED = ", ".join(
    f"coalesce(sum(rows_{name}), 0) AS {name}"
    for name in ("new", "updated", "unchanged", "superseded", "rejected")
)

_SAMPLES = f"""
WITH state AS (SELECT * FROM data_state),
     counted AS (SELECT {_COUNTED} FROM imports),
     last_load AS ({_LAST_LOAD}),
     load_step AS (SELECT rows_total, part.* FROM last_load, jsonb_each_text(seconds)
                   AS part (step, took)),
     named (service) AS (VALUES ('ingest'), ('scoring'), ('gateway')),
     beat AS (SELECT service, extract(epoch FROM now() - beat_at) AS age, figures
              FROM service_beats),
     living AS (SELECT service, sum((figures ->> 'cpu_seconds')::float8) AS cpu,
                       sum((figures ->> 'resident_bytes')::float8) AS memory
                FROM beat WHERE age < :silent GROUP BY service)
SELECT * FROM (
SELECT 'rfm_data_version' AS name, '' AS label, data_version::float8 AS value FROM state
UNION ALL SELECT 'rfm_scored_version', '', scored_version FROM state
UNION ALL SELECT 'rfm_version_lag', '', data_version - scored_version FROM state
UNION ALL SELECT 'rfm_version_lag_seconds', '', CASE WHEN data_version > scored_version
    THEN extract(epoch FROM now() - changed_at) ELSE 0 END FROM state
UNION ALL SELECT 'rfm_outbox_waiting', '', count(*) FROM outbox WHERE published_at IS NULL
UNION ALL SELECT 'rfm_imports', state, count(*) FROM imports GROUP BY state
UNION ALL SELECT 'rfm_import_rows', outcome, rows::float8
    FROM counted, jsonb_each_text(to_jsonb(counted)) AS part (outcome, rows)
UNION ALL SELECT 'rfm_last_import_rows_per_second', '',
    max(rows_total) / nullif(sum(took::float8), 0) FROM load_step
UNION ALL SELECT 'rfm_last_import_seconds', step, took::float8 FROM load_step
UNION ALL SELECT 'rfm_runs', state, count(*) FROM scoring_runs GROUP BY state
UNION ALL SELECT 'rfm_last_run_seconds', step, seconds::float8
    FROM ({_LAST_RUN}) AS last, jsonb_each_text(timings) AS part (step, seconds)
UNION ALL SELECT 'rfm_erasures', state, count(*) FROM erasures GROUP BY state
UNION ALL SELECT 'rfm_webhook_deliveries', state, count(*)
    FROM webhook_deliveries GROUP BY state
UNION ALL SELECT 'rfm_service_up', service,
    (SELECT count(*) FROM living l WHERE l.service = named.service) FROM named
UNION ALL SELECT 'rfm_service_heartbeat_seconds', service, min(age)
    FROM beat GROUP BY service
UNION ALL SELECT 'rfm_service_cpu_seconds', service, cpu FROM living
UNION ALL SELECT 'rfm_service_resident_bytes', service, memory FROM living
) AS all_of_them WHERE value IS NOT NULL
"""
