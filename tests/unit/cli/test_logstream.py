"""One log: every line says which service wrote it, once."""

import json
import logging
import re
from pathlib import Path

import pytest

from rfm_cli import logstream
from rfm_cli.logstream import LogFile, LogStream
from rfm_common.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".rfm").mkdir()
    return tmp_path / ".rfm"


def stream(log_format: str) -> LogStream:
    return LogStream(Settings(_env_file=None, log_format=log_format))


def test_a_service_that_names_itself_is_not_named_twice(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    line = b"12:30:01 ingest   INFO    loaded orders.csv import_id=3\n"
    stream("text")("ingest", line)
    assert capfdbinary.readouterr().err == line


def test_a_raw_line_gets_a_time_and_the_name(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    stream("text")("gateway", b"ImportError: no such module\n")
    shown = capfdbinary.readouterr().err.decode()
    assert re.fullmatch(r"\d\d:\d\d:\d\d gateway +ImportError: no such module\n", shown)


def test_bytes_that_are_no_text_are_shown_all_the_same(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    stream("text")("gateway", b"caf\xe9\n")
    assert "caf\ufffd\n" in capfdbinary.readouterr().err.decode()


def test_json_stays_json(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write = stream("json")
    write("scoring", b'{"service": "scoring", "message": "run finished"}\n')
    write("scoring", b"Traceback (most recent call last):\n")
    first, second = map(json.loads, capfdbinary.readouterr().err.splitlines())
    assert first == {"service": "scoring", "message": "run finished"}
    assert second["service"] == "scoring"
    assert second["message"] == "Traceback (most recent call last):"


def test_the_file_has_what_services_and_the_supervisor_say(folder: Path) -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    write = stream("text")
    write.take_own_lines()
    write("ingest", b"12:30:01 ingest   INFO    loaded orders.csv\n")
    logging.getLogger("rfm").warning("ingest ended")
    [own] = [handler for handler in root.handlers if handler not in before]
    root.removeHandler(own)
    first, second = LogFile(folder).last(10)
    assert first == "12:30:01 ingest   INFO    loaded orders.csv\n"
    assert "ingest ended" in second
    assert (folder / "rfm.log").stat().st_mode & 0o777 == 0o600


def test_the_last_lines_reach_into_the_file_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logstream, "_LARGEST", 20)
    file = LogFile(folder)
    for number in range(1, 6):
        file.write(f"line {number}\n")
    assert file.earlier.read_text() == "line 1\nline 2\nline 3\n"
    assert file.last(3) == ["line 3\n", "line 4\n", "line 5\n"]
    assert file.last(0) == []
    assert LogFile(folder / "nowhere").last(3) == []


def test_a_folder_that_is_gone_costs_the_line_and_nothing_else(tmp_path: Path) -> None:
    LogFile(tmp_path / "gone").write("a line\n")


def test_following_goes_on_into_the_next_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logstream, "_LARGEST", 20)
    file = LogFile(folder)
    file.write("line 0\n")
    lines = (f"line {number}\n" for number in range(1, 9))
    monkeypatch.setattr(logstream.time, "sleep", lambda _: file.write(next(lines)))
    more = LogFile(folder).more()
    assert [next(more) for _ in range(6)] == [f"line {number}\n" for number in range(1, 7)]
