"""The engine is one setting, and the one that is not chosen is not even imported."""

import builtins
import subprocess
import sys

import pytest
from pydantic import ValidationError

from rfm_common.settings import Settings
from scoring.engines import open_engine

LOCAL = """
import sys
import scoring.__main__
from rfm_common.settings import Settings
from scoring.engines import open_engine
of_spark = {"rfm_spark", "pyspark", "grpc"} & sys.modules.keys()
print(open_engine(Settings(), None).name, sorted(of_spark))
"""


def test_one_machine_imports_nothing_of_spark(monkeypatch) -> None:
    monkeypatch.delenv("RFM_ENGINE", raising=False)
    said = subprocess.run(
        [sys.executable, "-"], input=LOCAL, capture_output=True, text=True, check=True
    )
    assert said.stdout == "local []\n"


@pytest.mark.parametrize("remote", ["", "http://spark:15002", "spark:15002"])
def test_a_cluster_needs_an_address(remote) -> None:
    with pytest.raises(ValidationError, match="RFM_SPARK_REMOTE=sc://host:15002"):
        Settings(engine="spark", spark_remote=remote)
    assert Settings(engine="spark", spark_remote="sc://spark:15002").engine == "spark"


def test_a_missing_client_is_named_with_the_way_to_get_it(monkeypatch) -> None:
    real = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] in {"pyspark", "grpc"}:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *rest)

    for name in [name for name in sys.modules if name.startswith("rfm_spark.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SystemExit, match=r"needs Spark's client .*tools/environment.py spark"):
        open_engine(Settings(engine="spark", spark_remote="sc://spark:15002"), None)
