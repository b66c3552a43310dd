"""What is missing for a Spark cluster is said by the name of the package that brings it."""

from pathlib import Path

import pytest
from tools.cluster import missing, needs

from rfm_cli.processes import ServerError


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no Java, no apt, no driver and no environment."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(needs, "ROOT", tmp_path)
    monkeypatch.setattr(needs, "DRIVER", Path("/no/such/java/postgresql.jar"))


def test_without_java_its_package_is_named() -> None:
    assert missing() == "no Java 17 or newer (Debian's package: openjdk-17-jre-headless)"


@pytest.mark.parametrize(
    ("said", "version"),
    [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "1.8.0_412"', 1), ("?", 0)],
)
def test_the_version_of_java_is_what_it_says(tmp_path: Path, said: str, version: int) -> None:
    program(tmp_path / "bin/java", f"echo '{said}' >&2")
    assert needs.java_version() == version


def test_without_the_servers_the_call_that_makes_them_is_named(tmp_path: Path) -> None:
    program(tmp_path / "bin/java", "echo 'openjdk version \"21\"' >&2")
    assert "python3 tools/environment.py cluster" in str(missing())
    (tmp_path / ".venv-cluster/lib/python3.12/site-packages/pyspark").mkdir(parents=True)
    assert missing() is None


def test_without_a_driver_its_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="install Debian's package libpostgresql-jdbc-java"):
        needs.jdbc_driver(tmp_path)


def test_a_driver_unpacked_before_is_found(tmp_path: Path) -> None:
    jar = tmp_path / "no/such/java/postgresql.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    assert needs.jdbc_driver(tmp_path) == jar


def test_what_apt_said_is_passed_on(tmp_path: Path) -> None:
    program(tmp_path / "bin/apt-get", "echo 'E: no network' >&2; exit 100")
    program(tmp_path / "bin/dpkg", "exit 1")
    with pytest.raises(ServerError, match=r"libpostgresql-jdbc-java.*E: no network"):
        needs.jdbc_driver(tmp_path / "folder")
