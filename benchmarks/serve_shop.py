"""The shop that benchmarks/serve.py asks about: made by SQL, scored by the product itself."""

import asyncio
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis
from sqlmodel.ext.asyncio.session import AsyncSession

from rfm_common.bus import relay
from rfm_common.db import Sessions, run_sql
from rfm_common.runs import RunRequest, queue_run
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

CUSTOMERS = """
INSERT INTO customers (customer_id, email, country, created_at)
SELECT 'C' || lpad(n::text, 7, '0'), 'user' || n || '@example.com',
       (ARRAY['US', 'DE', 'FR', 'GB', 'NL', 'IT', 'ES', 'PL'])[1 + floor(8 * random()^2)::int],
       now() - interval '3 years'
FROM generate_series(0, :customers - 1) AS n"""

# Few buy often, many once; who bought often bought lately.
ORDERS = """
INSERT INTO orders (order_id, customer_id, order_date, order_amount, currency, status)
SELECT 'O' || lpad(n::text, 9, '0'),
       'C' || lpad(floor(:customers * rank)::bigint::text, 7, '0'),
       now() - make_interval(hours => floor(24 + 12000 * random() * (0.1 + rank))::int),
       round(exp(3 + 1.5 * random())::numeric, 2), 'EUR',
       CASE WHEN random() < 0.95 THEN 'completed' ELSE 'cancelled' END
FROM (SELECT n, random()^2 AS rank FROM generate_series(0, :orders - 1) AS n) AS drawn"""

MONTHS = 58
HISTORY = """
INSERT INTO scoring_runs (state, trigger, is_automatic, parameters, calc_date, window_days, k,
    base_currency, engine, data_version, is_current, customers_processed, clusters_created,
    edges, model, metrics, summary, sweep, started_at, finished_at)
SELECT state, trigger, is_automatic, parameters, calc_date - make_interval(months => month),
       window_days, k, base_currency, engine, data_version, true, customers_processed,
       clusters_created, edges, model, metrics, summary, sweep, started_at, finished_at
FROM scoring_runs, generate_series(1, :months) AS month WHERE run_id = :oldest
ORDER BY month DESC RETURNING run_id, calc_date"""
FIGURES = ("segment_stats", "segment_countries", "country_summaries", "segment_flows")
COLUMNS = """
SELECT string_agg(column_name, ', ') FROM information_schema.columns
WHERE table_name = :name AND column_name NOT IN ('run_id', 'calc_date') AND is_generated = 'NEVER'
"""

UNINDEXED = """
SELECT 1 FROM scoring_runs
WHERE is_current AND (to_regclass('rfm_features_' || run_id || '_monetary') IS NULL
                      OR forecast -> 'model' IS NULL)"""


async def make_shop(
    settings: Settings, sessions: Sessions, redis: Redis, customers: int, orders: int
) -> None:
    """Customers, orders and two snapshots, a month apart; kept when they are there already."""
    await upgrade(settings)
    async with sessions() as session, session.begin():
        found = await run_sql(session, "SELECT count(*) FROM customers")
        if found.scalar():
            return
        await run_sql(session, "SELECT setseed(0.5)")
        await run_sql(session, CUSTOMERS, customers=customers)
        await run_sql(session, ORDERS, customers=customers, orders=orders)
        await run_sql(session, "UPDATE data_state SET data_version = 1, changed_at = now()")
    with worker():
        for days in (30, 0):
            calc_date = settings.end_of_day(datetime.now(UTC)) - timedelta(days=days)
            async with sessions() as session, session.begin():
                await queue_run(session, settings, RunRequest(calc_date=calc_date), "api")
            await relay(sessions, redis)
            await idle(sessions)
    async with sessions() as session:
        await (await session.connection()).exec_driver_sql("ANALYZE customers, orders")
        await session.commit()


async def add_history(sessions: Sessions) -> None:
    """Older months: the figures of the oldest snapshot, and one in a thousand of its customers."""
    async with sessions() as session, session.begin():
        found = await run_sql(
            session, "SELECT run_id FROM scoring_runs WHERE is_current ORDER BY 1"
        )
        runs = [int(row[0]) for row in found]
        if len(runs) > MONTHS:
            return
        made = await run_sql(session, HISTORY, months=MONTHS, oldest=runs[0])
        for run_id, calc_date in made.all():
            for table in FIGURES:
                await _copy(session, table, table, f"{run_id} AS run_id", f"run_id = {runs[0]}")
            for table in ("rfm_features", "customer_clusters"):
                moment = f"TIMESTAMPTZ '{calc_date.isoformat()}'"
                part = f"{table}_{run_id}"
                await run_sql(
                    session,
                    f"CREATE TABLE {part} PARTITION OF {table} FOR VALUES IN ({moment})",
                )
                await _copy(session, part, f"{table}_{runs[0]}", f"{moment} AS calc_date",
                            "customer_id LIKE '%333'")  # fmt: skip
    with worker():
        await idle(sessions)


async def _copy(session: AsyncSession, into: str, source: str, first: str, where: str) -> None:
    name, _, _ = into.rpartition("_") if into[-1].isdigit() else (into, "", "")
    columns = (await run_sql(session, COLUMNS, name=name)).scalar()
    key = first.rpartition(" ")[2]
    await run_sql(
        session,
        f"INSERT INTO {into} ({key}, {columns}) SELECT {first}, {columns} FROM {source}"
        f" WHERE {where}",
    )


@contextmanager
def worker() -> Generator[None]:
    """The real scoring process."""
    process = subprocess.Popen([sys.executable, "-m", "scoring"], cwd="/")
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


async def idle(sessions: Sessions) -> None:
    """Wait until no run is open and lists have their indexes; a failed run ends the benchmark."""
    while True:
        await asyncio.sleep(0.5)
        async with sessions() as session:
            found = await run_sql(session, "SELECT state FROM scoring_runs")
            states = {str(row[0]) for row in found}
            bare = (await run_sql(session, UNINDEXED)).first()
        if "failed" in states:
            raise SystemExit("a run failed; the log says why")
        if not bare and not states & {"queued", "running"}:
            return
