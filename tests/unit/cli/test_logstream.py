"""One log: every line says which service wrote it, once."""

import json
import re

import pytest

from rfm_cli.logstream import LogStream
from rfm_common.settings import Settings


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
