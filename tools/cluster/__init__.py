"""A real Spark cluster of this machine's processes: master, one-core workers, Connect server.

Everything listens on loopback and ends with the process that started it. Nothing asks for a
password, so it is for development: whoever may log in here may use it. `make cluster` runs it;
tests use `Cluster`.
"""

from tools.cluster.cluster import Cluster, Shape
from tools.cluster.needs import missing
from tools.cluster.server import Server

__all__ = ["Cluster", "Server", "Shape", "missing"]
