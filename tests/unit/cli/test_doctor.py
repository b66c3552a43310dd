"""`rfm doctor` with every server down: it says what it can, and what to do."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rfm_cli.doctor import machine
from rfm_cli.doctor.checks import fail, ok, warn, worst
from rfm_cli.main import main
from rfm_cli.processes import free_port


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def doctor(*arguments: str, **environment: str) -> Result:
        known = {"API_PORT": str(free_port()), **environment}
        return CliRunner().invoke(main, ["doctor", *arguments], env=known)

    return doctor


def test_before_the_first_start_nothing_is_wrong(run) -> None:
    result = run("--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["state"]) == (0, "warn")
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert (states["folder input"], states["port"]) == ("ok", "ok")
    assert (states["database"], states["redis"]) == ("warn", "warn")
    assert all(check["advice"] for check in found["checks"] if check["state"] != "ok")


def test_servers_of_your_own_that_are_away_are_a_failure(run) -> None:
    away = str(free_port())
    result = run(DB_HOST="127.0.0.1", DB_PORT=away, REDIS_URL=f"redis://127.0.0.1:{away}/0")
    assert result.exit_code == 1
    assert f"fail  database: No PostgreSQL answers at 127.0.0.1:{away}" in result.stdout
    assert "check REDIS_URL" in result.stdout


def test_a_folder_that_cannot_be_one_is_a_failure(run, tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("a file")
    result = run(DATA_DIR=str(tmp_path / "shop/input"))
    assert result.exit_code == 1
    assert f"fail  folder input: {tmp_path}/shop is a file" in result.stdout


def test_libraries_are_compared_with_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"click=={version('click')} \\\n    --hash=sha256:0\nnot-needed-here==1.0\n")
    assert machine.libraries(lock).state == "ok"
    lock.write_text("click==0.1 ; python_version < '3.12'\nclick==0.2 ; python_version > '3.11'\n")
    found = machine.libraries(lock)
    assert (found.state, "instead of 0.1 or 0.2" in found.found) == ("warn", True)
    assert machine.libraries(tmp_path / "none").state == "ok"


@pytest.mark.parametrize(("free", "state"), [(2**40, "ok"), (2**31, "warn"), (2**20, "fail")])
def test_a_full_disk_is_noticed(settings_at, monkeypatch, free, state) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _path: usage)
    assert {check.state for check in machine.disks(settings_at)} == {state}


def test_the_worst_decides() -> None:
    assert worst([]) == "ok"
    assert worst([ok("a", ""), warn("b", "", "do")]) == "warn"
    assert worst([fail("a", "", "do"), warn("b", "", "do")]) == "fail"


@pytest.fixture
def settings_at(tmp_path: Path):
    from rfm_common.settings import Settings  # noqa: PLC0415 - after chdir: no .env of the checkout

    return Settings(_env_file=None, input_dir=tmp_path / "input", state_dir=tmp_path / ".rfm")  # type: ignore[call-arg]
