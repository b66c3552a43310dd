"""How fast the gateway answers at a million customers, as ratios within one run.

    python benchmarks/serve.py --customers 1000000 --orders 3000000

Starts private servers, fills them, scores twice and starts the real gateway; the clients are
another process. With --folder the filled servers stay for the next run. Prints each figure
beside its target and exits with 1 when one is missed.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from redis.asyncio import Redis
from serve_servers import gateway, servers
from serve_shop import add_history, make_shop

from gateway.exports.queries import customers_query
from gateway.kit.snapshots import latest_snapshot
from rfm_cli.postgres import PrivatePostgres
from rfm_cli.processes import free_port
from rfm_common.bus import open_redis, publish
from rfm_common.db import Sessions, open_sessions
from rfm_common.events import DataChanged
from rfm_common.settings import Settings

HERE = Path(__file__).parent
ROUNDS = 3
"""Of each rate, in turns, so that a busy moment of the machine meets all."""
PAGE_MS = 50
PAGE_TRIES = 20
PASS_MS = 500
"""For what asks every customer."""


@dataclass
class Report:
    """Lines of the table; a figure beyond its target fails the run."""

    missed: list[str] = field(default_factory=list)

    def line(self, name: str, figure: float, unit: str, target: str, *, met: bool) -> None:
        say(f"{'ok  ' if met else 'MISS'} {name:<58} {figure:>10.2f} {unit:<6} {target}")
        if not met:
            self.missed.append(name)

    def at_least(self, name: str, figure: float, least: float, unit: str = "x") -> None:
        self.line(name, figure, unit, f">= {least:.2f}", met=figure >= least)

    def at_most(
        self, name: str, figure: float, most: float, unit: str = "x", more: str = ""
    ) -> None:
        self.line(name, figure, unit, f"<= {most:<6g} {more}".rstrip(), met=figure <= most)


@dataclass(frozen=True)
class Bench:
    """What the measurements need."""

    settings: Settings
    sessions: Sessions
    redis: Redis
    psql: Sequence[str | Path]
    gateway: subprocess.Popen[bytes]
    customers: int
    report: Report

    @property
    def port(self) -> int:
        return self.settings.api_port

    async def load(self, do: str, **asked: Any) -> dict[str, Any]:
        """Run the clients once."""
        process = await self.start(do, **asked)
        return await answer_of(process)

    async def start(self, do: str, **asked: Any) -> asyncio.subprocess.Process:
        command = json.dumps({"do": do, "port": self.port, **asked})
        return await asyncio.create_subprocess_exec(
            sys.executable, HERE / "serve_load.py", command, stdout=subprocess.PIPE
        )

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=60)


async def answer_of(process: asyncio.subprocess.Process) -> dict[str, Any]:
    output, _ = await process.communicate()
    if process.returncode:
        raise SystemExit("the clients failed")
    answer: dict[str, Any] = json.loads(output)
    return answer


async def rates(bench: Bench) -> None:
    """Two calls against a constant, in turns."""
    chance = random.Random(1)
    ids = [f"C{chance.randrange(bench.customers):07}" for _ in range(2000)]
    calls = {
        "constant": ["/constant"],
        "/segments": ["/segments"],
        "/customers/{id}": [f"/customers/{name}" for name in ids],
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, paths in calls.items():
            found[name].append(await bench.load("rate", paths=paths))
    if failed := sum(one["failed"] for part in found.values() for one in part):
        raise SystemExit(f"{failed} requests failed")
    mean = {
        name: {key: median(one[key] for one in part) for key in ("rate", "p99")}
        for name, part in found.items()
    }
    base = mean.pop("constant")
    say(f"     a constant: {base['rate']:,.0f} a second, p99 {base['p99'] * 1000:.1f} ms")
    for name, figures in mean.items():
        bench.report.at_least(f"rate of {name} / constant", figures["rate"] / base["rate"], 1 / 3)
        bench.report.at_most(f"p99 of {name} / constant", figures["p99"] / base["p99"], 10)


async def deep_page(bench: Bench) -> None:
    """Page 5,000 of the largest segment, with pages as large as it has that many of."""
    async with bench.client() as client:
        rows = (await client.get("/segments")).json()["segments"]
        counts: dict[str, int] = {}
        for row in rows:
            counts[row["segment_name"]] = counts.get(row["segment_name"], 0) + row["customer_count"]
        name = max(counts, key=lambda key: counts[key])
        size = max(1, min(100, counts[name] // 5000))
        last = min(5000, counts[name] // size)
        path = f"/segments/{name}/customers?page_size={size}&page="
        took: dict[int, list[float]] = {1: [], last: []}
        for _ in range(40):
            for page, times in took.items():
                times.append(await seconds(client, f"{path}{page}"))
    ratio = median(took[last]) / median(took[1])
    bench.report.at_most(f"page {last:,} of {name} ({size} a page) / page 1", ratio, 3)


async def seconds(client: httpx.AsyncClient, path: str) -> float:
    began = time.monotonic()
    answer = await client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path}: {answer.status_code} {answer.text[:300]}")
    return time.monotonic() - began


async def export(bench: Bench) -> None:
    """Everybody as CSV, against COPY of the same query by psql; memory of the gateway after."""
    async with bench.sessions() as session:
        snapshot = await latest_snapshot(session)
    if snapshot is None:
        raise SystemExit("no snapshot")
    query, arguments = customers_query(snapshot, "all")
    if arguments:
        raise SystemExit("the query has arguments")
    copy = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"
    bare, streamed = [], []
    for _ in range(2):
        began = time.monotonic()
        subprocess.run([*bench.psql, "-qc", copy], check=True, stdout=subprocess.DEVNULL)
        bare.append(time.monotonic() - began)
        found = await bench.load("download", path="/export/segments/all")
        if found["status"] != 200 or found["lines"] < snapshot.customers:
            raise SystemExit(f"the export is not complete: {found}")
        streamed.append(found["seconds"])
    rows = snapshot.customers / min(streamed)
    say(f"     export: {rows:,.0f} rows a second")
    bench.report.at_least("speed of the export / COPY", min(bare) / min(streamed), 0.5)
    bench.report.at_most("memory of the gateway", peak_memory(bench.gateway.pid), 200, "MiB")


def peak_memory(pid: int) -> float:
    """The most memory that the process has had, in MiB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def events(bench: Bench, clients: int = 1000) -> None:
    """One event to many open streams, and the API meanwhile."""
    process = await bench.start("listen", clients=clients)
    if process.stdout is None or await process.stdout.readline() != b"ready\n":
        raise SystemExit("the streams did not open")
    async with bench.client() as client:
        asking = asyncio.create_task(_asked(client, 20))
        await publish(bench.redis, DataChanged(data_version=1))
        found, took = await answer_of(process), await asking
    bench.report.at_least("clients that an event reached", found["reached"], clients, "")
    bench.report.at_most("the last of them after the first", found["spread"], 1, "s")
    bench.report.at_most("the slowest answer meanwhile", max(took), 2, "s")


async def _asked(client: httpx.AsyncClient, times: int) -> list[float]:
    return [await seconds(client, "/segments") for _ in range(times)]


def processor_ms(pid: int) -> float:
    """What the process has computed for so far (Linux, in steps of 10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


async def pages(bench: Bench) -> None:
    """Each page of the dashboard and each chart, one after the other, over 60 snapshots."""
    await add_history(bench.sessions)
    async with bench.client() as client:
        names = (await client.get("/segments")).json()["segments"]
        segment = names[0]["segment_name"].lower().replace(" ", "-")
        # Of a run that was made here, and not copied, for it has a sample.
        run = (await client.get("/snapshots")).json()["snapshots"][0]["run_id"]
        for path in ("/constant", *page_paths(segment, run, bench.customers)):
            await page(bench, client, path, PAGE_MS)
        last = names[-1]["segment_name"].lower().replace(" ", "-")
        for path in pass_paths(last):
            await page(bench, client, path, PASS_MS)


async def page(bench: Bench, client: httpx.AsyncClient, path: str, most: float) -> None:
    """Half of the answers come in `most` milliseconds; a first one fills what is remembered."""
    await seconds(client, path)
    before = processor_ms(bench.gateway.pid)
    took = [await seconds(client, path) * 1000 for _ in range(PAGE_TRIES)]
    computed = (processor_ms(bench.gateway.pid) - before) / PAGE_TRIES
    more = f"p95 {quantiles(took, n=20)[-1]:>6.1f}   gateway's processor {computed:>5.1f}"
    bench.report.at_most(path, median(took), most, "ms", more)


def page_paths(segment: str, run: int, customers: int) -> list[str]:
    """One of each page, and the list of customers by every filter and order."""
    one = f"C{customers // 3:07}"
    lists = [
        "", "?sort=monetary", "?sort=-frequency", "?sort=recency_days", "?sort=customer_id",
        f"?segment={segment}", f"?segment={segment}&page=500", f"?segment={segment}&sort=monetary",
        "?cluster=0", "?country=DE", "?country=nowhere", f"?segment={segment}&country=PL",
        "?r_score=1&fm_score=1", "?r_score=5&fm_score=5", "?country=DE&r_score=3", f"?q={one}",
        "?q=user777", "?q=C", "?q=u", "?q=example", "?q=user&country=PL", "?page=50", "?page=1000",
        "?sort=-expected_revenue_90", "?sort=expected_revenue_90", "?sort=-overdue&page=1000",
        "?sort=-buys_again_90&country=PL", f"?segment={segment}&sort=-expected_revenue_90",
    ]  # fmt: skip
    charts = [
        "scatter", "trend", "clusters-fm", "clusters-rf", "clusters-rm", "clusters-3d", "snake",
        "sweep",
    ]  # fmt: skip
    return [
        "/dashboard", "/dashboard?country=DE", "/dashboard/segments",
        f"/dashboard/segments/{segment}", *(f"/dashboard/customers{query}" for query in lists),
        f"/dashboard/customers/{one}", "/dashboard/clusters", "/dashboard/migrations",
        "/dashboard/migrations?view=sankey&measure=revenue", "/dashboard/imports",
        "/dashboard/runs", f"/dashboard/runs/{run}", "/dashboard/report", "/dashboard/help",
        "/dashboard/p/jobs", f"/dashboard/p/news?run={run}",
        f"/dashboard/customers/{one}/timeline",
        *(f"/dashboard/charts/{name}?run={run}" for name in charts),
        f"/dashboard/charts/scatter?run={run}&country=DE",
        f"/dashboard/charts/trend?run={run}&country=DE",
    ]  # fmt: skip


def pass_paths(segment: str) -> list[str]:
    """What no index answers: a text that nobody begins with, the far end, two tables at once."""
    return [
        "/dashboard/customers?q=nobody", "/dashboard/customers?page=10000",
        f"/dashboard/customers?segment={segment}&sort=-frequency", "/dashboard/migrations?movers=1",
        f"/dashboard/customers?segment={segment}&sort=-expected_revenue_90",
        "/dashboard/customers?min_buys_again_90=0.5&sort=-monetary",
    ]  # fmt: skip


PARTS = {
    "rates": rates, "deep": deep_page, "pages": pages, "events": events, "export": export,
}  # fmt: skip


async def main(asked: argparse.Namespace, postgres: PrivatePostgres, report: Report) -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    psql = [postgres.bin / "psql", "-h", "127.0.0.1", "-p", str(settings.db_port),
            "-U", settings.db_user, "-d", settings.db_name]  # fmt: skip
    os.environ["PGPASSWORD"] = settings.db_password.get_secret_value()
    async with open_sessions(settings, "bench") as sessions, open_redis(settings, "bench") as redis:
        await make_shop(settings, sessions, redis, asked.customers, asked.orders)
        with gateway() as process:
            bench = Bench(settings, sessions, redis, psql, process, asked.customers, report)
            for name in asked.only or PARTS:
                await PARTS[name](bench)


def say(line: str) -> None:
    """Print at once: the run takes minutes."""
    print(line, flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=3_000_000)
    parser.add_argument("--folder", type=Path, help="keep the filled servers here")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure no more than this")
    return parser.parse_args()


if __name__ == "__main__":
    chosen, table = options(), Report()
    say(f"{chosen.customers:,} customers, {chosen.orders:,} orders, {os.cpu_count()} cores,"
        f" load {os.getloadavg()[0]:.1f}")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="rfm-bench-") as temporary:
        workplace = chosen.folder or Path(temporary)
        workplace.mkdir(exist_ok=True)
        workplace.chmod(0o755)
        os.environ |= {
            "API_PORT": str(free_port()), "DATA_DIR": str(workplace / "data/input"),
            "RFM_STATE_DIR": str(workplace / "state"), "RFM_LOG_LEVEL": "WARNING",
            "RFM_CDN": "off",
        }  # fmt: skip
        with servers(workplace) as database:
            asyncio.run(main(chosen, database, table))
    sys.exit(f"{len(table.missed)} missed" if table.missed else 0)
