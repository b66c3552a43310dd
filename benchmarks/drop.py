"""From the rename of a file into the folder to its scores: the product as `rfm up` starts it.

    python -m benchmarks.drop --orders 10000000 --customers 1000000

Loads a shop, lets the end of last month be scored as well, then drops five orders, and 20,000,
and says where the time goes: until the file is loaded, until its run begins, each step of the run.
Beside it two plain scripts that read both files anew, group, scale, fit KMeans(5, n_init=10) and
write a CSV.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import numpy as np
import polars as pl
from benchmarks.ingest import connect, customers, peak_memory
from benchmarks.scoring import CHUNK, batch, ordered, say
from tests.integration.cli.supervised import Supervised, open_folder

from rfm_common.settings import Settings

COUNTS = (5, 20_000)
POLL = 0.01
SCRIPT = """
import sys, time
import numpy as np
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler
customers, orders, target, calc_date = sys.argv[1:]
start = time.monotonic()
{read}
z = StandardScaler().fit_transform(np.column_stack([x[:, 0], np.log1p(x[:, 1:].clip(0))]))
labels = KMeans(5, n_init=10, random_state=42).fit(z).labels_
{write}
print(time.monotonic() - start)
"""
POLARS = SCRIPT.format(
    read="""
import polars as pl
day = pl.lit(calc_date).str.to_datetime()
rfm = pl.read_csv(orders, schema_overrides={"order_date": pl.Datetime("us")}).filter(
    (pl.col("status") == "completed")
    & pl.col("order_date").is_between(day - pl.duration(days=365), day)
).group_by("customer_id").agg(
    recency=(day - pl.col("order_date").max()).dt.total_days(), frequency=pl.len(),
    monetary=pl.col("order_amount").sum())
found = pl.read_csv(customers).select("customer_id").join(rfm, on="customer_id", how="left")
found = found.with_columns(pl.col("recency").fill_null(366), pl.col("frequency").fill_null(0),
                           pl.col("monetary").fill_null(0))
x = found.select("recency", "frequency", "monetary").cast(pl.Float64).to_numpy()
""",
    write="found.with_columns(cluster=pl.Series(labels)).write_csv(target)",
)
DUCKDB = SCRIPT.format(
    read="""
import duckdb
duckdb.execute(f'''
CREATE TABLE found AS
SELECT customer_id, coalesce(recency, 366)::double AS recency,
       coalesce(frequency, 0)::double AS frequency, coalesce(monetary, 0)::double AS monetary
FROM read_csv('{customers}') LEFT JOIN (
    SELECT customer_id, date_diff('day', max(order_date), TIMESTAMP '{calc_date}') AS recency,
           count(*) AS frequency, sum(order_amount) AS monetary
    FROM read_csv('{orders}') WHERE status = 'completed'
      AND order_date BETWEEN TIMESTAMP '{calc_date}' - INTERVAL 365 DAY AND TIMESTAMP '{calc_date}'
    GROUP BY customer_id) USING (customer_id)''')
columns = duckdb.execute("SELECT recency, frequency, monetary FROM found").fetchnumpy()
x = np.column_stack(list(columns.values()))
""",
    write="duckdb.execute(f\"COPY (SELECT * FROM found POSITIONAL JOIN labels) TO '{target}'\")",
)


@dataclass(frozen=True, slots=True)
class Shop:
    """A running product, its database, and the files that it was given, put together."""

    up: Supervised
    database: asyncpg.Connection
    customers: Path
    orders: Path

    async def drop(self, frame: pl.DataFrame, name: str) -> Path:
        """Rename a file of these rows into the folder; what was dropped as orders is kept."""
        aside = self.up.folder / name
        frame.write_csv(aside)
        if "order_id" in frame.columns:
            is_first = not self.orders.exists()
            with self.orders.open("a") as sink:
                sink.write(frame.write_csv(include_header=is_first))
        await asyncio.sleep(1)  # the page cache's writing is not what is measured
        return aside.rename(self.up.folder / "data" / "input" / name)

    async def scored(self, name: str) -> float:
        """When the scores first held the file's rows."""
        while not await self.database.fetchval(_IS_SCORED, name):
            await asyncio.sleep(POLL)
        return time.time()

    async def quiet(self) -> None:
        """Wait until nothing is left to be done for what was dropped so far."""
        while not await self.database.fetchval(_IS_QUIET):
            await asyncio.sleep(0.2)


_IS_SCORED = """
SELECT EXISTS (SELECT FROM imports i, data_state d WHERE i.file_name = $1 AND i.state = 'loaded'
               AND d.scored_version >= i.data_version)
"""
_IS_QUIET = """
SELECT EXISTS (SELECT FROM scoring_runs WHERE is_current)
   AND (SELECT data_version = scored_version FROM data_state)
   AND NOT EXISTS (SELECT FROM scoring_runs WHERE state IN ('queued', 'running'))
   AND NOT EXISTS (SELECT FROM scoring_runs WHERE is_current AND forecast = '{}')
   AND NOT EXISTS (SELECT FROM scoring_runs WHERE is_current
                   AND to_regclass('rfm_features_' || run_id || '_cell') IS NULL)
"""


async def open_shop(folder: Path, options: argparse.Namespace) -> Shop:
    """Start the product and give it both files at once."""
    more = {"RFM_HISTORY_MONTHS": "1", "RFM_LOG_LEVEL": "WARNING"}
    up = Supervised(folder, environment=more).start()
    up.ready()
    shop = Shop(up, await connect(_reaching(up)), folder / "c.csv", folder / "o.csv")
    rng = np.random.default_rng(options.seed)
    parts = [batch(rng, start, min(CHUNK, options.orders - start), options.customers)
             for start in range(0, options.orders, CHUNK)]  # fmt: skip
    people = customers(options.customers).with_columns(
        customer_id="C" + pl.col("customer_id").str.slice(1)
    )
    people.write_csv(shop.customers)
    started = time.time()
    await shop.drop(people, "customers.csv")
    await shop.drop(pl.concat(parts), "orders.csv")
    took = await shop.scored("orders.csv") - started
    say(f"first drop of both: scored after {took:.1f} s")
    await shop.quiet()
    say(f"at rest after {time.time() - started:.1f} s")
    return shop


def _reaching(up: Supervised) -> dict[str, str]:
    """The environment that a service of the product was started with."""
    told = Path(f"/proc/{up.record().services['scoring']}/environ").read_bytes().decode()
    return dict(line.split("=", 1) for line in told.split("\0") if "=" in line)


async def measure(shop: Shop, count: int, options: argparse.Namespace) -> float:
    """Drop files of so many orders one after the other; the median of their seconds."""
    rng, taken = np.random.default_rng(count), []
    for number in range(options.rounds):
        await shop.quiet()
        first = options.orders + (number + 1) * 10_000_000 + count
        orders = batch(rng, first, count, options.customers)
        name = f"more-{count}-{number}.csv"
        await shop.drop(orders, name)
        renamed = time.time()
        taken.append(await shop.scored(name) - renamed)
        await _report(shop, name, renamed, taken[-1])
    return statistics.median(taken)


async def _report(shop: Shop, name: str, renamed: float, seconds: float) -> None:
    row = await shop.database.fetchrow(_TOLD, name)
    loaded, begun = (row[key].timestamp() for key in ("loaded_at", "started_at"))
    published = row["finished_at"].timestamp()
    steps = ordered(json.loads(row["timings"]))
    say(
        f"  {name:<18} {seconds:6.2f} s = load {loaded - renamed:.2f}, until the run"
        f" {begun - loaded:.2f}, run {published - begun:.2f} ("
        + ", ".join(f"{step} {took:.2f}" for step, took in steps)
        + f"); worker at most {peak_memory(shop.up.record().services['scoring']):,.0f} MiB"
    )


_TOLD = """
SELECT i.finished_at AS loaded_at, r.started_at, r.finished_at, r.timings
FROM imports i JOIN scoring_runs r ON r.data_version >= i.data_version AND r.state = 'finished'
WHERE i.file_name = $1 AND r.trigger <> 'backfill' ORDER BY r.run_id LIMIT 1
"""


def script(shop: Shop, code: str) -> float:
    """Seconds of a script on everything that was dropped so far."""
    day = Settings(_env_file=None).end_of_day(datetime.now(UTC)).replace(tzinfo=None)
    done = subprocess.run(
        [sys.executable, "-c", code, shop.customers, shop.orders, shop.up.folder / "out.csv",
         day.isoformat(sep=" ")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout.split()[-1])  # DuckDB prints how far it is


async def run(folder: Path, options: argparse.Namespace) -> None:
    """Load, drop, compare."""
    say(f"{options.orders:,} orders, {options.customers:,} customers, {os.cpu_count()} cores,"
        f" load {os.getloadavg()[0]:.1f}")  # fmt: skip
    shop = await open_shop(folder, options)
    try:
        taken = {count: await measure(shop, count, options) for count in COUNTS}
        plain = {} if options.no_scripts else {
            "DuckDB": script(shop, DUCKDB), "polars": script(shop, POLARS)
        }  # fmt: skip
        for count, seconds in taken.items():
            ratios = (f", {seconds / took:.2f} of {name}" for name, took in plain.items())
            say(f"{count:,} orders: median {seconds:.2f} s{''.join(ratios)}")
        say("scripts: " + ", ".join(f"{name} {took:.2f} s" for name, took in plain.items()))
    finally:
        await shop.database.close()
        shop.up.stop()


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="files of each size")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-scripts", action="store_true", help="the product alone")
    options = parser.parse_args()
    folder = open_folder("rfm-drop-")
    try:
        asyncio.run(run(folder, options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
