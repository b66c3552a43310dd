"""What leaves in the logs: one line per fact, and no address of anybody."""

import json
import logging
import sys

import pytest

from rfm_common.logs import JsonFormatter, TextFormatter, bound, masked

FORMATTERS = (TextFormatter("ingest"), JsonFormatter("ingest"))


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("rfm.test").makeRecord(
        "rfm.test", logging.INFO, __file__, 1, message, arguments, None, extra=extra
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anna@example.com", "***@***"),
        ("<anna.b+shop@mail.example.co.uk>, no", "<***@***>, no"),
        ("(email)=(anna@example.com) exists", "(email)=(***@***) exists"),
        ('C1,"o\'neil@example.com",DE', 'C1,"o\'***@***",DE'),
        ("josé@bücher.example", "***@***"),
        ("a@b.example c@d.example", "***@*** ***@***"),
        ("redis://:secret@127.0.0.1:6379", "redis://:secret@127.0.0.1:6379"),
        ("htmx.org@4.0.1", "htmx.org@4.0.1"),
        ("no address @ all", "no address @ all"),
    ],
)
def test_addresses_are_masked_and_little_else(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize("formatter", FORMATTERS, ids=lambda one: type(one).__name__)
def test_no_way_into_the_log_shows_an_address(formatter: logging.Formatter) -> None:
    """As message, argument, extra, nested extra, bound value, and inside an exception."""
    address = "anna@example.com"
    with bound(customer=address):
        try:
            raise ValueError(f"DETAIL: Key (email)=({address}) already exists.")
        except ValueError:
            given = record(f"line\n{address} %s", address, who=address, rows=[{"email": address}])
            given.exc_info = sys.exc_info()
        line = formatter.format(given)
    assert "anna" not in line
    assert line.count("***@***") >= 5
    assert "already exists" in line


def test_a_masked_line_is_still_json() -> None:
    entry = json.loads(FORMATTERS[1].format(record("a\nanna@example.com\t%s", "ü", rows=3)))
    assert entry["message"] == "a\n***@***\tü"
    assert entry["rows"] == 3


def test_no_text_forges_a_line() -> None:
    """A file may be called anything; an error still shows its traceback below."""
    name = "a\r\n12:00:00 ingest INFO loaded b.csv\x1b[2J"
    line = FORMATTERS[0].format(record("read %s", name, file=name))
    assert line.count("\n") == 0
    assert "\\r\\n12:00:00" in line
    assert "\x1b" not in line
    assert "größer – ok" in FORMATTERS[0].format(record("größer – ok"))


def test_a_long_line_is_masked_in_one_go() -> None:
    """Quadratic work would take hours here, and the test would time out."""
    text = "x" * 2_000_000 + "@"
    assert masked(text) == text
