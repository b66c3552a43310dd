"""The `rfm` command as people meet it."""

import json
import os
import socket
import subprocess
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from rfm_cli.client import _client, base_url, running_url
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
    assert "API_PORT=70000: " in rfm("up", "--port", "70000").output


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


def test_commands_send_the_key_of_the_settings() -> None:
    def sent(settings: Settings) -> str | None:
        with _client(settings, "http://127.0.0.1:8701") as client:
            return client.headers.get("Authorization")

    assert sent(Settings()) is None
    assert sent(Settings(api_key=SecretStr("rfm_1_secret"))) == "Bearer rfm_1_secret"


def test_a_product_on_another_port_is_found_by_its_state_folder(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / ".rfm")
    with state.held():
        state.write(Record(os.getpid(), "http://127.0.0.1:9999", "data"))
        assert running_url(Settings()) == "http://127.0.0.1:9999"
        assert running_url(Settings(api_port=8702)) == "http://127.0.0.1:8702", "said is said"


def health(folder: str) -> dict[str, Any]:
    return {"status": "ok", "version": "9.9.9", "total_orders": 1234, "data_dir": folder}


@pytest.fixture
def somebody() -> Generator[tuple[int, list[str]]]:
    """A product of another folder: its port, and what it was asked."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            body = json.dumps(health("/other/data/input")).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = do_GET  # noqa: N815 - names of the library

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


@pytest.mark.parametrize(
    "arguments", [("status",), ("import", __file__), ("demo", "--remove"), ("score",)]
)
def test_a_product_on_the_default_port_is_not_taken_for_this_folders(
    arguments: tuple[str, ...],
    somebody: tuple[int, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    port, asked = somebody
    monkeypatch.setattr("rfm_cli.client.base_url", lambda _: f"http://127.0.0.1:{port}")
    done = rfm(*arguments)
    assert done.exit_code == 1
    assert f"RFM does not run on {tmp_path / '.rfm'}." in done.output
    assert f"The RFM at http://127.0.0.1:{port} watches /other/data/input." in done.output
    assert "API_PORT=N" in done.output
    assert asked == ["GET /health"]


def test_another_product_is_named_with_its_folder(
    somebody: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_PORT", str(somebody[0]))
    done = rfm("status")
    assert done.exit_code == 0
    note = f"note: this is the RFM at http://127.0.0.1:{somebody[0]}, which watches /other/data"
    assert done.stderr.startswith(note)


def test_a_product_of_this_folder_needs_no_note(
    somebody: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_PORT", str(somebody[0]))
    monkeypatch.setenv("DATA_DIR", "/other/data/input")
    assert rfm("status").stderr == ""


def test_status_as_json_has_version_and_address(
    somebody: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_PORT", str(somebody[0]))
    url = f"http://127.0.0.1:{somebody[0]}"
    assert json.loads(rfm("status", "--json").stdout) == {"url": url, **health("/other/data/input")}


def test_stop_without_a_product_says_so(tmp_path: Path) -> None:
    done = rfm("stop")
    assert done.exit_code == 0
    assert done.output == f"RFM does not run on {tmp_path / '.rfm'}\n"


def test_stop_does_not_signal_a_process_that_only_has_the_number(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    state = StateFolder(tmp_path / ".rfm")
    with state.held():
        state.write(Record(other.pid, "http://127.0.0.1:9999", "data"))
    assert "does not run" in rfm("stop").output
    assert other.poll() is None
    other.kill()
    other.wait()


def test_logs_show_the_last_lines(tmp_path: Path) -> None:
    (tmp_path / ".rfm").mkdir()
    (tmp_path / ".rfm" / "rfm.log").write_text("one\ntwo\nthree\n")
    assert rfm("logs", "-n", 2).output == "two\nthree\n"
    assert rfm("logs").output == "one\ntwo\nthree\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_to_complete(shell: str) -> None:
    done = rfm("completion", shell)
    assert done.exit_code == 0
    assert "_RFM_COMPLETE" in done.stdout


def test_completion_knows_commands_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_RFM_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "rfm st")
    monkeypatch.setenv("COMP_CWORD", "1")
    found = CliRunner().invoke(main, [], prog_name="rfm").output.split()
    assert {"plain,status", "plain,stop"} <= set(found)
