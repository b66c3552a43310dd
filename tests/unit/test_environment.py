"""`tools/environment.py` decides from files alone whether there is anything to do."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Ask = Callable[[str], str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose environment was never made."""
    for path in (ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
        shutil.copy(path, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    return tmp_path


@pytest.fixture
def ask(project: Path) -> Ask:
    """Evaluate an expression with the project's `environment` module."""

    def evaluate(expression: str) -> str:
        program = f"import environment; print({expression})"
        return subprocess.run(
            [sys.executable, "-c", program], cwd=project / "tools", check=True,
            capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    return evaluate


def make_ready(project: Path, ask: Ask) -> None:
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").symlink_to(sys.executable)
    (project / ".venv/environment").write_text(ask("environment.BASE.fingerprint()"))


def test_who_only_runs_it_needs_no_tools_of_development(project: Path, ask: Ask) -> None:
    make_ready(project, ask)
    assert ask("environment.RUN.is_ready()") == "False"
    (project / ".venv/environment-run").write_text(ask("environment.RUN.fingerprint()"))
    (project / ".venv/environment").unlink()
    assert ask("environment.main(['run'])") == "None", "there is nothing to do"
    assert "dev" not in ask("environment.RUN.groups")


def test_what_the_tools_of_development_are_added_to_is_not_made_twice(
    project: Path, ask: Ask
) -> None:
    make_ready(project, ask)
    assert ask("environment.main(['run'])") == "None", "all of the lock is more than is needed"


def test_a_new_requirement_of_a_service_is_installed(project: Path, ask: Ask) -> None:
    make_ready(project, ask)
    before = ask("environment.RUN.fingerprint()")
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace('"rich>=14"', '"rich>=15"'))
    assert ask("environment.RUN.fingerprint()") != before


def test_an_environment_is_ready_once_it_was_made_to_its_end(project: Path, ask: Ask) -> None:
    assert ask("environment.BASE.is_ready()") == "False"
    make_ready(project, ask)
    assert ask("environment.BASE.is_ready()") == "True"


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("requirements.lock", "alembic==", "alembic== "),
        ("pyproject.toml", 'description = "', 'description = "9'),
    ],
)
def test_it_is_made_again_when_what_it_comes_from_changes(
    project: Path, ask: Ask, file: str, before: str, after: str
) -> None:
    make_ready(project, ask)
    text = (project / file).read_text()
    (project / file).write_text(text.replace(before, after, 1))
    assert ask("environment.BASE.is_ready()") == "False"


def test_settings_of_tools_are_no_reason_to_make_it_again(project: Path, ask: Ask) -> None:
    make_ready(project, ask)
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n[tool.something]\nx = 1\n")
    assert ask("environment.BASE.is_ready()") == "True"


def test_a_python_that_was_removed_is_noticed(project: Path, ask: Ask) -> None:
    make_ready(project, ask)
    python = project / ".venv/bin/python"
    python.unlink()
    python.symlink_to(project / "gone")
    assert ask("environment.BASE.is_ready()") == "False"


def test_a_ready_environment_costs_no_installation(project: Path, ask: Ask) -> None:
    """Neither pip nor uv are in it: had anything been tried, the script would have failed."""
    make_ready(project, ask)
    done = subprocess.run(
        [sys.executable, project / "tools/environment.py"], check=True, capture_output=True
    )
    assert done.stdout == b""


def test_a_failed_installation_leaves_it_not_ready(project: Path, ask: Ask) -> None:
    """A lock without hashes: pip refuses it before it looks anywhere."""
    (project / "requirements.lock").write_text("uv==0.0.1\n")
    done = subprocess.run(
        [sys.executable, project / "tools/environment.py"], check=False, capture_output=True,
        text=True, env=os.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""},
    )  # fmt: skip
    assert done.returncode == 1
    assert "setting up the environment failed" in done.stderr
    assert ask("environment.BASE.is_ready()") == "False"


def test_uv_comes_with_the_version_and_the_hashes_of_the_lock(ask: Ask) -> None:
    first, *hashes = ask("environment.pinned_uv()").splitlines()
    assert re.fullmatch(r"uv==[0-9.]+ \\", first)
    assert hashes
    assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)
    assert not hashes[-1].endswith("\\")


def test_the_client_of_spark_is_asked_for_apart(project: Path, ask: Ask) -> None:
    """Its lock has a stamp of its own in the same folder: a change of one remakes that one."""
    make_ready(project, ask)
    assert ask("environment.ON_DEMAND['spark'].is_ready()") == "False"
    stamp = project / ".venv/environment-spark"
    stamp.write_text(ask("environment.ON_DEMAND['spark'].fingerprint()"))
    assert ask("environment.ON_DEMAND['spark'].is_ready()") == "True"
    (project / "requirements-spark.lock").write_text("")
    assert ask("environment.ON_DEMAND['spark'].is_ready()") == "False"
    assert ask("environment.BASE.is_ready()") == "True"


def test_the_servers_of_spark_are_in_a_folder_of_their_own(project: Path, ask: Ask) -> None:
    assert ask("environment.ON_DEMAND['cluster'].folder") == str(project / ".venv-cluster")


def test_an_unknown_environment_is_refused(project: Path, ask: Ask) -> None:
    make_ready(project, ask)
    done = subprocess.run(
        [sys.executable, project / "tools/environment.py", "sparc"], check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "there is no sparc: only run, spark, cluster\n"
