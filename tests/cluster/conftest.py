"""A real Spark cluster for the tests of this folder; `make cluster-test` runs them."""

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tools.cluster import Cluster, missing

HERE = Path(__file__).parent
SECONDS = 600  # a run of a cluster that loses a worker on a busy machine


def lacking(config: pytest.Config) -> str | None:
    """Why there will be no cluster; None when there will."""
    if not config.getoption("--cluster"):
        return "needs a Spark cluster: make cluster-test"
    if find_spec("pyspark") is None:
        return "no pyspark-client in .venv (made by: python3 tools/environment.py spark)"
    return missing()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip each test of this folder by its name, with the reason."""
    reason = lacking(config)
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def cluster(state_dir: Path) -> Generator[Cluster]:
    """Two one-core workers and a Connect server, for the whole session.

    Whoever kills a part of it starts that part again before the test ends.
    """
    with Cluster(state_dir / "cluster") as running:
        yield running
