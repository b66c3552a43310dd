"""Master, workers and Connect server together."""

import json
import os
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tools.cluster.needs import jdbc_driver, missing, spark_home
from tools.cluster.server import Server

from rfm_cli.processes import ServerError, free_port, port_is_free

HOST = "127.0.0.1"
START_SECONDS = 300.0

MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"

OPTIONS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "8",
    "spark.ui.enabled": "false",
    # A lost worker closes its connections and is noticed at once; silence is a busy machine.
    "spark.network.timeout": "600s",
    "spark.executor.heartbeatInterval": "60s",
}


@dataclass(frozen=True)
class Shape:
    """How large a cluster is; memory in Spark's words (`2g`)."""

    workers: int = 2
    executor_memory: str = "2g"
    driver_memory: str = "1g"


class Cluster:
    """A context manager: `with Cluster(folder) as cluster:`, then connect to `cluster.remote`.

    Logs, work and spilled data lie below `folder`. `port` is the Connect server's; 0 takes a free
    one. Raises ServerError, with what to do, when it cannot start.
    """

    def __init__(self, folder: Path, port: int = 0, shape: Shape | None = None) -> None:
        if reason := missing():
            raise ServerError(reason)
        self.folder = folder.absolute()
        self.shape = shape or Shape()
        self.port = port or free_port()
        self.remote = f"sc://{HOST}:{self.port}"
        self._rpc = free_port()
        self._web = free_port()
        self.master = self._server("master", self._master_command())
        self.workers = [
            self._server(f"worker-{number + 1}", self._worker_command(number))
            for number in range(self.shape.workers)
        ]
        self.connect = self._server("connect", self._connect_command())
        self.servers = [self.master, *self.workers, self.connect]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until the Connect server answers and holds every core."""
        if not port_is_free(self.port):
            raise ServerError(f"port {self.port} is taken: is another cluster running?")
        for used in self._work_folders():
            shutil.rmtree(used, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.master.start()
        self._wait("the master", lambda: bool(self.state()), self.master)
        for server in (*self.workers, self.connect):
            server.start()
        self.wait_ready()

    def stop(self) -> None:
        """End everything, the master last."""
        for server in reversed(self.servers):
            server.stop()

    def restart_connect(self) -> None:
        """Start the Connect server, ended or not, on its port again, and wait for it."""
        self.connect.stop()
        self.connect.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the Connect server answers and has a core of every running worker."""

        def ready() -> bool:
            running = sum(worker.is_running() for worker in self.workers)
            return self.executors() == running and answers(self.port)

        self._wait("the Connect server and its executors", ready, self.connect)

    def executors(self) -> int:
        """How many one-core executors run."""
        return int(self.state().get("coresused", 0))

    def state(self) -> dict[str, Any]:
        """What the master says of its workers and applications; empty while it does not answer."""
        with suppress(OSError, ValueError):
            with urllib.request.urlopen(f"http://{HOST}:{self._web}/json/", timeout=5) as answer:
                said: dict[str, Any] = json.load(answer)
            return said
        return {}

    def _wait(self, what: str, is_so: Callable[[], bool], server: Server) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_so():
            if server.has_ended():
                raise ServerError(f"{server.describe_end()}:\n{server.last_words()}")
            if time.monotonic() > deadline:
                raise ServerError(f"waited {START_SECONDS:.0f} s for {what}; logs: {self.folder}")
            time.sleep(0.2)

    def _work_folders(self) -> list[Path]:
        return [self.folder / "local", *(self.folder / worker.name for worker in self.workers)]

    def _server(self, name: str, command: list[str]) -> Server:
        home = spark_home()
        # The Connect server would take a daemon's memory for its own and ignore --driver-memory.
        memory = {} if name == "connect" else {"SPARK_DAEMON_MEMORY": "256m"}
        env = os.environ | memory | {
            "SPARK_HOME": str(home),
            "SPARK_CONF_DIR": str(self.folder / "conf"),  # not that of the machine
            "SPARK_LOCAL_DIRS": str(self.folder / "local"),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
        }  # fmt: skip
        program, *rest = command
        return Server(name, [f"{home}/bin/{program}", *rest], self.folder / f"{name}.log", env)

    def _master_command(self) -> list[str]:
        ports = ["--port", str(self._rpc), "--webui-port", str(self._web)]
        return ["spark-class", MASTER, "--host", HOST, *ports]

    def _worker_command(self, number: int) -> list[str]:
        return [
            "spark-class", WORKER, "--host", HOST, "--webui-port", "0",
            "--cores", "1", "--memory", self.shape.executor_memory,
            "--work-dir", str(self.folder / f"worker-{number + 1}"), f"spark://{HOST}:{self._rpc}",
        ]  # fmt: skip

    def _connect_command(self) -> list[str]:
        options = OPTIONS | {
            "spark.connect.grpc.binding.address": HOST,
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.driver.bindAddress": HOST,
            "spark.driver.host": HOST,
            "spark.sql.warehouse.dir": (self.folder / "warehouse").as_uri(),
        }
        return [
            "spark-submit", "--class", CONNECT, "--master", f"spark://{HOST}:{self._rpc}",
            "--driver-memory", self.shape.driver_memory,
            "--executor-memory", self.shape.executor_memory, "--executor-cores", "1",
            "--jars", str(jdbc_driver(self.folder / "jdbc")),
            *(part for name, value in options.items() for part in ("--conf", f"{name}={value}")),
            "spark-internal",
        ]  # fmt: skip


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with suppress(OSError), socket.create_connection((HOST, port), 1):
        return True
    return False
