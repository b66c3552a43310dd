"""The `rfm` command as people meet it."""

import os
import socket
from collections.abc import Generator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rfm_cli.client import base_url, running_url
from rfm_cli.main import main
from rfm_cli.processes import free_port
from rfm_cli.state import Record, StateFolder
from rfm_common.settings import Settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No .env, no state, and no server settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("DB_HOST", "REDIS_URL", "API_HOST", "API_PORT", "RFM_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)


def rfm(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def taken() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_help_names_every_command() -> None:
    shown = rfm("--help")
    assert shown.exit_code == 0
    for command in ("up", "demo", "import", "score", "export", "status", "migrate", "backup"):
        assert f"\n  {command} " in shown.output
        assert rfm(command, "--help").exit_code == 0


def test_it_says_its_version() -> None:
    assert rfm("--version").output.startswith("rfm, version ")


def test_a_command_that_does_not_exist() -> None:
    assert "No such command 'explain'" in rfm("explain").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("score",),
        ("score", "--history", "monthly"),
        ("export", "Lost"),
        ("import", __file__),
        ("demo", "--remove"),
    ],
)
def test_when_nothing_runs_it_says_how_to_start(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("API_PORT", str(port))
    done = rfm(*arguments)
    assert done.exit_code == 1
    assert f"nothing answers on http://127.0.0.1:{port}: start it with rfm up" in done.output


def test_a_port_in_use_is_said_before_anything_starts(taken: int, tmp_path: Path) -> None:
    done = rfm("up", "--port", taken)
    assert done.exit_code == 1
    assert f"port {taken} of 127.0.0.1 is in use" in done.output
    assert "--port" in done.output
    assert not (tmp_path / ".rfm" / "postgres").exists()


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_wrong_setting_is_named(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_K", "many")
    monkeypatch.setenv("RFM_WINDOW_DAYS", "0")
    done = rfm(command)
    assert done.exit_code == 1
    assert "default_k" in done.output.lower()
    assert "window_days" in done.output.lower()


def test_a_port_that_is_none() -> None:
    assert "api_port" in rfm("up", "--port", "70000").output


def test_clusters_are_a_number_or_auto() -> None:
    done = rfm("score", "--k", "several")
    assert done.exit_code == 2
    assert "a number of clusters, or auto" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--history", "daily"), "'daily' is not 'monthly'"),
        (("--history", "monthly", "--months", 0), "0 is not in the range 1<=x<=120"),
        (("--months", 12), "--months goes with --history monthly"),
        (("--history", "monthly", "--k", 4, "--window-days", 90), "without --k, --window-days"),
    ],
)
def test_a_history_that_makes_no_sense_is_refused(
    arguments: tuple[object, ...], words: str
) -> None:
    done = rfm("score", *arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())


def test_generate_writes_a_data_set(tmp_path: Path) -> None:
    out = tmp_path / "made"
    done = rfm(
        "generate", "--customers", 10, "--orders", 100, "--out", out, "--until", "2025-06-30"
    )
    assert done.exit_code == 0, done.output
    assert len((out / "orders.csv").read_text().splitlines()) == 101
    assert str(out / "customers.csv") in done.output


@pytest.mark.parametrize(
    "wrong", [("--customers", 0, "--orders", 1), ("--customers", 1, "--orders", -1)]
)
def test_generate_refuses_numbers_that_make_no_sense(wrong: tuple[object, ...]) -> None:
    assert rfm("generate", "--out", "x", *wrong).exit_code == 2
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8701"),
        ("0.0.0.0", "http://127.0.0.1:8701"),
        ("::1", "http://[::1]:8701"),
        ("::", "http://[::1]:8701"),
        ("rfm.example", "http://rfm.example:8701"),
    ],
)
def test_where_the_api_is(host: str, url: str) -> None:
    assert base_url(Settings(api_host=host)) == url


def test_a_product_on_another_port_is_found_by_its_state_folder(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / ".rfm")
    with state.held():
        state.write(Record(os.getpid(), "http://127.0.0.1:9999", "data"))
        assert running_url(Settings()) == "http://127.0.0.1:9999"
        assert running_url(Settings(api_port=8702)) == "http://127.0.0.1:8702", "said is said"
