"""The container images, built and looked into: each holds its own service and no other.

Where buildah and debootstrap are installed and may run (as root, on Debian), the base image is
made here from Debian's packages and tagged as the one that the Dockerfile asks for, so that no
registry of images is needed.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("ingest", "scoring", "gateway")
PACKAGES = "ca-certificates,python3,python3-pip,python3-venv,python-is-python3"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
TOOLS = ("buildah", "debootstrap")
MISSING = [tool for tool in TOOLS if not shutil.which(tool)]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="an image is built as root here"),
    pytest.mark.timeout(900),
]


class Builder:
    """buildah with a store of its own, without a daemon and without a registry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = [f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}"]

    def run(self, *arguments: str) -> str:
        """What buildah prints; its log when it fails."""
        done = subprocess.run(
            ["buildah", *self._store, *arguments], cwd=ROOT, check=False, capture_output=True,
            text=True, env=os.environ | {"STORAGE_DRIVER": "vfs", "TMPDIR": str(self._folder)},
        )  # fmt: skip
        assert done.returncode == 0, f"buildah {arguments[0]}: {done.stderr[-3000:]}"
        return done.stdout.strip()

    def base(self, tag: str) -> None:
        """Debian with Python, trusting the certificates that this machine trusts."""
        system = self._folder / "debian"
        options = ("--variant=minbase", f"--include={PACKAGES}")
        done = subprocess.run(
            ["debootstrap", *options, "bookworm", system, *mirror()],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"debootstrap: {(done.stdout + done.stderr)[-2000:]}"
        if CERTIFICATES.exists():
            shutil.copy(CERTIFICATES, system / CERTIFICATES.relative_to("/"))
        container = self.run("from", "scratch")
        self.run("add", "--quiet", container, str(system), "/")
        for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"):
            self.run("config", f"--env={name}={CERTIFICATES}", container)
        self.run("config", "--env=PIP_BREAK_SYSTEM_PACKAGES=1", container)
        self.run("commit", "--quiet", "--rm", container, tag)
        shutil.rmtree(system)

    def build(self, service: str) -> str:
        """The image's name."""
        self.run(
            "bud", "--isolation=chroot", "--pull-never", f"--build-arg=SERVICE={service}",
            "--quiet", "--tag", f"rfm-{service}", ".",
        )  # fmt: skip
        return f"rfm-{service}"

    def inside(self, container: str, *command: str) -> str:
        """What a command prints in a container."""
        return self.run("run", "--isolation=chroot", container, "--", *command)


def mirror() -> list[str]:
    """Where this machine's apt takes Debian's packages from, if it says so."""
    if not shutil.which("apt-get"):
        return []
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"],
        check=False, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [line.split()[1] for line in told.splitlines() if line.startswith("bookworm ")][:1]


def bases() -> set[str]:
    """The images that the Dockerfile begins from."""
    text = (ROOT / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE))
    return set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    folder = tmp_path_factory.mktemp("images")
    made = Builder(folder)
    (tag,) = {base.split("@")[0] for base in bases()}
    made.base(tag if "/" in tag else f"docker.io/library/{tag}")
    yield made
    shutil.rmtree(folder, ignore_errors=True)


LOOK = """
import importlib.util as u, json, os
own = [n for n in ("ingest", "scoring", "gateway", "rfm_cli", "rfm_common") if u.find_spec(n)]
third = [n for n in ("watchfiles", "polars", "arq", "sklearn", "litestar", "plotly", "pyspark",
                     "pytest", "mypy") if u.find_spec(n)]
service = __import__(os.environ["SERVICE"] + ".__main__")
print(json.dumps({"own": own, "third": third, "user": os.getuid(),
                  "tools": [n for n in ("uv", "gcc") if __import__("shutil").which(n)]}))
"""

THIRD = {
    "ingest": {"watchfiles", "polars"},
    "scoring": {"polars", "arq", "sklearn"},
    "gateway": {"litestar", "plotly"},
}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_own_service_and_no_other(builder: Builder, service: str) -> None:
    container = builder.run("from", "--pull-never", builder.build(service))
    seen = json.loads(builder.inside(container, "python", "-c", LOOK))
    assert set(seen["own"]) & set(SERVICES) == {service}
    assert set(seen["third"]) == THIRD[service]
    assert seen["user"] == 1000
    assert seen["tools"] == []
    assert "0001" in builder.inside(container, "alembic", "history")
    if service == "gateway":
        told = builder.inside(container, "rfm", "--help")
        assert all(name in told for name in ("doctor", "backup", "key", "erase"))
