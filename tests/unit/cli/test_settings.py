"""`rfm settings`: what it lists."""

import io

import pytest
from rich.console import Console

from rfm_cli.commands.settings import settings_table, source, written

ROW = {
    "name": "window_days", "value": 90, "default": 365, "source": "stored",
    "variable": "RFM_WINDOW_DAYS", "allowed": "a whole number of days from 1 to 3650",
    "changed_by": "key:ops", "changed_at": "2026-11-27T08:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "key:ops"),
        ({"source": "environment", "changed_by": None}, "RFM_WINDOW_DAYS in the environment"),
        ({"source": "default", "changed_by": None}, "default"),
    ],
)
def test_who_decides_is_said(changed, words) -> None:
    assert source(ROW | changed) == words


@pytest.mark.parametrize(
    ("value", "text"), [(90, "90"), ("auto", "auto"), (["paid", "sent"], "paid, sent"),
                        ([], "-"), (None, "-")],
)  # fmt: skip
def test_values_are_written_as_one_would_type_them(value, text) -> None:
    assert written(value) == text


def test_a_row_has_all_that_is_needed_to_change_it() -> None:
    sink = io.StringIO()
    Console(file=sink, width=200).print(settings_table([ROW]))
    for word in ("window_days", "90", "key:ops", "365", "from 1 to 3650"):
        assert word in sink.getvalue()
