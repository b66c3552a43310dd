"""The history of runs, and one run in full."""

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.kit import rows
from gateway.kit.recipe import RULE, TRANSFORM
from gateway.kit.rows import Page
from gateway.runs.schemas import RunDetail, RunRow
from rfm_common.models import RunState

COLUMNS = f"""
    run_id, state AS status, trigger, calc_date, window_days, k, is_current,
    coalesce({RULE}, parameters->>'rule') AS rule,
    coalesce({TRANSFORM}, parameters->>'transform') AS transform,
    parameters @> '{{"preview": true}}' AS is_preview, model_version, customers_processed,
    clusters_created, data_version, message, error, queued_at, started_at, finished_at"""
MORE_COLUMNS = """
    parameters, base_currency, engine, previous_run_id, summary->'replaced' AS replaced,
    cancel_requested, attempt, progress, edges, model, metrics, summary, sweep, warnings, timings"""


async def run_page(
    session: AsyncSession, page: Page, status: RunState | None = None
) -> list[RunRow]:
    """One page of the history, newest first."""
    condition, values = _narrowed(status)
    return await rows.many(
        session,
        RunRow,
        f"SELECT {COLUMNS} FROM scoring_runs WHERE {condition}"
        " ORDER BY run_id DESC LIMIT :size OFFSET :skip",
        **page.window,
        **values,
    )


async def count_runs(session: AsyncSession, status: RunState | None = None) -> int:
    """How many runs there are."""
    condition, values = _narrowed(status)
    statement = f"SELECT count(*) FROM scoring_runs WHERE {condition}"
    return int(await rows.scalar(session, statement, **values))


def _narrowed(status: RunState | None) -> tuple[str, dict[str, object]]:
    return ("state = :status", {"status": status.value}) if status else ("true", {})


async def find_run(session: AsyncSession, run_id: int) -> RunDetail | None:
    """One run with parameters, model, metrics and timings."""
    return await rows.one(
        session,
        RunDetail,
        f"SELECT {COLUMNS}, {MORE_COLUMNS} FROM scoring_runs WHERE run_id = :run_id",
        run_id=run_id,
    )


async def open_runs(session: AsyncSession) -> list[RunDetail]:
    """The runs that wait or work, oldest first."""
    return await rows.many(
        session,
        RunDetail,
        f"SELECT {COLUMNS}, {MORE_COLUMNS} FROM scoring_runs"
        " WHERE state IN ('queued', 'running') ORDER BY run_id",
    )
