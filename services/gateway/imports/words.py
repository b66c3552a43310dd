"""What ingest noted about a file, in words for its page. Pure."""

from datetime import datetime
from typing import Any

from gateway.imports.schemas import ImportDetail
from gateway.kit.numbers import Numbers
from rfm_common.models import ImportState

ELSEWHERE = ("seconds", "told", "statuses", "guests")
"""Notes that the page shows elsewhere, or not at all."""
LABELS = {
    "mapping": "Recognised by",
    "defaults": "Assumed",
    "decimal_comma": "Decimal mark",
    "ignored_columns": "Columns not read",
    "no_final_newline": "Line break at the end",
    "undone_at": "Undone",
}
"""Notes whose name does not say it."""
TEXTS = {
    ("mapping", "own columns"): "the names of its columns",
    ("decimal_comma", True): "comma",
    ("no_final_newline", True): "none",
    ("date_order", "dmy"): "day, month, year",
    ("date_order", "mdy"): "month, day, year",
    ("delimiter", "\t"): "tab",
}
COLUMN_REASONS = (
    "unknown_columns", "missing_column", "duplicate_column", "no_dates", "bad_mapping",
    "broken_header", "damaged_ids",
)  # fmt: skip
"""Refusals that are about columns."""


def sentence(text: str) -> str:
    """A note or message of ingest as a sentence."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def describe(notes: dict[str, Any], numbers: Numbers) -> list[tuple[str, str]]:
    """What was found out about a file, as label and text; what says nothing is left out."""
    return [
        (LABELS.get(name) or name.replace("_", " ").capitalize(), _fact(name, value, numbers))
        for name, value in notes.items()
        if value and name not in ELSEWHERE
    ]


def _fact(name: str, value: object, numbers: Numbers) -> str:
    if name.endswith("_at"):
        return numbers.moment(datetime.fromisoformat(str(value)))
    if isinstance(value, str | bool) and (name, value) in TEXTS:
        return TEXTS[name, value]
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def next_step(file: ImportDetail) -> tuple[str, str] | None:
    """What helps with a file that was refused: words and where they lead."""
    if file.state is not ImportState.QUARANTINED:
        return None
    if file.reason in COLUMN_REASONS:
        return "Which columns are read", "/dashboard/help#files"
    if file.reject_groups:
        return "Show the rows", "#rejects"
    return "Drop it again", "#again"
