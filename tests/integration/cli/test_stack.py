"""The supervisor: order, restarts, and what it gives to its services.

Real servers under services that do almost nothing; the real ones are in tests/e2e/test_up.py.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from rfm_cli.main import main
from rfm_cli.postgres import PrivatePostgres
from rfm_cli.processes import command_line
from rfm_cli.servers import private_servers, with_servers
from rfm_cli.valkey import PrivateValkey
from rfm_common.settings import Settings
from tests.integration.cli.supervised import Supervised, open_folder, until

ROOT = Path(__file__).parents[3]
STUB = ("-m", "tests.integration.cli.stub_stack")

Make = Callable[..., Supervised]


@pytest.fixture(scope="module")
def folder() -> Generator[Path]:
    """One for all tests, which saves making a database cluster for each."""
    made = open_folder()
    yield made
    shutil.rmtree(made)


@pytest.fixture
def make(folder: Path) -> Generator[Make]:
    """Starts a supervisor of stub services, in the shared folder unless told otherwise."""
    made: list[Supervised] = []

    def stack(place: Path = folder, **environment: str) -> Supervised:
        environment["PYTHONPATH"] = str(ROOT)
        made.append(Supervised(place, STUB, environment=environment))
        return made[-1].start()

    yield stack
    for supervised in made:
        supervised.clean_up()


def given(url: str) -> dict[str, str]:
    """What the gateway found in its environment."""
    found: dict[str, str] = httpx.get(f"{url}/health", trust_env=False).json()
    return found


def test_services_get_servers_and_absolute_folders(make: Make) -> None:
    up = make()
    environment = given(up.ready())
    assert environment["DB_HOST"] == "127.0.0.1"
    assert environment["DB_PASSWORD"]
    assert environment["DATA_DIR"] == str(up.folder / "data/input")
    assert environment["RFM_STATE_DIR"] == str(up.folder / ".rfm")
    assert (up.folder / "data" / "input").is_dir(), "there is something to drop files into"
    assert up.stop() == 0


def test_each_line_of_the_log_names_its_service(make: Make) -> None:
    up = make()
    up.ready()
    until(lambda: up.said().count(" works\n") == 2, "both sleepers say that they work")
    up.stop()
    lines = [line.split() for line in up.said().splitlines()]
    assert {line[1] for line in lines} <= {"rfm", "ingest", "scoring", "gateway"}
    assert {line[1] for line in lines if line[-1] == "works"} == {"ingest", "scoring"}


def test_a_service_that_dies_is_started_again(make: Make) -> None:
    up = make()
    up.ready()
    before = up.record().services["scoring"]
    os.kill(before, signal.SIGKILL)
    after = until(
        lambda: (pid := up.record().services["scoring"]) != before and pid, "a new process"
    )
    assert "scoring ended (SIGKILL), starting it again in 0.5 s" in up.said()
    assert "-X rfm=" in command_line(after)
    assert len(up.children()) >= 3
    assert up.stop() == 0


@pytest.mark.parametrize("server", ["postgres", "valkey"])
def test_a_server_that_dies_comes_back_where_it_was(make: Make, server: str) -> None:
    up = make()
    port = given(up.ready())["DB_PORT" if server == "postgres" else "REDIS_URL"]
    main = {"postgres": "bin/postgres -D", "valkey": "valkey-server"}[server]
    os.kill(up.child(main), signal.SIGKILL)
    until(lambda: f"{server} started again" in up.said(), "the server runs again")
    assert given(up.record().url)["DB_PORT" if server == "postgres" else "REDIS_URL"] == port
    assert up.child(main)
    assert up.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(make: Make, number: int) -> None:
    up = make()
    up.ready()
    assert up.stop(number) == 0
    assert up.children() == {}
    assert up.state.record() is None


def test_the_address_is_all_that_a_start_says(make: Make) -> None:
    up = make()
    up.ready()
    lines = [line for line in up.said().splitlines() if "works" not in line]
    assert [line for line in lines if " INFO " in line] == []
    assert up.stop() == 0


def test_another_terminal_can_stop_it_and_read_its_log(make: Make) -> None:
    up = make()
    url = up.ready()
    state = ["--state-dir", str(up.folder / ".rfm")]
    stopped = CliRunner().invoke(main, ["stop", *state])
    assert (stopped.exit_code, stopped.output) == (0, f"stopped the RFM at {url}\n")
    assert up.wait() == 0
    assert up.children() == {}
    told = CliRunner().invoke(main, ["logs", "-n", "1000", *state]).output
    assert "stopping" in told
    assert CliRunner().invoke(main, ["stop", *state]).exit_code == 0, "there is nothing to stop"


def test_a_signal_during_the_start_stops_everything_too(make: Make) -> None:
    up = make(RFM_LOG_LEVEL="DEBUG")
    until(lambda: up.log.exists() and "runs on port" in up.said(), "the servers run")
    assert up.stop() == 0
    assert up.children() == {}


def test_a_second_signal_kills(make: Make) -> None:
    up = make()
    up.ready()
    os.kill(up.child("import time"), signal.SIGSTOP)  # it will not listen to SIGTERM
    up.send(signal.SIGINT)
    until(lambda: "stopping" in up.said(), "it stops")
    up.send(signal.SIGINT)
    assert up.wait() == 0
    assert "killing everything" in up.said()
    up.all_gone()


def test_servers_of_your_own_are_used(
    make: Make, tmp_path: Path, postgres: PrivatePostgres, valkey: PrivateValkey, settings: Settings
) -> None:
    own = postgres.environment() | valkey.environment() | {"DB_NAME": settings.db_name}
    up = make(tmp_path, **own)
    environment = given(up.ready())
    assert environment["DB_PORT"] == own["DB_PORT"]
    assert environment["REDIS_URL"] == own["REDIS_URL"]
    assert not (up.folder / ".rfm" / "postgres").exists()
    assert not (up.folder / ".rfm" / "valkey").exists()
    assert up.stop() == 0


def test_only_the_server_that_is_missing_is_private(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, redis_url="redis://elsewhere/0", state_dir=tmp_path)
    (server,) = private_servers(settings)
    assert isinstance(server, PrivatePostgres)
    reached = with_servers(settings, [server])
    assert reached.redis_url.get_secret_value() == "redis://elsewhere/0"
    assert reached.db_password.get_secret_value() == server.password


def test_servers_named_in_a_dotenv_file_count_as_yours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DB_HOST", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text("DB_HOST=db.example\nREDIS_URL=redis://cache.example/0\n")
    assert private_servers(Settings(_env_file=tmp_path / ".env", state_dir=tmp_path)) == []


def test_a_database_that_cannot_start_ends_it_with_the_reason(make: Make) -> None:
    up = make()
    up.ready()
    assert up.stop() == 0
    version = (up.folder / ".rfm" / "postgres").resolve() / "data" / "PG_VERSION"
    version.write_text("9.6\n")
    try:
        up.start()
        assert up.wait() != 0
    finally:
        version.write_text("18\n")
    assert "postgres did not start" in up.said()
    up.all_gone()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they wait for the next start")
def test_kill_9_takes_everything_along(make: Make) -> None:
    up = make()
    up.ready()
    assert len(up.children()) >= 5
    up.stop(signal.SIGKILL)
    up.all_gone()
    assert up.state.record(), "what it wrote down stays for the next start"


def test_services_that_outlived_a_supervisor_are_ended_by_the_next(make: Make) -> None:
    """As on systems where a child is not told that its parent died."""
    up = make()
    up.ready()
    up.stop(signal.SIGKILL)
    up.all_gone()
    orphan = subprocess.Popen(
        [sys.executable, "-X", f"rfm={up.state.path}", "-c", "import time; time.sleep(600)"]
    )
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    record = up.record()
    record.services = {"ingest": orphan.pid, "scoring": stranger.pid}
    up.state.write(record)
    reaping = signal.signal(signal.SIGCHLD, lambda *_: orphan.poll())
    try:
        up.start().ready()
        assert orphan.wait(30) == -signal.SIGTERM
        assert stranger.poll() is None, "its number was reused: not ours"
    finally:
        signal.signal(signal.SIGCHLD, reaping)
        stranger.kill()
        stranger.wait()
    assert f"ended ingest of an earlier run (pid {orphan.pid})" in up.said()
    assert up.stop() == 0
