"""Several of each service on one database: how much more they get done than one.

    python -m benchmarks.copies --orders 1000000 --copies 1 2

For each number, fresh private servers and real processes: files of the same rows dropped into
the folder that all ingest processes watch, moments of the past for the workers to score, and
requests shared out among the gateways. Everything shares the cores of this machine with
PostgreSQL and with the clients, so a ratio says what copies are good for here, and no more.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import httpx
from benchmarks import ingest, scoring
from redis.asyncio import Redis

from rfm_cli.processes import free_port
from rfm_common.bus import open_redis
from rfm_common.db import Sessions, open_sessions, run_sql
from rfm_common.runs import RunRequest, queue_run
from rfm_common.schema import upgrade
from rfm_common.settings import Settings

FILES = 8
MOMENTS = 6
ORDERS_PER_CUSTOMER = 10
CONNECTIONS = 8
SECONDS = 10
CLIENTS = Path(__file__).with_name("serve_load.py")
UNITS = {"ingest": "rows/s", "scoring": "runs/min", "gateway": "answers/s"}


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    scoring.say(f"{options.orders:,} orders, {os.cpu_count()} cores")
    found = {copies: measure(options.orders, copies) for copies in options.copies}
    first = found[options.copies[0]]
    for copies, rates in found.items():
        for service, rate in rates.items():
            scoring.say(f"{copies:3} {service:8} {rate:12,.1f} {UNITS[service]:10}"
                        f" {rate / first[service]:5.2f} x")  # fmt: skip


def measure(orders: int, copies: int) -> dict[str, float]:
    """How much each service gets done in that many copies, on servers of their own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rfm-bench-")))
        folder.chmod(0o755)
        settings = stack.enter_context(scoring.servers(folder))
        settings = settings.model_copy(update={"input_dir": folder / "data/input"})
        return asyncio.run(each(settings, orders, copies))


async def each(settings: Settings, orders: int, copies: int) -> dict[str, float]:
    """One service after the other: the files of the first are scored and served by the others."""
    await upgrade(settings)
    async with open_sessions(settings, "bench") as sessions, open_redis(settings, "bench") as redis:
        return {
            "ingest": await load(settings, sessions, orders, copies),
            "scoring": await score(settings, sessions, redis, copies),
            "gateway": await answer(orders // ORDERS_PER_CUSTOMER, copies),
        }


@contextmanager
def running(
    module: str, environments: Sequence[dict[str, str]]
) -> Generator[list[subprocess.Popen[bytes]]]:
    """A process for each environment, until the block ends."""
    quiet = {"RFM_LOG_LEVEL": "WARNING"}
    processes = [
        subprocess.Popen([sys.executable, "-m", module], env=os.environ | quiet | environment)
        for environment in environments
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


async def load(settings: Settings, sessions: Sessions, orders: int, copies: int) -> float:
    """Rows a second, from the last file's rename to the last commit."""
    folder, made = settings.input_dir, settings.data_dir / "made"
    folder.mkdir(parents=True)
    made.mkdir()
    part, buyers = orders // FILES, orders // ORDERS_PER_CUSTOMER
    ingest.loading.customers(buyers).write_csv(made / "customers.csv")
    for number in range(FILES):
        rows = ingest.orders(number * part, part, buyers)
        rows.write_csv(made / f"orders-{number}.csv")
    with running("ingest", [{"DATA_DIR": str(settings.input_dir)}] * copies):
        (made / "customers.csv").rename(folder / "customers.csv")
        await loaded(sessions, 1)
        await asyncio.sleep(5)  # the copies that had nothing to do are up, too
        for path in made.iterdir():
            path.rename(folder / path.name)
        started = monotonic()
        await loaded(sessions, 1 + FILES)
        return FILES * part / (monotonic() - started)


async def loaded(sessions: Sessions, count: int) -> None:
    """Wait until that many files are in the tables."""
    while True:
        async with sessions() as session:
            found = await run_sql(session, "SELECT state, count(*) FROM imports GROUP BY state")
            states = {str(row[0]): int(row[1]) for row in found}
        if set(states) - {"reading", "loaded"}:
            raise SystemExit(f"a file was not loaded: {states}")
        if states.get("loaded") == count:
            return
        await asyncio.sleep(0.05)


async def score(settings: Settings, sessions: Sessions, redis: Redis, copies: int) -> float:
    """Runs a minute, of moments of the past that are asked for at once."""
    with running("scoring", [{}] * copies):
        await scoring.scored(sessions, redis, 1)
        await asyncio.sleep(5)
        started = monotonic()
        for number in range(1, 1 + MOMENTS):
            moment = datetime.now(UTC) - timedelta(days=30 * number)
            async with sessions() as session, session.begin():
                await queue_run(session, settings, RunRequest(calc_date=moment, k=5), "api")
        await scoring.scored(sessions, redis, 1 + MOMENTS)
        return MOMENTS * 60 / (monotonic() - started)


async def answer(customers: int, copies: int) -> float:
    """Answers a second of all gateways, each asked by clients of its own."""
    ports = [free_port() for _ in range(copies)]
    paths = ["/segments", *(f"/customers/C{number:08}" for number in range(0, customers, 997))]
    with running("gateway", [{"API_PORT": str(port)} for port in ports]):
        for port in ports:
            await answers(port)
        found = await asyncio.gather(*(ask(port, paths, CONNECTIONS // copies) for port in ports))
    if any(one["failed"] for one in found):
        raise SystemExit(f"answers that were not 200: {found}")
    return float(sum(one["rate"] for one in found))


async def ask(port: int, paths: list[str], connections: int) -> dict[str, float]:
    """What a process of clients found."""
    asked = {"do": "rate", "port": port, "paths": paths, "seconds": SECONDS}
    command = json.dumps(asked | {"connections": connections})
    process = await asyncio.create_subprocess_exec(
        sys.executable, CLIENTS, command, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    found: dict[str, float] = json.loads(output)
    return found


async def answers(port: int) -> None:
    """Wait until the gateway is up."""
    async with asyncio.timeout(60), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
