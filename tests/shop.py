"""A small shop with finished snapshots, written straight into the tables.

For tests of what only reads (the API, the pages), without ingest or scoring:

    async def test_something(settings, sessions):
        run_id = await open_shop(sessions)                    # 120 customers, scored on CALC_DATE
        later = await score(sessions, CALC_DATE + timedelta(days=30))        # a second snapshot

`open_shop` is `add_orders` + `add_imports` + `score`; the figures are random but the same each
time. The segments come from plain rules on the scores, not from K-means.

To look at the pages with that data, on private servers that vanish afterwards:

    python -m tests.shop --port 8701 --customers 5000
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.valkey import PrivateValkey
from rfm_common.db import Sessions, open_sessions, raw_connection, run_sql
from rfm_common.faults import is_locked_out
from rfm_common.schema import upgrade
from rfm_common.settings import Settings
from rfm_common.snapshots import PARENTS, VALUES, lock_parents, wait_briefly
from scoring.runs.cohorts import refresh_cohorts

CALC_DATE = datetime(2024, 6, 30, 23, 59, 59, 999999, tzinfo=UTC)
WINDOW_DAYS = 365
PAGES = (
    "/dashboard",
    "/dashboard/segments",
    "/dashboard/segments/champions",
    "/dashboard/customers",
    "/dashboard/customers/C0001",
    "/dashboard/cohorts",
    "/dashboard/trust",
    "/dashboard/clusters",
    "/dashboard/migrations",
    "/dashboard/imports",
    "/dashboard/imports/2",
    "/dashboard/runs",
    "/dashboard/runs/1",
    "/dashboard/settings",
    "/dashboard/selfcheck",
)
"""The pages that show the shop, one of each kind."""
COUNTRIES = ["DE", "FR", "US", "GB", None]
SEGMENTS = ["Champions", "Potential Loyalists", "At Risk", "Hibernating", "Lost"]
"""By cluster id."""

FEATURES = """
WITH rfm AS (
    SELECT c.customer_id,
           coalesce(extract(day FROM $1::timestamptz - max(o.order_date)), $2 + 1)::int
               AS recency_days,
           count(o.order_id)::int AS frequency,
           coalesce(sum(o.order_amount), 0) AS monetary
    FROM customers c LEFT JOIN orders o ON o.customer_id = c.customer_id AND o.status = 'completed'
         AND o.order_date BETWEEN $1::timestamptz - make_interval(days => $2) AND $1
    GROUP BY c.customer_id
), edges AS (
    SELECT percentile_cont(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY recency_days) AS r,
           percentile_cont(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY frequency) AS f,
           percentile_cont(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY monetary) AS m
    FROM rfm WHERE frequency > 0
)
INSERT INTO rfm_features
SELECT customer_id, $1, recency_days, frequency, monetary,
       CASE frequency WHEN 0 THEN 1
            ELSE 5 - (SELECT count(*) FROM unnest(r) e WHERE recency_days > e) END,
       CASE frequency WHEN 0 THEN 1
            ELSE 1 + (SELECT count(*) FROM unnest(f) e WHERE frequency > e) END,
       CASE frequency WHEN 0 THEN 1
            ELSE 1 + (SELECT count(*) FROM unnest(m) e WHERE monetary > e) END
FROM rfm, edges"""

CLUSTERS = """
INSERT INTO customer_clusters (customer_id, calc_date, cluster_id, segment_name, sort_monetary,
    centre_recency_days, centre_frequency, centre_monetary, distance, next_distance)
SELECT customer_id, calc_date, cluster_id, ($2::text[])[cluster_id + 1], monetary,
       10, 5, 500, 0.4, 1.2
FROM (SELECT *, CASE WHEN frequency = 0 THEN 4 WHEN r_score >= 4 AND m_score >= 4 THEN 0
                     WHEN r_score >= 4 THEN 1 WHEN m_score >= 4 THEN 2 ELSE 3 END AS cluster_id
      FROM rfm_features WHERE calc_date = $1) AS scored"""

STATS = """
INSERT INTO segment_stats
SELECT $2, cluster_id, segment_name, count(*), count(*) / sum(count(*)) OVER (),
       sum(frequency), sum(monetary),
       coalesce(sum(monetary) / nullif(sum(sum(monetary)) OVER (), 0), 0),
       avg(recency_days), avg(frequency), avg(monetary), sum(monetary) / nullif(sum(frequency), 0),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY recency_days),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY frequency),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY monetary)
FROM rfm_features JOIN customer_clusters USING (customer_id, calc_date)
WHERE calc_date = $1 GROUP BY cluster_id, segment_name"""

FLOWS = """
INSERT INTO segment_flows
SELECT $2, coalesce(b.segment_name, ''), a.segment_name,
       CASE WHEN b.segment_name IS NULL THEN 'new_customer'
            WHEN b.segment_name = a.segment_name THEN 'stayed' ELSE 'ageing' END,
       count(*), coalesce(sum(bf.monetary), 0), sum(af.monetary)
FROM customer_clusters a JOIN rfm_features af USING (customer_id, calc_date)
LEFT JOIN customer_clusters b ON b.customer_id = a.customer_id AND b.calc_date = $3
LEFT JOIN rfm_features bf ON bf.customer_id = a.customer_id AND bf.calc_date = $3
WHERE a.calc_date = $1 GROUP BY 2, 3, 4"""

SAMPLES = """
INSERT INTO run_samples
SELECT $2, customer_id, recency_days, frequency, monetary, cluster_id, segment_name
FROM rfm_features JOIN customer_clusters USING (customer_id, calc_date)
WHERE calc_date = $1 ORDER BY hashtext(customer_id) LIMIT 3000"""

QUIET = """
INSERT INTO quiet_customers
SELECT $2, customer_id, recency_days, frequency, monetary FROM rfm_features
WHERE calc_date = $1 AND r_score <= 2 AND frequency >= 2 AND (f_score + m_score + 1) / 2 >= 4"""

COUNTRY_STATS = """
INSERT INTO segment_countries
SELECT $2, coalesce(country, ''), cluster_id, segment_name, count(*), sum(frequency),
       sum(monetary), sum(recency_days), percentile_cont(0.5) WITHIN GROUP (ORDER BY recency_days)
FROM rfm_features JOIN customer_clusters USING (customer_id, calc_date)
JOIN customers USING (customer_id) WHERE calc_date = $1 GROUP BY 2, 3, 4"""

COUNTRY_SUMMARIES = """
WITH scored AS (
    SELECT coalesce(country, '') AS country, f.* FROM rfm_features f
    JOIN customers USING (customer_id) WHERE calc_date = $1
), cells AS (
    SELECT country, r_score, floor((f_score + m_score + 1) / 2)::int AS fm_score,
           count(*) AS customers, sum(monetary)::text AS monetary
    FROM scored GROUP BY 1, 2, 3
)
INSERT INTO country_summaries
SELECT $2, country, jsonb_build_object(
    'customers', count(*), 'active_customers', count(*) FILTER (WHERE frequency > 0),
    'orders', sum(frequency), 'monetary', sum(monetary)::text,
    'median_recency_days', percentile_cont(0.5) WITHIN GROUP (ORDER BY recency_days)
        FILTER (WHERE frequency > 0),
    'grid', (SELECT jsonb_agg(to_jsonb(cells) - 'country') FROM cells
             WHERE cells.country = scored.country))
FROM scored GROUP BY country"""

SLIPPING = """
SELECT json_build_object('customers', count(*), 'monetary', coalesce(sum(monetary), 0)::text)::text
FROM quiet_customers WHERE run_id = $1"""

CENTRES = """
SELECT json_agg(json_build_object(
    'cluster_id', cluster_id, 'segment_name', segment_name, 'customers', customer_count,
    'share', customer_share, 'monetary', monetary::text, 'silhouette', 0.4, 'stability', 0.9,
    'centroid', json_build_object('recency_days', avg_recency_days, 'frequency', avg_frequency,
                                  'monetary', avg_monetary),
    'standardised', json_build_object('r', avg_recency_days / 180 - 1, 'f', avg_frequency / 3 - 1,
                                      'm', avg_monetary / 300 - 1)) ORDER BY cluster_id)::text
FROM segment_stats WHERE run_id = $1"""

SWEEP = [
    {"k": k, "silhouette": silhouette, "inertia": 400 / k, "stability": 0.9, "smallest_share": 0.1,
     "largest_share": 1 / k, "accepted": refusal is None, "refusal": refusal}
    for k, silhouette, refusal in (
        (2, 0.44, "one cluster holds 70% of the customers"), (4, 0.38, None), (5, 0.41, None),
        (6, 0.37, None),
    )
]  # fmt: skip
"""What a run with k = auto tells of the numbers that it tried."""

SUMMARY = """
SELECT json_build_object(
    'customers', count(*), 'active_customers', count(*) FILTER (WHERE frequency > 0),
    'orders', sum(frequency), 'monetary', sum(monetary)::text, 'orders_left_out', 0,
    'base_currency', 'EUR',
    'median_recency_days', percentile_cont(0.5) WITHIN GROUP (ORDER BY recency_days),
    'grid', (SELECT json_agg(cell) FROM (
        SELECT r_score, floor((f_score + m_score + 1) / 2)::int AS fm_score,
               count(*) AS customers, sum(monetary)::text AS monetary
        FROM rfm_features WHERE calc_date = $1 GROUP BY 1, 2) AS cell))
FROM rfm_features WHERE calc_date = $1"""


async def open_shop(
    sessions: Sessions, customers: int = 120, calc_date: datetime = CALC_DATE, seed: int = 7
) -> int:
    """Customers C0001, C0002 ..., their orders, three files in the ledger and one snapshot.

    Returns the run's id.
    """
    await add_orders(sessions, customers, calc_date, seed)
    await add_imports(sessions)
    return await score(sessions, calc_date)


async def add_orders(
    sessions: Sessions, customers: int = 120, calc_date: datetime = CALC_DATE, seed: int = 7
) -> None:
    """About six orders a customer over two years before `calc_date`; some have none."""
    chance = random.Random(seed)
    people = [
        (
            f"C{n:04}",
            f"customer{n}@example.com",
            chance.choice(COUNTRIES),
            calc_date - timedelta(800),
        )
        for n in range(1, customers + 1)
    ]
    orders = []
    for person, *_ in people:
        eagerness = chance.random()
        for _ in range(int(eagerness * 12)):
            day = calc_date - timedelta(days=730 * chance.random() ** (1 + 2 * eagerness))
            amount = Decimal(f"{chance.lognormvariate(4, 0.8):.2f}")
            status = chance.choices(["completed", "cancelled"], [9, 1])[0]
            orders.append((f"O{len(orders) + 1:06}", person, day, amount, "EUR", status))
    async with sessions() as session, session.begin():
        raw = await raw_connection(session)
        await raw.copy_records_to_table(
            "customers", records=people, columns=["customer_id", "email", "country", "created_at"]
        )
        await raw.copy_records_to_table(
            "orders", records=orders,
            columns=["order_id", "customer_id", "order_date", "order_amount", "currency", "status"],
        )  # fmt: skip


async def add_imports(sessions: Sessions) -> None:
    """A file that loaded, one with two rejected rows and one in quarantine: ids 1, 2 and 3."""
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "INSERT INTO imports (file_name, kind, state, sha256, size_bytes, rows_total, rows_new,"
            " rows_rejected, reason, message, notes, data_version, finished_at) VALUES"
            " ('customers.csv', 'customers', 'loaded', 'aa', 900, 120, 120, 0, NULL, NULL,"
            '  \'{"encoding": "utf-8"}\', 1, now()),'
            " ('orders.csv', 'orders', 'loaded_with_rejects', 'bb', 9000, 702, 700, 2, NULL, NULL,"
            "  '{}', 2, now()),"
            " ('photo.csv', NULL, 'quarantined', 'cc', 17, 0, 0, 0, 'not_text',"
            "  'byte 3 is not text in any known encoding', '{}', NULL, now())",
        )
        await run_sql(
            session,
            "INSERT INTO import_rejects (import_id, outcome, line, column_name, value, reason,"
            " message, raw) VALUES (2, 'rejected', 14, 'order_amount', 'abc',"
            " 'amount_not_a_number', '\"abc\" is not a number', 'O14,C0001,2024-01-01,abc'),"
            " (2, 'rejected', 15, 'order_date', '=1+1', 'date_not_understood',"
            " '\"=1+1\" is not a date', 'O15,C0001,=1+1,3.00')",
        )
        await run_sql(session, "UPDATE data_state SET data_version = 2, changed_at = now()")


async def score(sessions: Sessions, calc_date: datetime = CALC_DATE) -> int:
    """Write the snapshot of `calc_date`, as the newest run; returns the run's id."""
    async with sessions() as session, session.begin():
        await _keep_readers_out(session)
        raw = await raw_connection(session)
        previous = await raw.fetchrow(
            "SELECT run_id, calc_date FROM scoring_runs WHERE is_current AND calc_date < $1"
            " ORDER BY calc_date DESC LIMIT 1", calc_date,
        )  # fmt: skip
        run_id: int = await _replace_run(raw, calc_date)
        await raw.execute(FEATURES, calc_date, WINDOW_DAYS)
        await raw.execute(CLUSTERS, calc_date, SEGMENTS)
        for statistics in (STATS, COUNTRY_STATS, COUNTRY_SUMMARIES):
            await raw.execute(statistics, calc_date, run_id)
        await raw.execute(SAMPLES, calc_date, run_id)
        await raw.execute(QUIET, calc_date, run_id)
        if previous:
            await raw.execute(FLOWS, calc_date, run_id, previous["calc_date"])
        await raw.execute("ANALYZE customers, orders, rfm_features, customer_clusters")
        await _finish(raw, run_id, calc_date, previous["run_id"] if previous else None)
    await refresh_cohorts(sessions)
    return run_id


async def _keep_readers_out(session) -> None:
    """As a run does before it swaps: whoever waits with half of the locks stops a page for good."""
    while True:
        try:
            async with session.begin_nested():
                await wait_briefly(session)
                return await lock_parents(session)
        except DBAPIError as error:
            if not is_locked_out(error):
                raise


async def _replace_run(raw, calc_date: datetime) -> int:
    """A new current run with empty partitions in the place of the date's older ones."""
    older = await raw.fetchval(
        "UPDATE scoring_runs SET is_current = false WHERE is_current AND calc_date = $1"
        " RETURNING run_id", calc_date,
    )  # fmt: skip
    run_id = await raw.fetchval(
        "INSERT INTO scoring_runs (state, trigger, calc_date, window_days, k, base_currency,"
        " engine, is_current, is_automatic) VALUES"
        " ('finished', 'import', $1, $2, 5, 'EUR', 'local', true, true) RETURNING run_id",
        calc_date, WINDOW_DAYS,
    )  # fmt: skip
    if older:
        await raw.execute(f"DROP TABLE IF EXISTS {VALUES}_{older}")
    for table in PARENTS:
        if older:
            await raw.execute(f"DROP TABLE {table}_{older}")
        await raw.execute(
            f"CREATE TABLE {table}_{run_id} PARTITION OF {table}"
            f" FOR VALUES IN ('{calc_date.isoformat()}')"
        )
    return run_id


async def _finish(raw, run_id: int, calc_date: datetime, previous_run_id: int | None) -> None:
    slipping = await raw.fetchval(SLIPPING, run_id)
    summary = await raw.fetchval(SUMMARY, calc_date) | {"slipping": json.loads(slipping)}
    metrics = {"silhouette": 0.41, "inertia": 123.4, "verdict": "fair",
               "clusters": json.loads(await raw.fetchval(CENTRES, run_id))}  # fmt: skip
    parameters = {"calc_date": None, "window_days": WINDOW_DAYS, "k": 5, "transform": "log1p",
                  "seed": 42}  # fmt: skip
    await raw.execute(
        "UPDATE scoring_runs SET previous_run_id = $2, customers_processed = $3,"
        " clusters_created = 5, summary = $4, metrics = $5, parameters = $6, sweep = $7,"
        " data_version = 2,"
        " message = 'scored', timings = '{\"load\": 0.1}', started_at = now(), finished_at = now()"
        " WHERE run_id = $1",
        run_id, previous_run_id, summary["customers"],
        json.dumps(summary), json.dumps(metrics), json.dumps(parameters), json.dumps(SWEEP),
    )  # fmt: skip
    await raw.execute("UPDATE data_state SET scored_version = data_version")


async def _fill(settings: Settings, customers: int) -> None:
    await upgrade(settings)
    async with open_sessions(settings, "shop") as sessions:
        today = settings.end_of_day(datetime.now(UTC))
        await add_orders(sessions, customers, today)
        await add_imports(sessions)
        for days in (60, 30, 0):
            await score(sessions, today - timedelta(days=days))


def main() -> None:
    """Run the gateway over a filled shop until Ctrl-C."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", default="8701")
    parser.add_argument("--customers", type=int, default=5000)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rfm-shop-"))
    folder.chmod(0o755)
    servers = PrivatePostgres(folder / "postgres"), PrivateValkey(folder / "valkey")
    try:
        for server in servers:
            server.start()
        os.environ |= servers[0].environment() | servers[1].environment()
        os.environ |= {"API_PORT": chosen.port, "DATA_DIR": str(folder / "data/input")}
        asyncio.run(_fill(Settings(), chosen.customers))
        subprocess.run([sys.executable, "-m", "gateway"], check=False)
    except KeyboardInterrupt:
        pass
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
