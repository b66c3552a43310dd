"""How long a load takes, as a ratio to a bare COPY of the same rows on the same server.

    python benchmarks/ingest.py --orders 10000000 --customers 1000000

Starts private servers and the real ingest process, drops files into its folder by rename and
waits for the commit. Prints one line per measurement; the times are of this machine, the ratios
are what to compare.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import polars as pl

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.valkey import PrivateValkey

DAYS = 730
BARE = {
    "customers": "customer_id text, email text, country text, created_at timestamptz",
    "orders": "order_id text, customer_id text, order_date timestamptz,"
    " order_amount numeric(18, 4), currency text, status text",
}


def customers(count: int) -> pl.DataFrame:
    """A customers file: ids C0000000 and up."""
    number = pl.int_range(count, dtype=pl.UInt32)
    return pl.select(
        customer_id=_id("C", number), email="user" + number.cast(pl.String) + "@example.com",
        country=pl.Series(["US", "DE", "FR", "GB"]).gather(pl.int_range(count, eager=True) % 4),
        created_at=pl.date(2022, 1, 1) + pl.duration(days=number % 700),
    )  # fmt: skip


def orders(first: int, count: int, buyers: int) -> pl.DataFrame:
    """An orders file: ids from O<first> on, customers, days and amounts scattered by a hash."""
    number = pl.int_range(first, first + count, dtype=pl.UInt64)
    scattered = number.hash(7)
    cents = scattered % 50_000 + 100
    return pl.select(
        order_id=_id("O", number), customer_id=_id("C", (scattered // 64) % buyers),
        order_date=pl.date(2023, 1, 1) + pl.duration(days=(scattered // 4096) % DAYS),
        order_amount=(cents // 100).cast(pl.String) + "." + _digits(cents % 100, 2),
        currency=pl.lit("EUR"), status=pl.lit("completed"),
    )  # fmt: skip


def _id(letter: str, number: pl.Expr) -> pl.Expr:
    return letter + _digits(number, 8)


def _digits(number: pl.Expr, width: int) -> pl.Expr:
    return number.cast(pl.String).str.zfill(width)


class Postgres(PrivatePostgres):
    """Its user may ask for a checkpoint."""

    rights = "SUPERUSER"


@contextmanager
def servers(folder: Path) -> Generator[dict[str, str]]:
    """Private PostgreSQL and Valkey; the environment that reaches them."""
    postgres, valkey = Postgres(folder / "postgres"), PrivateValkey(folder / "valkey")
    postgres.start()
    valkey.start()
    try:
        yield postgres.environment() | valkey.environment()
    finally:
        valkey.stop()
        postgres.stop()


@contextmanager
def ingest(environment: dict[str, str], data: Path) -> Generator[int]:
    """The real process on an empty data folder; its pid."""
    (data / "input").mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest"],
        env={
            **os.environ,
            **environment,
            "DATA_DIR": str(data / "input"),
            "RFM_LOG_LEVEL": "WARNING",
        },
    )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def peak_memory(pid: int) -> float:
    """The most memory the process has had, in MiB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def connect(environment: dict[str, str]) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=environment["DB_HOST"], port=int(environment["DB_PORT"]),
        user=environment["DB_USER"], password=environment["DB_PASSWORD"],
        database=environment["DB_NAME"],
    )  # fmt: skip


async def bare_copy(connection: asyncpg.Connection, files: dict[str, Path]) -> float:
    """Seconds of COPY FROM STDIN of the files as they are into tables without any key."""
    seconds = 0.0
    for kind, path in files.items():
        await connection.execute(f"CREATE TABLE bare_{kind} ({BARE[kind]})")
        started = time.monotonic()
        await connection.copy_to_table(f"bare_{kind}", source=path, format="csv", header=True)
        seconds += time.monotonic() - started
        await connection.execute(f"DROP TABLE bare_{kind}")
    await connection.execute("CHECKPOINT")
    return seconds


async def dropped(connection: asyncpg.Connection, path: Path, folder: Path) -> float:
    """Seconds from the rename into the folder to the commit."""
    time.sleep(1)  # so that the file is older than the settling time, as one copied elsewhere is
    started = time.monotonic()
    path.rename(folder / path.name)
    query = "SELECT state, message, notes FROM imports WHERE file_name = $1 AND state <> 'reading'"
    while not (row := await connection.fetchrow(query, path.name)):
        await asyncio.sleep(0.02)
    if row["state"] != "loaded":
        raise SystemExit(f"{path.name} is {row['state']}: {row['message']}")
    seconds = time.monotonic() - started
    steps = json.loads(row["notes"])["seconds"]
    print("  " + ", ".join(f"{step} {took:.1f}" for step, took in steps.items()))
    return seconds


def report(name: str, seconds: float, bare: float, rows: int) -> None:
    ratio, rate = seconds / bare, rows / seconds
    print(f"{name:<42} {seconds:8.2f} s   {ratio:5.2f} x COPY   {rate:12,.0f} rows/s")


async def main(arguments: argparse.Namespace, folder: Path) -> None:
    print(f"{arguments.orders:,} orders, {arguments.customers:,} customers,"
          f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    files = {"customers": folder / "customers.csv", "orders": folder / "orders.csv"}
    customers(arguments.customers).write_csv(files["customers"])
    orders(0, arguments.orders, arguments.customers).write_csv(files["orders"])
    again = folder / "orders-again.csv"
    shutil.copy(files["orders"], again)
    with again.open("a") as sink:
        sink.write(f"O{arguments.orders:08},C00000000,2024-12-31,1.00,EUR,completed\n")
    more = folder / "orders-more.csv"
    orders(arguments.orders + 1, 20_000, arguments.customers).write_csv(more)
    rows = arguments.orders + arguments.customers
    with servers(folder) as environment:
        connection = await connect(environment)
        bare = await bare_copy(connection, files)
        report("bare COPY of both files, no keys", bare, bare, rows)
        with ingest(environment, folder / "data") as pid:
            await _until_migrated(connection)
            watched = folder / "data" / "input"
            first = [await dropped(connection, path, watched) for path in files.values()]
            report("first load, customers", first[0], bare, arguments.customers)
            report("first load, orders", first[1], bare, arguments.orders)
            report("first load, both", sum(first), bare, rows)
            report("20,000 new orders", await dropped(connection, more, watched), bare, 20_000)
            seconds = await dropped(connection, again, watched)
            report("the same orders and one more", seconds, bare, arguments.orders)
            print(f"peak memory of the ingest process {peak_memory(pid):,.0f} MiB")
        await connection.close()


async def _until_migrated(connection: asyncpg.Connection) -> None:
    while not await connection.fetchval("SELECT to_regclass('alembic_version')"):
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where to work, default: the system's")
    chosen = parser.parse_args()
    workplace = Path(tempfile.mkdtemp(prefix="rfm-bench-", dir=chosen.folder))
    workplace.chmod(0o755)
    try:
        asyncio.run(main(chosen, workplace))
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
