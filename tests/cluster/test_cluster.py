"""The cluster itself: it works, it loses parts and gets them back, and it leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tools.cluster import Cluster

from rfm_cli.postgres import PrivatePostgres
from rfm_cli.processes import ServerError
from tests.running import eventually

ROOT = Path(__file__).resolve().parents[2]
GROUPS = "SELECT count(*) AS groups FROM (SELECT id % 100 AS g FROM range({n}) GROUP BY g)"


@contextmanager
def session(cluster: Cluster) -> Generator[Any]:
    """A Spark session of its own."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - installed on demand

    opened = SparkSession.builder.remote(cluster.remote).create()
    try:
        yield opened
    finally:
        opened.stop()


def ask(cluster: Cluster, query: str) -> list[dict[str, Any]]:
    """The answer's rows."""
    with session(cluster) as spark:
        rows: list[dict[str, Any]] = spark.sql(query).toArrow().to_pylist()
        return rows


def test_a_session_answers_and_the_executors_are_there(cluster: Cluster) -> None:
    assert ask(cluster, "SELECT 1 AS one") == [{"one": 1}]
    assert ask(cluster, GROUPS.format(n=1_000_000)) == [{"groups": 100}]
    assert cluster.executors() == 2
    assert [worker["state"] for worker in cluster.state()["workers"]] == ["ALIVE", "ALIVE"]


def test_days_begin_at_midnight_utc(cluster: Cluster) -> None:
    said = {row["key"]: row["value"] for row in ask(cluster, "SET")}
    assert said["spark.sql.session.timeZone"] == "UTC"
    assert said["spark.sql.shuffle.partitions"] == "8"


def test_its_executors_read_postgresql(cluster: Cluster, postgres: PrivatePostgres) -> None:
    server = postgres.environment()
    url = f"jdbc:postgresql://127.0.0.1:{server['DB_PORT']}/{server['DB_NAME']}"
    with session(cluster) as spark:
        login = {"user": server["DB_USER"], "password": server["DB_PASSWORD"]}
        options = login | {"driver": "org.postgresql.Driver"}
        rows = spark.read.jdbc(url, "(SELECT 1 AS one) AS t", properties=options)
        assert rows.toArrow().to_pylist() == [{"one": 1}]


async def test_a_lost_worker_comes_back(cluster: Cluster) -> None:
    lost = cluster.workers[0]
    lost.kill()
    assert lost.has_ended()

    async def one_left() -> bool:
        return cluster.executors() == 1

    await eventually(one_left, what="the master notices")
    assert ask(cluster, GROUPS.format(n=1_000)) == [{"groups": 100}]
    lost.start()
    cluster.wait_ready()
    assert cluster.executors() == 2


def test_a_lost_connect_server_comes_back_where_it_was(cluster: Cluster) -> None:
    cluster.connect.kill()
    assert cluster.connect.describe_end() == "connect ended (SIGKILL)"
    cluster.restart_connect()
    assert ask(cluster, "SELECT 2 AS two") == [{"two": 2}]


def test_a_taken_port_is_said(cluster: Cluster, state_dir: Path) -> None:
    with pytest.raises(ServerError, match=f"port {cluster.port} is taken"):
        Cluster(state_dir / "second", cluster.port).start()


@contextmanager
def command(folder: Path) -> Generator["subprocess.Popen[str]"]:
    """`make cluster`; beside the other it takes one worker and little memory."""
    options = ["--port", "0", "--workers", "1", "--executor-memory", "512m", "--folder", folder]
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.cluster", *map(str, options)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def running(folder: Path) -> dict[int, str]:
    """The processes whose command line or environment names the folder."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (path / "environ").read_bytes():
                found[int(path.name)] = (path / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
    return found


async def test_the_command_may_be_stopped_while_it_starts(tmp_path: Path) -> None:
    async def some() -> bool:
        return any("master.Master" in line for line in running(tmp_path).values())

    with command(tmp_path) as process:
        await eventually(some, what="the master starts")
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0
    assert running(tmp_path) == {}


def test_the_command_says_where_it_listens_and_which_part_died(tmp_path: Path) -> None:
    with command(tmp_path) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert re.fullmatch(r"RFM_ENGINE=spark RFM_SPARK_REMOTE=sc://127\.0\.0\.1:\d+\n", line)
        assert len(running(tmp_path)) == 4  # master, worker, Connect server, executor
        worker = next(pid for pid, line in running(tmp_path).items() if "worker.Worker" in line)
        os.kill(worker, signal.SIGKILL)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1
        assert said.startswith("worker-1 ended (SIGKILL); its log: ")
    assert running(tmp_path) == {}
