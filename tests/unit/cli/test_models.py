"""`rfm models`: what it lists."""

import io

import pytest
from rich.console import Console

from rfm_cli.commands.models import model_table, state

ROW = {
    "version": 3, "state": "published", "in_force": True, "is_pinned": False, "k": 2,
    "is_auto": False, "transform": "log1p", "rule": "promises", "reason": "4.1% less inertia",
    "segments": ["Champions", "Hibernating"], "created_at": "2026-11-27T08:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "in force"),
        ({"is_pinned": True}, "in force, pinned"),
        ({"in_force": False}, "published"),
        ({"in_force": False, "state": "refused"}, "refused"),
    ],
)
def test_the_state_of_a_version(changed: dict[str, object], words: str) -> None:
    assert state(ROW | changed) == words


def test_a_row_says_what_the_model_is_and_why_it_came() -> None:
    sink = io.StringIO()
    Console(file=sink, width=200).print(model_table([ROW | {"is_auto": True}]))
    for word in ("3", "2026-11-27", "2 (auto)", "Champions, Hibernating", "4.1% less inertia"):
        assert word in sink.getvalue()
