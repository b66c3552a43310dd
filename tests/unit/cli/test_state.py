"""The state folder: one supervisor at a time, and what others can read about it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rfm_cli.state import AlreadyRunningError, Record, StateFolder, StateFolderError

URL = "http://127.0.0.1:8701"


def record(pid: int, **services: int) -> Record:
    return Record(pid, URL, "/shop/data", dict(services))


def test_a_second_supervisor_is_told_who_and_where(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / ".rfm")
    with state.held():
        state.write(record(os.getpid()))
        with pytest.raises(AlreadyRunningError) as refused, StateFolder(tmp_path / ".rfm").held():
            pass
    assert str(os.getpid()) in str(refused.value)
    assert URL in str(refused.value)


def test_another_folder_is_another_product(tmp_path: Path) -> None:
    with StateFolder(tmp_path / "a").held(), StateFolder(tmp_path / "b").held():
        pass


def test_the_lock_ends_with_its_holder_even_by_kill_9(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from rfm_cli.state import StateFolder\n"
        "with StateFolder(Path(sys.argv[1])).held(): print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(AlreadyRunningError), StateFolder(tmp_path).held():
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait(30)
    holder.stdout.close()
    with StateFolder(tmp_path).held():
        pass


def test_a_lock_is_free_again_after_use(tmp_path: Path) -> None:
    for _ in range(2):
        with StateFolder(tmp_path).held():
            pass


def test_what_was_written_is_read(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    written = record(os.getpid(), ingest=11, gateway=12)
    with state.held():
        state.write(written)
        assert state.record() == written
        assert state.running() == written
        state.forget()
    assert state.record() is None


def test_a_record_of_a_dead_supervisor_is_no_running_product(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(30)
    state = StateFolder(tmp_path)
    state.write(record(dead.pid))
    assert state.record() is not None, "the next start ends what it left"
    assert state.running() is None


def test_a_record_whose_number_is_another_process_now_is_no_running_product(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with state.held():
        state.write(record(os.getpid()))
    assert state.record() is not None
    assert state.running() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("given", [".", "stack.json"])
def test_what_another_user_wrote_is_not_believed(tmp_path: Path, given: str) -> None:
    """Root would send keys to the address that it names, and signals to its processes."""
    state = StateFolder(tmp_path)
    state.write(record(os.getpid()))
    os.chown(tmp_path / given, 65534, 65534)
    for ask in (state.record, state.running):
        with pytest.raises(StateFolderError, match="become that user"):
            ask()


@pytest.mark.parametrize("content", ["", '{"pid": 1', json.dumps({"pid": 1}), "[1, 2]", "null"])
def test_a_damaged_record_is_no_record(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)
    assert StateFolder(tmp_path).record() is None


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with (
        pytest.raises(StateFolderError, match="--state-dir"),
        StateFolder(tmp_path / "file").held(),
    ):
        pass
