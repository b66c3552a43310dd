"""Scoring against a plain script: the same orders, the same answer, how long and how much memory.

    python benchmarks/scoring.py --orders 10000000 --customers 1000000

The script reads the orders from a CSV with polars, groups them, fits KMeans(n_init=10) and
writes a CSV. The product starts from orders in PostgreSQL and ends with a published snapshot:
keys, indexes, metrics, stability, stats. Then 20,000 new orders come, and both run again.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import polars as pl
from redis.asyncio import Redis
from sqlmodel import col, select

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.valkey import PrivateValkey
from rfm_common.bus import add_to_outbox, open_redis, relay
from rfm_common.db import Sessions, open_sessions, raw_connection, run_sql
from rfm_common.events import DataChanged
from rfm_common.models import RunState, ScoringRun
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

NEW_ORDERS = 20_000
CHUNK = 500_000
COLUMNS = ("order_id", "customer_id", "order_date", "order_amount", "currency", "status")

PLAIN = """
import sys, time
from datetime import datetime, timedelta
import numpy as np, polars as pl
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler
source, target, calc_date = sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3])
start = time.monotonic()
orders = pl.read_csv(source, schema_overrides={"order_date": pl.Datetime("us"),
                     "order_amount": pl.Decimal(18, 4)})
rfm = orders.filter((pl.col("status") == "completed")
                    & pl.col("order_date").is_between(calc_date - timedelta(days=365), calc_date)
    ).group_by("customer_id").agg(
        recency=(pl.lit(calc_date) - pl.col("order_date").max()).dt.total_days(),
        frequency=pl.len(), monetary=pl.col("order_amount").sum())
everyone = orders.select("customer_id").unique().join(rfm, on="customer_id", how="left")
everyone = everyone.with_columns(pl.col("recency").fill_null(366),
                                 pl.col("frequency", "monetary").fill_null(0))
grouped = time.monotonic()
x = everyone.select("recency", "frequency", "monetary").cast(pl.Float64).to_numpy()
z = StandardScaler().fit_transform(np.column_stack([x[:, 0], np.log1p(x[:, 1:])]))
fitted = KMeans(5, n_init=10, random_state=42).fit(z)
clustered = time.monotonic()
everyone.with_columns(cluster=pl.Series(fitted.labels_)).write_csv(target)
end = time.monotonic()
print(end - start, fitted.inertia_, grouped - start, clustered - grouped, end - clustered)
"""


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rfm-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with servers(folder) as settings:
            asyncio.run(measure(settings, folder, options))


@contextmanager
def servers(folder: Path) -> Generator[Settings]:
    """A private PostgreSQL and Valkey, set up as `rfm up` does."""
    running = [PrivatePostgres(folder / "postgres"), PrivateValkey(folder / "valkey")]
    try:
        for server in running:
            server.start()
            os.environ.update(server.environment())
        yield Settings(_env_file=None)  # type: ignore[call-arg]
    finally:
        for server in reversed(running):
            server.stop()


async def measure(settings: Settings, folder: Path, options: argparse.Namespace) -> None:
    """Load, compare, add orders, compare."""
    await upgrade(settings)
    rng = np.random.default_rng(options.seed)
    csv = folder / "orders.csv"
    async with open_sessions(settings, "bench") as sessions, open_redis(settings, "bench") as redis:
        say(f"{options.orders:,} orders, {options.customers:,} customers, {os.cpu_count()} cores")
        made = (batch(rng, start, min(CHUNK, options.orders - start), options.customers)
                for start in range(0, options.orders, CHUNK))  # fmt: skip
        await load(sessions, csv, made, options.customers)
        script = plain(settings, csv, folder)
        with worker() as process:
            first = await scored(sessions, redis, 1)
            report("first run", script, first, process)
            extra = batch(rng, options.orders, NEW_ORDERS, options.customers)
            await append(sessions, csv, extra)
            again = plain(settings, csv, folder)
            second = await scored(sessions, redis, 2)
            report(f"after {NEW_ORDERS:,} new orders", again, second, process)
            ratio = seconds(second) / seconds(first)
            say(f"second run / first run: {ratio:.2f}   second run / script: "
                f"{seconds(second) / script['total']:.2f}")  # fmt: skip


def batch(rng: np.random.Generator, start: int, count: int, customers: int) -> pl.DataFrame:
    """Orders of a skewed shop: a few customers buy much, most buy little, some refund."""
    buyer = (customers * rng.beta(0.9, 1.8, count)).astype(np.int64)
    everyone = np.arange(start, min(start + count, customers))  # each customer orders once at least
    buyer[: len(everyone)] = everyone
    midnight = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    seconds_ago = (730 * 86_400 * rng.beta(1.0, 1.1, count)).astype(np.int64)
    cents = np.round(rng.lognormal(3.6, 0.9, count) * 100).astype(np.int64)
    return pl.DataFrame({
        "order_id": pl.Series(np.arange(start, start + count)).cast(pl.String).str.zfill(10),
        "customer_id": pl.Series(buyer).cast(pl.String).str.zfill(8),
        "order_date": pl.Series(np.datetime64(midnight) - seconds_ago.astype("timedelta64[s]")),
        "cents": cents,
        "currency": pl.Series(["EUR"]).new_from_index(0, count),
        "status": pl.Series(np.where(rng.random(count) < 0.93, "completed", "cancelled")),
    }).select(
        pl.lit("O").add(pl.col("order_id")).alias("order_id"),
        pl.lit("C").add(pl.col("customer_id")).alias("customer_id"),
        pl.col("order_date").cast(pl.Datetime("us")),
        (pl.col("cents") / 100).cast(pl.Decimal(18, 2)).alias("order_amount"),
        "currency", "status",
    )  # fmt: skip


async def load(
    sessions: Sessions, csv: Path, batches: Generator[pl.DataFrame], customers: int
) -> None:
    """Fill the tables the fast way: rows first, keys and indexes afterwards."""
    started = monotonic()
    async with sessions() as session, session.begin():
        definitions = await indexes(session)
        await run_sql(session, "ALTER TABLE orders DROP CONSTRAINT fk_orders_customer_id_customers")
        await run_sql(session, "ALTER TABLE orders DROP CONSTRAINT pk_orders")
        for name in definitions:
            await run_sql(session, f"DROP INDEX {name}")
        await run_sql(
            session,
            "INSERT INTO customers (customer_id) SELECT 'C' || lpad(i::text, 8, '0')"
            " FROM generate_series(0, :last) i",
            last=customers - 1,
        )
        for number, part in enumerate(batches):
            await insert(session, csv, part, header=number == 0)
        await run_sql(session, "ALTER TABLE orders ADD CONSTRAINT pk_orders PRIMARY KEY (order_id)")
        for definition in definitions.values():
            await run_sql(session, definition)
        await run_sql(
            session,
            "ALTER TABLE orders ADD CONSTRAINT fk_orders_customer_id_customers"
            " FOREIGN KEY (customer_id) REFERENCES customers NOT VALID",
        )
        await ledger(session)
    async with sessions() as session:
        raw = (await (await session.connection()).get_raw_connection()).driver_connection
        if raw:
            await raw.execute("VACUUM ANALYZE orders")
            await raw.execute("VACUUM ANALYZE customers")
    say(f"loaded in {monotonic() - started:.1f} s")


async def indexes(session: Any) -> dict[str, str]:
    """The secondary indexes of `orders`, by name."""
    found = await run_sql(
        session,
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE tablename = 'orders' AND indexname <> 'pk_orders'",
    )
    return {str(name): str(definition) for name, definition in found.all()}


async def insert(session: Any, csv: Path, part: pl.DataFrame, *, header: bool) -> None:
    """The same rows into PostgreSQL and at the end of the CSV."""
    text = part.write_csv(include_header=False)
    with csv.open("a") as file:
        file.write(part.clear().write_csv() if header else "")
        file.write(text)
    import_id = await run_sql(session, "SELECT COALESCE(max(import_id), 0) + 1 FROM imports")
    raw = await raw_connection(session)
    await raw.execute(f"ALTER TABLE orders ALTER import_id SET DEFAULT {import_id.scalar_one()}")
    await raw.copy_to_table("orders", source=lines(text), columns=COLUMNS, format="csv")


async def lines(text: str) -> Any:
    """COPY wants something asynchronous."""
    yield text.encode()


async def append(sessions: Sessions, csv: Path, part: pl.DataFrame) -> None:
    """New orders, as one import."""
    async with sessions() as session, session.begin():
        await insert(session, csv, part, header=False)
        await ledger(session)


async def ledger(session: Any) -> None:
    """The import's row, the new version and its event."""
    await run_sql(session, "UPDATE data_state SET data_version = data_version + 1")
    await run_sql(
        session,
        "INSERT INTO imports (file_name, kind, state, sha256, size_bytes, data_version)"
        " SELECT 'orders.csv', 'orders', 'loaded', gen_random_uuid()::text, 1, data_version"
        " FROM data_state",
    )
    add_to_outbox(session, DataChanged(data_version=0))


def plain(settings: Settings, csv: Path, folder: Path) -> dict[str, float]:
    """Run the script in a process of its own."""
    calc_date = settings.end_of_day(datetime.now(UTC)).replace(tzinfo=None).isoformat()
    command = [sys.executable, "-c", PLAIN, str(csv), str(folder / "out.csv"), calc_date]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    names = ("total", "inertia", "read and group", "fit", "write")
    return dict(zip(names, map(float, done.stdout.split()), strict=True))


@contextmanager
def worker(**environment: str) -> Generator[subprocess.Popen[bytes]]:
    """`python -m scoring` as it runs in production, with these settings besides."""
    process = subprocess.Popen([sys.executable, "-m", "scoring"], env=os.environ | environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def scored(sessions: Sessions, redis: Redis, number: int) -> ScoringRun:
    """Wait until that many runs are finished; the newest one."""
    await relay(sessions, redis)
    while True:
        async with sessions() as session:
            found = await session.exec(select(ScoringRun).order_by(col(ScoringRun.run_id)))
            runs = found.all()
        if any(run.state in (RunState.FAILED, RunState.CANCELLED) for run in runs):
            raise SystemExit(f"a run ended badly: {runs[-1].error}")
        finished = [run for run in runs if run.state is RunState.FINISHED]
        if len(finished) == number:
            return finished[-1]
        await asyncio.sleep(0.2)


def report(
    title: str, script: dict[str, float], run: ScoringRun, process: subprocess.Popen[bytes]
) -> None:
    """Both, step by step."""
    say(f"\n{title}")
    parts = "  ".join(f"{name} {script[name]:.2f}" for name in ("read and group", "fit", "write"))
    say(f"  script   {script['total']:6.2f} s   {parts}")
    steps = "  ".join(f"{name} {value:.2f}" for name, value in ordered(run.timings))
    say(f"  product  {seconds(run):6.2f} s   {steps}")
    inertia = run.metrics["inertia"] / script["inertia"]
    say(f"  product / script: time {seconds(run) / script['total']:.2f}, inertia {inertia:.5f};"
        f" peak memory of the worker {peak(process):.2f} GiB")  # fmt: skip


def ordered(timings: dict[str, float]) -> list[tuple[str, float]]:
    """Steps in the order of the run."""
    order = ("load", "features", "scores", "clusters", "assign", "publish")
    return [(name, timings[name]) for name in order if name in timings]


def seconds(run: ScoringRun) -> float:
    """From the start of the job to the published snapshot."""
    if run.started_at is None or run.finished_at is None:
        raise ValueError("not finished")
    return (run.finished_at - run.started_at) / timedelta(seconds=1)


def peak(process: subprocess.Popen[bytes]) -> float:
    """The most memory that the worker ever held, in GiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024**2


def say(line: str) -> None:
    """Print at once: the run takes minutes."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
