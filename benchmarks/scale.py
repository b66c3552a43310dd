"""One machine against a Spark cluster: the same shops, step by step, and whether they agree.

    python -m benchmarks.scale --orders 1000000 5000000 20000000

Needs what `make cluster` needs. For each size a shop is loaded into PostgreSQL, and each engine
scores its own copy of that database for the first time, in an ordinary worker. The cluster's
two one-core workers share this machine with everything else, so it shows what a cluster costs;
from which size on it pays is extrapolated, and said to be.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Event, Thread
from typing import Any

import asyncpg
import numpy as np
import polars as pl
from benchmarks import scoring
from tools.cluster import Cluster, Shape

from rfm_common.bus import open_redis
from rfm_common.db import Sessions, open_sessions, raw_connection
from rfm_common.lake import live_imports
from rfm_common.models import ScoringRun
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

ORDERS_PER_CUSTOMER = 10
CORES = (16, 64, 256)
GIB = 1024**3
FIGURES = ("recency_days", "frequency", "monetary", "r_score", "f_score", "m_score")
SNAPSHOT = f"""
    SELECT customer_id, {", ".join(FIGURES)}, cluster_id, segment_name
    FROM rfm_features JOIN customer_clusters USING (customer_id, calc_date) WHERE calc_date = $1
"""


@dataclass(frozen=True)
class Result:
    """What an engine needed for a shop, and what came out."""

    orders: int
    seconds: float
    steps: dict[str, float]
    gib: float
    snapshot: pl.DataFrame
    measured: tuple[Any, ...]
    """The edges between scores, k and the names of the clusters."""


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--orders", type=int, nargs="+", default=[1_000_000, 5_000_000, 20_000_000])
    parser.add_argument("--engines", nargs="+", default=["local", "spark"], metavar="ENGINE",
                        help="local, spark (orders from PostgreSQL), lake (files)")  # fmt: skip
    parser.add_argument("--executor-memory", default="3g")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    results: dict[str, list[Result]] = {engine: [] for engine in options.engines}
    for orders in options.orders:
        for engine, result in compare(orders, options).items():
            results[engine].append(result)
    if {"local", "spark"} <= set(results):
        extrapolate(results["local"], results["spark"])


def compare(orders: int, options: argparse.Namespace) -> dict[str, Result]:
    """Each engine on a shop of that size, one after the other."""
    scoring.say(f"\n{orders:,} orders, {orders // ORDERS_PER_CUSTOMER:,} customers")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rfm-bench-")))
        folder.chmod(0o755)
        settings = stack.enter_context(scoring.servers(folder))
        asyncio.run(prepare(settings, orders, options))
        found = {}
        for engine in options.engines:
            with surroundings(engine, folder / "cluster", options) as (environment, pids):
                mine = settings.model_copy(update={"db_name": engine})
                found[engine] = asyncio.run(measure(mine, orders, environment, pids))
            report(engine, found[engine])
        for engine in found.keys() - {"local"} if "local" in found else ():
            scoring.say(f"  {engine}: {agreement(found['local'], found[engine])}")
        return found


async def prepare(settings: Settings, orders: int, options: argparse.Namespace) -> None:
    """The shop in one database, and a copy of it for each engine, named after it."""
    await upgrade(settings)
    rng = np.random.default_rng(options.seed)
    customers = orders // ORDERS_PER_CUSTOMER
    parts = (scoring.batch(rng, start, min(scoring.CHUNK, orders - start), customers)
             for start in range(0, orders, scoring.CHUNK))  # fmt: skip
    async with open_sessions(settings, "bench") as sessions:
        await scoring.load(sessions, Path(os.devnull), parts, customers)
    connection = await asyncpg.connect(
        host=settings.db_host, port=settings.db_port, user=settings.db_user,
        password=settings.db_password.get_secret_value(), database="postgres",
    )  # fmt: skip
    for engine in options.engines:
        await connection.execute(f"CREATE DATABASE {engine} TEMPLATE {settings.db_name}")
    await connection.close()


@contextmanager
def surroundings(
    engine: str, folder: Path, options: argparse.Namespace
) -> Generator[tuple[dict[str, str], Callable[[], set[int]]]]:
    """The settings of an engine, and what asks for the processes that it has besides the worker.

    `lake` is Spark on files.
    """
    environment = {"RFM_ENGINE": "local", "DB_NAME": engine}
    if engine == "local":
        yield environment, set
        return
    environment["RFM_ENGINE"] = "spark"
    if engine == "lake":
        environment["RFM_LAKE"] = (folder.parent / "lake").as_uri()
    with Cluster(folder, shape=Shape(executor_memory=options.executor_memory)) as cluster:
        groups = {server.pid for server in cluster.servers}
        yield environment | {"RFM_SPARK_REMOTE": cluster.remote}, lambda: members(groups)


def members(groups: set[int]) -> set[int]:
    """The processes of these process groups."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended
            continue
        if int(fields[2]) in groups:
            found.add(int(path.parent.name))
    return found


async def measure(
    settings: Settings, orders: int, environment: dict[str, str], pids: Callable[[], set[int]]
) -> Result:
    """The first run of an engine: its seconds, memory and snapshot."""
    async with open_sessions(settings, "bench") as sessions, open_redis(settings, "bench") as redis:
        if "RFM_LAKE" in environment:
            await fill_lake(sessions, environment)
        await redis.flushall()
        with (
            scoring.worker(**environment) as process,
            peak_memory(lambda: {process.pid} | pids()) as peak,
        ):
            run = await scoring.scored(sessions, redis, 1)
        return Result(
            orders, scoring.seconds(run), run.timings, peak(), await snapshot(sessions, run),
            (run.edges, run.k, run.model["names"]),
        )  # fmt: skip


async def fill_lake(sessions: Sessions, environment: dict[str, str]) -> None:
    """Let ingest write the files of what was loaded, which takes as long as it takes."""
    process = subprocess.Popen([sys.executable, "-m", "ingest"], env=os.environ | environment)
    try:
        async with asyncio.timeout(600):
            while not await is_filled(sessions):
                await asyncio.sleep(0.5)
    finally:
        process.terminate()
        process.wait()


async def is_filled(sessions: Sessions) -> bool:
    async with sessions() as session:
        return all(one.in_lake for one in await live_imports(session))


@contextmanager
def peak_memory(pids: Callable[[], set[int]]) -> Generator[Callable[[], float]]:
    """Watches processes; the most that they held together, in GiB."""
    most, stop = [0], Event()

    def watch() -> None:
        while not stop.wait(1):
            most[0] = max(most[0], sum(map(memory, pids())))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield lambda: most[0] / GIB
    finally:
        stop.set()
        watcher.join()


def memory(pid: int) -> int:
    """A process' bytes in memory; 0 when it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def snapshot(sessions: Sessions, run: ScoringRun) -> pl.DataFrame:
    """Every customer of a published run: figures, scores, cluster and segment, as text."""
    target = BytesIO()
    async with sessions() as session:
        raw = await raw_connection(session)
        await raw.copy_from_query(SNAPSHOT, run.calc_date, output=target, format="csv", header=True)
    return pl.read_csv(target.getvalue(), infer_schema=False)


def differing(one: pl.DataFrame, other: pl.DataFrame, columns: Sequence[str]) -> int:
    """How many customers differ in one of the columns, or are in one snapshot only."""
    both = one.join(other, on="customer_id", how="full", suffix="_other")
    equal = [pl.col(name) == pl.col(f"{name}_other") for name in columns]
    return both.height - both.filter(pl.all_horizontal(equal)).height


def agreement(local: Result, other: Result) -> str:
    """Both snapshots against each other, in words."""
    one, another = local.snapshot, other.snapshot
    figures = differing(one, another, FIGURES)
    assigned = differing(one, another, ("cluster_id", "segment_name"))
    return (
        f"customers whose R, F, M or scores differ: {figures:,} of {one.height:,};"
        f" whose cluster or segment differs: {assigned:,};"
        f" edges, k and names {'equal' if local.measured == other.measured else 'DIFFER'}"
    )


def report(engine: str, result: Result) -> None:
    """An engine's line."""
    steps = "  ".join(f"{name} {value:.2f}" for name, value in scoring.ordered(result.steps))
    scoring.say(f"  {engine:6} {result.seconds:7.2f} s  {result.gib:5.2f} GiB   {steps}")


def line(results: Sequence[Result], value: Callable[[Result], float]) -> tuple[float, float]:
    """The straight line through measured sizes: what an order more costs, and the fixed part."""
    slope, fixed = np.polyfit([one.orders for one in results], [value(one) for one in results], 1)
    return float(slope), float(fixed)


def extrapolate(local: Sequence[Result], spark: Sequence[Result]) -> None:
    """From which size on the cluster pays, if the lines go on as measured."""
    if len(local) < 2:
        scoring.say("\nno extrapolation from a single size")
        return
    scoring.say("\nEXTRAPOLATED from these sizes as straight lines, not measured:")
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    slope, fixed = line(local, lambda one: one.gib)
    if slope > 0:
        scoring.say(f"  the worker of one machine fills {machine:.0f} GiB at"
                    f" {(machine - fixed) / slope:,.0f} orders")  # fmt: skip
    here = Shape().workers
    for cores in (here, *CORES):
        scoring.say(f"  {cores:4} cores, if they share the work evenly: "
                    f"{crossover(local, spark, here / cores)}")  # fmt: skip


def crossover(local: Sequence[Result], spark: Sequence[Result], share: float) -> str:
    """Where the lines meet when an order costs the cluster this share of what it did."""
    mine, start = line(local, lambda one: one.seconds)
    theirs, latency = line(spark, lambda one: one.seconds)
    if theirs * share >= mine:
        return "an order costs more than on one machine, at any size"
    orders = max(0.0, (latency - start) / (mine - theirs * share))
    return f"faster than one machine from {orders:,.0f} orders on"


if __name__ == "__main__":
    main()
