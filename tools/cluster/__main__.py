"""`make cluster`: a cluster until Ctrl-C."""

import argparse
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from tools.cluster import Cluster, Shape
from tools.cluster.needs import ROOT

from rfm_cli.processes import ServerError


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    usual = Shape()
    parser = argparse.ArgumentParser(prog="make cluster ARGS=...", description=__doc__)
    parser.add_argument("--port", type=int, default=15002, help="of the Connect server; 0: any")
    parser.add_argument("--folder", type=Path, default=ROOT / ".rfm/cluster", help="for its logs")
    parser.add_argument("--workers", type=int, default=usual.workers, help="of one core each")
    parser.add_argument("--executor-memory", default=usual.executor_memory)
    parser.add_argument("--driver-memory", default=usual.driver_memory)
    return parser.parse_args(arguments)


def watch(cluster: Cluster) -> str:
    """Wait until one of the servers ends on its own; which, and how."""
    while not (ended := [server for server in cluster.servers if server.has_ended()]):
        time.sleep(0.5)
    return f"{ended[0].describe_end()}; its log: {ended[0].log}"


def main() -> None:
    """Run a cluster until a signal, or until one of its servers ends."""
    chosen = options()
    shape = Shape(chosen.workers, chosen.executor_memory, chosen.driver_memory)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), Cluster(chosen.folder, chosen.port, shape) as cluster:
        print(f"RFM_ENGINE=spark RFM_SPARK_REMOTE={cluster.remote}", flush=True)
        sys.exit(watch(cluster))


if __name__ == "__main__":
    try:
        main()
    except ServerError as error:
        sys.exit(f"no cluster: {error}")
