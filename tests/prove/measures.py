"""What a stack uses and keeps, at one moment. Memory is read from /proc: Linux only."""

import asyncio
from contextlib import suppress
from pathlib import Path

from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.db import Sessions, run_sql
from tests.prove.stack import Stack

SERVICES = ("ingest", "scoring", "gateway")
MIB = 2.0**20

SLACK = {
    **{f"MiB of {name}": 8.0 for name in (*SERVICES, "rfm up")},
    "MiB of PostgreSQL": 24.0,
    "MiB of Valkey": 2.0,
    "entries of the stream": 200.0,
    "keys in Valkey": 3.0,
    "tables of snapshots": 2.0,
    "files in the archive": 4.0,
    "rows of the outbox": 100.0,
    "rows of samples": 6_000.0,
    "files in the spool": 0.0,
}
"""What is measured, and by how much it may move besides the share of growth.py.

PostgreSQL's connections come and go; two snapshots and their samples are of a day just begun.
"""


def own_memory(pid: int) -> float:
    """MiB that only this process has; shared buffers and program text are not its own."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines[1:])
    return int(fields["Pss_Anon"].split()[0]) / 1024


def family(pid: int) -> list[int]:
    """The process and all that descend from it; some may end meanwhile."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def memory(stack: Stack) -> dict[str, float]:
    """MiB by part; a part that is not there just now is left out."""
    pids = {name: stack.pid(name) for name in SERVICES}
    pids |= {"rfm up": stack.up.pid if stack.up else None}
    found = {f"MiB of {name}": _sum([pid]) for name, pid in pids.items() if pid}
    server = stack.postgres.private.process
    return found | ({"MiB of PostgreSQL": _sum(family(server.pid))} if server else {})


def _sum(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError, KeyError):  # it has just ended
            total += own_memory(pid)
    return total


async def kept_by_redis(redis: Redis) -> dict[str, float]:
    return {
        "MiB of Valkey": (await redis.info("memory"))["used_memory"] / MIB,
        "entries of the stream": await redis.xlen(bus.STREAM),
        "keys in Valkey": await redis.dbsize(),
    }


COUNTS = """
SELECT (SELECT count(*) FROM pg_inherits WHERE inhparent = 'rfm_features'::regclass)
       AS "tables of snapshots",
       (SELECT count(*) FROM outbox) AS "rows of the outbox",
       (SELECT count(*) FROM run_samples) AS "rows of samples"
"""


async def measure(stack: Stack, sessions: Sessions, redis: Redis) -> dict[str, float]:
    """Every figure of SLACK."""
    async with sessions() as session:
        counts = (await run_sql(session, COUNTS)).mappings().one()
    data = stack.folder / "data"
    files = {
        "files in the archive": len(list((data / "archive").glob("*"))),
        "files in the spool": len(list((stack.state.path / "spool").glob("*"))),
    }
    used = await asyncio.to_thread(memory, stack)
    return used | await kept_by_redis(redis) | dict(counts) | files
