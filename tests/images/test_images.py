"""The container images, built and looked into: each holds its own service and no other.

Where buildah and debootstrap are installed and may run (as root, on Debian), the base image is
made here from Debian's packages and stands in for the one that the Dockerfile names, so that no
registry of images is needed.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from rfm_cli.processes import command_line, free_port
from rfm_common.settings import Settings
from tests.documents import rows_of
from tests.running import SERVICES, answering, drop, environment, eventually

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = "ca-certificates,python3,python3-pip,python3-venv,python-is-python3"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
OWNER = 23456
"""The user id of the data folder's owner: nobody else on this machine has it."""
IMAGE_PATH = "/opt/packages/bin:/usr/local/bin:/usr/bin:/bin"
BASE = "localhost/debian-with-python"
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
        self._built: set[str] = set()
        self._store = [f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}"]

    def run(self, *arguments: str) -> str:
        """What buildah prints; its log when it fails."""
        done = subprocess.run(
            ["buildah", *self._store, *arguments], cwd=ROOT, check=False, capture_output=True,
            text=True, env=self._environment(),
        )  # fmt: skip
        assert done.returncode == 0, f"buildah {arguments[0]}: {done.stderr[-3000:]}"
        return done.stdout.strip()

    def _environment(self) -> dict[str, str]:
        return os.environ | {"STORAGE_DRIVER": "vfs", "TMPDIR": str(self._folder)}

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

    def container(self, service: str) -> str:
        """The name of a new container of a service's image, which is built if need be."""
        if service not in self._built:
            self.run(
                "bud", "--isolation=chroot", "--pull-never", f"--build-arg=PYTHON={BASE}",
                f"--build-arg=SERVICE={service}", "--quiet", "--tag", f"rfm-{service}", ".",
            )  # fmt: skip
            self._built.add(service)
        return self.run("from", "--pull-never", f"rfm-{service}")

    def inside(self, container: str, *command: str) -> str:
        """What a command prints in a container."""
        return self.run("run", "--isolation=chroot", container, "--", *command)

    @asynccontextmanager
    async def started(
        self, service: str, data: Path, settings: dict[str, str]
    ) -> AsyncGenerator[None]:
        """A service in a container of its own, run by the owner of the data folder.

        The container shares the network and the process ids of this machine.
        """
        options = [f"--env={name}={value}" for name, value in settings.items()]
        runner = await asyncio.create_subprocess_exec(
            "buildah", *self._store, "run", "--isolation=chroot", f"--user={OWNER}:{OWNER}",
            f"--volume={data}:/data", *options, self.container(service), "--",
            "python", "-m", service, env=self._environment(),
        )  # fmt: skip
        try:
            yield
        finally:
            for pid in processes(service):
                os.kill(pid, signal.SIGTERM)
            await asyncio.wait_for(runner.wait(), 60)


def processes(service: str) -> list[int]:
    """The processes of a service that the owner of the data folder runs."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit()
        and user_of(entry) == OWNER
        and command_line(int(entry.name)).endswith(f"python -m {service}")
    ]


def user_of(entry: Path) -> int | None:
    with suppress(FileNotFoundError):  # it has ended meanwhile
        return entry.stat().st_uid
    return None


def mirror() -> list[str]:
    """Where this machine's apt takes Debian's packages from, if it says so."""
    if not shutil.which("apt-get"):
        return []
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"],
        check=False, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [line.split()[1] for line in told.splitlines() if line.startswith("bookworm ")][:1]


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    folder = tmp_path_factory.mktemp("images")
    made = Builder(folder)
    made.base(BASE)
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
    container = builder.container(service)
    seen = json.loads(builder.inside(container, "python", "-c", LOOK))
    assert set(seen["own"]) & set(SERVICES) == {service}
    assert set(seen["third"]) == THIRD[service]
    assert seen["user"] == 1000
    assert seen["tools"] == []
    assert "0001" in builder.inside(container, "alembic", "history")
    if service == "gateway":
        told = builder.inside(container, "rfm", "--help")
        assert all(name in told for name in ("doctor", "backup", "key", "erase"))


ORDERS = "order_id,customer_id,order_date,order_amount\nO1,C1,2024-01-10,10.00\n"


async def test_files_and_processes_belong_to_whom_the_documentation_says(
    builder: Builder, settings: Settings
) -> None:
    """The services in containers, run by the data folder's owner, on the servers of the tests."""
    for folder in (settings.data_dir, settings.input_dir):
        os.chown(folder, OWNER, OWNER)
    drop(settings.input_dir, "orders.csv", ORDERS)
    drop(settings.input_dir, "broken.csv", "nothing")
    listed = rows_of("security.md", "In containers")
    async with running(builder, settings) as client:
        await eventually(lambda: is_scored(client), what="a file is scored in containers")
        found = files_below(settings.data_dir) | files_of_images(builder)
        found |= {name: users_of(processes(name)) for name in SERVICES}
    assert found.keys() == listed.keys(), "everything is listed"
    assert found == {name: (USERS[row[0]], *row[1:]) for name, row in listed.items()}


USERS = {"the owner of the data folder": OWNER, "who dropped it": os.getuid(), "root": 0}
USERS["the image's own user"] = 1000


@asynccontextmanager
async def running(builder: Builder, settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """All three services in containers; yields a client of the gateway."""
    port = free_port()
    inside = {"DATA_DIR": "/data/input", "RFM_STATE_DIR": "/state", "HOME": "/", "PATH": IMAGE_PATH}
    told = environment(settings, **inside, API_PORT=str(port))
    address = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        for service in SERVICES:
            started = builder.started(service, settings.data_dir, told)
            await stack.enter_async_context(started)
        client = httpx.AsyncClient(base_url=address, timeout=60)
        await stack.enter_async_context(client)
        await answering(client)
        yield client


async def is_scored(client: httpx.AsyncClient) -> bool:
    """Whether scores of the one file that can be read are there, and nothing waits."""
    health = (await client.get("/health")).json()
    counts = health["data_version"], health["scored_version"], health["pending_imports"]
    return bool(counts == (1, 1, 0))


def files_below(folder: Path) -> dict[str, tuple[int, str]]:
    """Owner and mode of all that lies in the data folder, by its name in a container."""
    return {
        ("data" / path.relative_to(folder)).as_posix(): owner_and_mode(path)
        for path in (folder, *folder.rglob("*"))
    }


def files_of_images(builder: Builder) -> dict[str, tuple[int, str]]:
    """Owner and mode of the folders that every image brings, alike in all of them."""
    names = ("app", "opt/packages", "state")
    seen = set()
    for service in SERVICES:
        stat = ("stat", "--format", "%u %a", *(f"/{name}" for name in names))
        seen.add(builder.inside(builder.container(service), *stat))
    (told,) = seen
    pairs = [line.split() for line in told.splitlines()]
    return {name: (int(user), mode) for name, (user, mode) in zip(names, pairs, strict=True)}


def users_of(pids: list[int]) -> tuple[int]:
    """Who runs these processes: one user."""
    (user,) = {Path(f"/proc/{pid}").stat().st_uid for pid in pids}
    return (user,)


def owner_and_mode(path: Path) -> tuple[int, str]:
    found = path.stat()
    return found.st_uid, f"{found.st_mode & 0o7777:o}"
