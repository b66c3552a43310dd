"""What a cluster needs of the machine: Java, Spark in its own environment, a JDBC driver."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from rfm_cli.processes import ServerError

ROOT = Path(__file__).resolve().parents[2]
JAVA = 17
DRIVER_PACKAGE = "libpostgresql-jdbc-java"
DRIVER = Path("/usr/share/java/postgresql.jar")


def missing() -> str | None:
    """What this machine lacks for a cluster, in words; None when nothing."""
    if java_version() < JAVA:
        return f"no Java {JAVA} or newer (Debian's package: openjdk-{JAVA}-jre-headless)"
    if spark_home() is None:
        return "no Spark in .venv-cluster (made by: python3 tools/environment.py cluster)"
    return None


def java_version() -> int:
    """The major version of the Java that Spark's scripts would run; 0 without one."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=f"{home}/bin" if home else None)
    if program is None:
        return 0
    said = subprocess.run([program, "-version"], check=False, capture_output=True, text=True)
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found.group(1)) if found else 0


def spark_home() -> Path | None:
    """The package folder of pyspark in the cluster's own environment."""
    return next((ROOT / ".venv-cluster").glob("lib/python3*/site-packages/pyspark"), None)


def jdbc_driver(folder: Path) -> Path:
    """PostgreSQL's JDBC driver; without Debian's package it is unpacked below `folder`.

    That needs no root. Raises ServerError naming the package where apt cannot give it.
    """
    unpacked = folder / DRIVER.relative_to("/")
    for jar in (DRIVER, unpacked):
        if jar.exists():
            return jar
    if shutil.which("apt-get") and shutil.which("dpkg"):
        _unpack(folder)
    if not unpacked.exists():
        raise ServerError(f"there is no {DRIVER}: install Debian's package {DRIVER_PACKAGE}")
    return unpacked


def _unpack(folder: Path) -> None:
    """Download the package and unpack it, without installing."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("apt-get", "download", "-qq", DRIVER_PACKAGE, cwd=folder)
    for package in folder.glob(f"{DRIVER_PACKAGE}_*.deb"):
        _run("dpkg", "-x", package.name, ".", cwd=folder)
        package.unlink()


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ServerError(
            f"install Debian's package {DRIVER_PACKAGE}: {' '.join(command)} failed:"
            f" {done.stderr.strip()}"
        )
