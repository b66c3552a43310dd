"""`rfm up` as people run it: one command, everything works; one key, everything is gone."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import httpx
import pytest

from rfm_cli.processes import command_line
from rfm_cli.users import OWN_USER
from tests.documents import rows_of
from tests.integration.cli.supervised import (
    Supervised,
    clean_environment,
    health,
    open_folder,
    until,
)
from tests.running import drop

Make = Callable[..., Supervised]
_numbers = itertools.count(1)
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def make() -> Generator[Make]:
    """Starts `rfm up` on a port of its own."""
    made: list[Supervised] = []

    def up(folder: Path | None = None, **options: object) -> Supervised:
        made.append(Supervised(folder or open_folder(), **options))
        return made[-1].start()

    yield up
    for supervised in made:
        supervised.clean_up()
        shutil.rmtree(supervised.folder, ignore_errors=True)


def rfm(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Another terminal in the same folder."""
    return subprocess.run(
        [sys.executable, "-m", "rfm_cli", *arguments], cwd=folder, env=clean_environment(),
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def shared() -> Generator[Supervised]:
    """One running product for many questions; each leaves it running."""
    mask = os.umask(0o022)
    supervised = Supervised(open_folder()).start()
    os.umask(mask)
    supervised.ready()
    yield supervised
    supervised.stop()
    supervised.clean_up()
    shutil.rmtree(supervised.folder, ignore_errors=True)


def orders() -> str:
    """Three orders of two customers, new ones each time."""
    number = next(_numbers)
    rows = [
        f"O{number}1,C001,2024-01-10,100.00,EUR,completed",
        f"O{number}2,C001,2024-01-11,20.50,EUR,completed",
        f"O{number}3,C002,2024-01-12,30.00,EUR,completed",
    ]
    head = "order_id,customer_id,order_date,order_amount,currency,status"
    return "\n".join([head, *rows, ""])


def load_and_score(up: Supervised) -> None:
    """Drop a file and wait until its customers are scored."""
    url = up.record().url
    expected = health(url)["total_orders"] + 3
    drop(up.folder / "data" / "input", f"orders-{expected}.csv", orders())
    try:
        until(lambda: caught_up(url, expected), "the scores catch up with the file")
    except AssertionError as error:
        raise AssertionError(f"{error}: {health(url)}\n{up.said()}") from None


def caught_up(url: str, orders: int = 3) -> bool:
    found = health(url)
    return (
        found["total_orders"] == orders
        and found["pending_imports"] == 0
        and found["data_version"] == found["scored_version"]
    )


def test_one_command_runs_the_product_and_one_signal_ends_it(make: Make) -> None:
    up = make()
    url = up.ready()
    assert health(url)["code"] == 200
    assert httpx.get(f"{url}/dashboard", trust_env=False).status_code == 200
    load_and_score(up)
    assert len(up.record().services) == 3

    assert up.stop(signal.SIGINT) == 0
    assert up.children() == {}
    with pytest.raises(httpx.ConnectError):
        health(url)


def test_the_commands_find_the_product_of_their_folder(shared: Supervised) -> None:
    """Nobody has to repeat the port that `rfm up` was given."""
    folder, url = shared.folder, shared.record().url
    (folder / "mine.csv").write_text(orders())
    imported = rfm(folder, "import", "mine.csv")
    assert imported.returncode == 0, imported.stderr
    assert "loaded" in imported.stdout

    scored = rfm(folder, "score", "--calc-date", "latest", "--k", "auto")
    assert scored.returncode == 0, scored.stderr
    assert "Segments as of 2024-01-12" in scored.stdout

    segment = health_segment(url)
    exported = rfm(folder, "export", segment, "--out", "out.csv")
    assert exported.returncode == 0, exported.stderr
    assert "C00" in (folder / "out.csv").read_text()
    wrong = rfm(folder, "export", "Chimpions")
    assert wrong.returncode == 1
    assert segment in wrong.stderr, "it says what there is"

    status = rfm(folder, "status")
    assert status.returncode == 0, status.stderr
    assert url in status.stdout


@linux
def test_files_and_processes_belong_to_whom_the_documentation_says(shared: Supervised) -> None:
    """Under root, and as any other user."""
    load_and_score(shared)
    assert httpx.get(f"{shared.record().url}/export/segments/all", trust_env=False).is_success
    listed = rows_of("security.md", "Files and processes")
    assert files_of(shared).keys() - listed.keys() == set(), "everything is listed"
    found = {name: files_of(shared).get(name) or owner_of(shared, name) for name in listed}
    assert found == {name: promised(*row) for name, row in listed.items()}


def promised(owner: str, modes: str = "") -> tuple[str, str]:
    """Owner and mode as the documentation says them, for the user of this process."""
    starter, is_root = Path("/proc/self").owner(), os.geteuid() == 0
    users, _, roots = modes.partition("; root's: ")
    is_servers = owner == "the servers' user"
    return (OWN_USER if is_root and is_servers else starter, (is_root and roots) or users)


def files_of(up: Supervised) -> dict[str, tuple[str, str]]:
    """Owner and mode of what lies in the state folder, down to what the servers write."""
    paths = [up.folder / ".rfm", up.folder / "data/input", *(up.folder / ".rfm").glob("*")]
    paths += [
        path for name in ("postgres", "valkey") for path in (up.folder / ".rfm" / name).iterdir()
    ]
    return {
        path.relative_to(up.folder).as_posix(): (path.owner(), f"{path.stat().st_mode & 0o7777:o}")
        for path in paths
    }  # fmt: skip


def owner_of(up: Supervised, process: str) -> tuple[str, str]:
    """Who runs it; processes have no mode."""
    pids = up.record().services | {"rfm up": up.record().pid}
    return Path(f"/proc/{pids.get(process) or up.child(process)}").owner(), ""


def health_segment(url: str) -> str:
    found = httpx.get(f"{url}/segments", trust_env=False).json()
    return str(found["segments"][0]["segment_name"])


def test_a_second_start_on_the_folder_is_refused_with_the_address(shared: Supervised) -> None:
    url = shared.record().url
    second = rfm(shared.folder, "up", "--port", "0")
    assert second.returncode != 0
    assert url in second.stderr
    assert f"pid {shared.record().pid}" in second.stderr
    assert health(url)["code"] == 200, "the first one is not disturbed"


@linux
def test_kill_9_and_up_again_has_all_data(make: Make) -> None:
    up = make()
    up.ready()
    load_and_score(up)
    up.stop(signal.SIGKILL)
    up.all_gone()

    url = up.start().ready()
    assert caught_up(url)
    rows = httpx.get(f"{url}/customers/C001", trust_env=False).json()
    assert len(rows["orders"]) == 2
    assert up.stop() == 0


@pytest.mark.parametrize("service", ["ingest", "scoring", "gateway"])
def test_a_killed_service_comes_back_and_the_product_works_on(
    shared: Supervised, service: str
) -> None:
    before = shared.record().services[service]
    os.kill(before, signal.SIGKILL)
    until(lambda: shared.record().services[service] != before, f"another {service}")
    assert f"{service} ended (SIGKILL), starting it again" in shared.said()
    until(lambda: answers(shared.record().url), "the gateway answers")
    load_and_score(shared)


def answers(url: str) -> bool:
    try:
        return health(url)["code"] == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("server", ["bin/postgres -D", "valkey-server"])
def test_a_killed_server_comes_back_and_the_product_works_on(
    shared: Supervised, server: str
) -> None:
    starts = shared.said().count(" started again")
    os.kill(shared.child(server), signal.SIGKILL)
    until(lambda: shared.said().count(" started again") > starts, "the server runs again")
    until(lambda: answers(shared.record().url), "the services found it again")
    load_and_score(shared)


@linux
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another user")
def test_root_keeps_the_servers_away_from_root(make: Make) -> None:
    """Also where their user cannot go: a checkout below root's own home has mode 700."""
    folder = open_folder()
    folder.chmod(0o700)
    up = make(folder)
    up.ready()
    load_and_score(up)
    for part in ("bin/postgres -D", "valkey-server"):
        assert Path(f"/proc/{up.child(part)}").stat().st_uid != 0
    for pid in up.record().services.values():
        assert Path(f"/proc/{pid}").stat().st_uid == 0, "services are the caller's"
    assert (folder / ".rfm" / "postgres").is_symlink()
    assert up.stop() == 0
    assert caught_up(up.start().ready()), "the next start finds the same data"
    assert up.stop() == 0


def as_normal_user(folder: Path) -> list[str]:
    """The words before a command that run it as a normal user; skips when there is no way.

    Where the interpreter is below a folder that only root may enter, the user is given the right
    to read everything, and nothing else.
    """
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    os.chown(folder, 65534, 65534)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    reading = [*user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    itself = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', '']))"
    for words in (user, reading):
        command = [*words, sys.executable, "-c", itself]
        tried = subprocess.run(command, check=False, capture_output=True)
        if tried.returncode == 0:
            return words
    pytest.skip("a normal user cannot run this interpreter")


@linux
@pytest.mark.slow
def test_a_normal_user_needs_nothing_from_root(make: Make) -> None:
    folder = open_folder()
    wrapper = as_normal_user(folder)
    up = make(folder, wrapper=wrapper, environment={"HOME": str(folder)})
    up.ready()
    load_and_score(up)
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in up.children()}
    assert owners == {folder.stat().st_uid}
    assert any("bin/postgres" in command_line(pid) for pid in up.children())
    assert up.stop() == 0
    assert up.children() == {}
