"""What a cluster loses in the middle of a run: the run ends right, and no reader sees half."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from tools.cluster import Cluster

from rfm_common.db import Sessions, run_sql
from rfm_common.models import RunState, ScoringRun
from rfm_common.runs import RunRequest, queue_run
from rfm_common.settings import Settings
from rfm_common.tasks import end
from scoring.engines import open_engine
from scoring.runs import jobs
from tests.integration.scoring.shop import run_of, score, snapshot

CUSTOMERS, ORDERS = 30_000, 400_000
CALC_DATE = datetime(2026, 3, 1, tzinfo=UTC)
ASKED = RunRequest(calc_date=CALC_DATE, k=4)
SHOP = f"""
INSERT INTO customers (customer_id) SELECT 'C' || n FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO orders (order_id, customer_id, order_date, order_amount, currency, status)
SELECT 'O' || n, 'C' || 1 + n::bigint * n % {CUSTOMERS}, '2026-02-28'::timestamptz
       - n % 300 * interval '1 day', 5 + n % 997, '', 'completed'
FROM generate_series(1, {ORDERS}) n;
UPDATE data_state SET data_version = 1, scored_version = 1;
ANALYZE
"""
READING = 'query LIKE \'SELECT "customer_id","order_date"%\''
WRITING = "query LIKE 'INSERT INTO customer_clusters%'"


@pytest_asyncio.fixture
async def shop(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        for statement in SHOP.split(";"):
            await run_sql(session, statement.replace("::", "\\:\\:"))


async def busy(sessions: Sessions, statement: str) -> None:
    """Wait until the cluster is at such a statement."""
    query = ("SELECT 1 FROM pg_stat_activity WHERE application_name = 'rfm-spark'"
             f" AND state <> 'idle' AND {statement}")  # fmt: skip
    async with asyncio.timeout(120):
        while True:
            async with sessions() as session:
                if (await run_sql(session, query)).first():
                    return
            await asyncio.sleep(0.01)


async def watch(sessions: Sessions, seen: set[tuple[int, int]]) -> None:
    """Read the snapshot over and over, as pages do: customers with figures, with a segment."""
    query = ("SELECT count(f.customer_id), count(c.customer_id) FROM rfm_features f"
             " FULL JOIN customer_clusters c USING (customer_id, calc_date)")  # fmt: skip
    while True:
        async with sessions() as session:
            row = (await run_sql(session, query)).one()
            seen.add((row[0], row[1]))
        await asyncio.sleep(0.05)


async def started(settings: Settings, sessions: Sessions) -> int | None:
    async with sessions() as session, session.begin():
        return (await queue_run(session, settings, ASKED, "api")).run_id


async def survive(
    context: jobs.Context, statement: str, strike: Callable[[], object]
) -> tuple[ScoringRun, set[tuple[int, int]]]:
    """Carry a run out, strike when the cluster is at such a statement; what readers saw."""
    sessions, seen = context.sessions, set[tuple[int, int]]()
    run_id = await started(context.settings, sessions)
    reader = asyncio.create_task(watch(sessions, seen))
    work = asyncio.create_task(jobs.drain(context))
    try:
        await busy(sessions, statement)
        strike()
        await work
    finally:
        await end(reader, work)
    return await run_of(sessions, run_id), seen


@pytest_asyncio.fixture
async def context(shop, settings, sessions, redis, cluster: Cluster) -> jobs.Context:
    spark = settings.model_copy(update={"engine": "spark", "spark_remote": cluster.remote})
    return jobs.Context(spark, sessions, redis, open_engine(spark, sessions), "test")


async def expected(settings: Settings, context: jobs.Context) -> dict[str, dict[str, object]]:
    """What one machine makes of the same shop."""
    await score(settings, context.sessions, context.redis, ASKED)
    return await snapshot(context.sessions, CALC_DATE)


def exact(rows: dict[str, dict[str, object]]) -> dict[str, list[object]]:
    return {
        customer: [value for value in row.values() if isinstance(value, int | str)]
        for customer, row in rows.items()
    }


@pytest.mark.parametrize("statement", [READING, WRITING], ids=["group-by", "write"])
async def test_a_run_survives_the_loss_of_a_worker(
    settings, context, cluster: Cluster, statement
) -> None:
    lost = cluster.workers[0]
    try:
        run, seen = await survive(context, statement, lost.kill)
    finally:
        lost.start()
        cluster.wait_ready()
    assert (run.state, run.error) == (RunState.FINISHED, None)
    assert seen <= {(0, 0), (CUSTOMERS, CUSTOMERS)}
    assert exact(await snapshot(context.sessions, CALC_DATE)) == exact(
        await expected(settings, context)
    )


async def test_a_run_waits_for_a_lost_connect_server(
    settings, context, cluster: Cluster, monkeypatch
) -> None:
    monkeypatch.setattr("rfm_spark.connect.RETRIES", 2)
    told: list[str | None] = []

    async def come_back() -> None:
        while not (told and told[-1]):
            async with context.sessions() as session:
                told.append((await run_sql(session, "SELECT error FROM scoring_runs")).scalar())
            await asyncio.sleep(0.05)
        cluster.restart_connect()

    back = asyncio.create_task(come_back())
    run, seen = await survive(context, WRITING, cluster.connect.kill)
    await back
    assert told[-1] is not None
    assert f"Spark at {cluster.remote} is away or lost a part" in told[-1]
    assert (run.state, run.error) == (RunState.FINISHED, None)
    assert run.attempt > 1
    assert seen <= {(0, 0), (CUSTOMERS, CUSTOMERS)}
    assert exact(await snapshot(context.sessions, CALC_DATE)) == exact(
        await expected(settings, context)
    )
