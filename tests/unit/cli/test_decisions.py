"""Deciding in a terminal: what is asked, what is passed on, and the exit code."""

import json

import httpx
import pytest
from click.testing import CliRunner

from rfm_cli import remote
from rfm_cli.main import main

QUESTION = {
    "about": "rejects", "text": "4 of 16 rows have a problem: import the other 12?",
    "found": "4 of 16 rows were rejected", "proposal": "load_good",
    "choices": [{"value": "load_good", "label": "Import"}, {"value": "refuse", "label": "Refuse"}],
}  # fmt: skip
HELD = {"import_id": 7, "file_name": "a.csv", "state": "needs_decision", "questions": [QUESTION]}


COPY = {"import_id": 8, "file_name": "a.csv", "state": "duplicate"}


class Product:
    """Answers as the gateway does about one file that waits."""

    def __init__(self) -> None:
        self.decided: list[remote.Json] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.decided.append(json.loads(request.content))
        row = HELD | ({"state": "loaded_with_rejects"} if self.decided else {})
        if request.url.path == "/imports/8":
            row = COPY | {"duplicate_of": 7}
        return httpx.Response(200, json=row)

    def settle(self, answers: dict[str, str] | None, row: remote.Json | None = None) -> remote.Json:
        with httpx.Client(transport=httpx.MockTransport(self), base_url="http://rfm") as client:
            return remote.settle(client, row or HELD, lambda _row: answers, remember=True)


def test_an_answer_is_passed_on_and_the_outcome_told() -> None:
    product = Product()
    row = product.settle({"rejects": "load_good"})
    assert row["state"] == "loaded_with_rejects"
    assert product.decided == [{"answers": {"rejects": "load_good"}, "remember": True}]


def test_a_copy_of_a_file_that_waits_is_decided_there() -> None:
    product = Product()
    row = product.settle({"rejects": "load_good"}, COPY)
    assert (row["import_id"], row["state"]) == (7, "loaded_with_rejects")


def test_a_file_that_nobody_answers_waits_on() -> None:
    product = Product()
    assert product.settle(None)["state"] == "needs_decision"
    assert not product.decided


def test_a_question_shows_what_was_found_and_its_choices() -> None:
    assert remote.question_text(QUESTION).splitlines() == [
        "4 of 16 rows have a problem: import the other 12?",
        "  found: 4 of 16 rows were rejected",
        "  load_good: Import (proposed)",
        "  refuse: Refuse",
    ]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["loaded", "duplicate"], 0),
        (["loaded", "needs_decision"], 3),
        (["loaded_with_rejects"], 3),
        (["needs_decision", "quarantined"], 1),
    ],
)
def test_the_exit_code_tells_in_part_from_refused(states: list[str], code: int) -> None:
    assert remote.exit_code([{"state": state} for state in states]) == code


def test_an_answer_without_a_value_is_refused() -> None:
    done = CliRunner().invoke(main, ["import", __file__, "--answer", "rejects"])
    assert done.exit_code == 2
    assert "is not ABOUT=VALUE" in done.output
