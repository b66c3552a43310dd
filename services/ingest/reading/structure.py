"""Lines that are no rows: blank cells only, totals, footers, and the header once more."""

import csv
import re
from collections.abc import Sequence

import polars as pl

from ingest.reading.mapping import REQUIRED, Mapping
from ingest.reading.row_types import REASON as OTHER_TYPE
from ingest.reading.row_types import by_type
from ingest.reading.scan import Rows
from ingest.refusal import RefusedError

NO_ROWS = ("total_line", "footer_line", "repeated_header", OTHER_TYPE)
"""Reasons to list a line that do not speak against its file: it was never a row of its kind."""

_MESSAGES = {
    "total_line": "a line of totals, not a row",
    "footer_line": "a note below the table, not a row",
    "repeated_header": "the header once more, not a row",
}
_TOTAL = (
    r"(?i)^\W*(?:(?:grand|sub)?[ -]?totals?|sum|summe|gesamt(?:summe)?|zwischensumme|totale?"
    r"|suma|somme|итого|всего|合計|总计|合计|總計|합계)(?:\W|$)"
)
_FOOTER = (
    r"(?i)(?:\brecords?\b|record\(s\)|\brows?\b|\bentries\b|\bend of (?:report|file)\b"
    r"|\bseller id\b|\bgenerated (?:on|by|at)\b|\bexported (?:on|by|at)\b)"
)
_COUNT = r"(?i)^[0-9][0-9,. ]*+(?<= )(?:records?|record\(s\)|rows?|entries|orders?)(?:\W|$)"
"""How many rows there are, in the first cells: `2 | record(s) downloaded, | from | ...`."""


def without_other_lines(rows: Rows, mapping: Mapping, headers: Sequence[str], comma: str) -> Rows:
    """Take out the rows that are none: those of nothing but delimiters like blank lines, the
    others into the list of rejects."""
    frame, rejects, blank = rows.frame, list[tuple[int, str, str, str]](), 0
    empty = re.compile(rf'^[\s"{re.escape(comma)}]*$')
    for line, reason, message, raw in rows.rejects:
        if empty.match(raw):
            blank += 1
        else:
            rejects.append(_named(line, reason, message, raw, comma))
    suspects = _suspects(frame, mapping, headers)
    gone: dict[int, str] = {}
    for row in suspects.iter_rows(named=True):
        cells = [str(row[f"c{index}"]) for index in range(len(headers))]
        if what := _reason(cells, mapping, headers):
            gone[row["line"]] = what
            if what != "blank":
                rejects.append((row["line"], what, _MESSAGES[what], row["raw"]))
    blank += sum(reason == "blank" for reason in gone.values())
    kept = frame.filter(~pl.col("line").is_in(list(gone))) if gone else frame
    return by_type(Rows(kept, rejects, rows.blank + blank, rows.mended), mapping.row_types)


def _suspects(frame: pl.DataFrame, mapping: Mapping, headers: Sequence[str]) -> pl.DataFrame:
    """The few rows to look at one by one: those without a key or with that of the header, and
    those that lack something else and have the word for a total as their key."""
    required = [mapping.columns[name] for name in REQUIRED[mapping.kind] if name in mapping.columns]
    if not required:
        return frame.clear()
    key = pl.col(f"c{required[0]}")
    others = [pl.col(f"c{index}") == "" for index in mapping.columns.values()]
    found = frame.filter(pl.any_horizontal(*others, key == headers[required[0]]))
    return found.filter(
        key.is_in(["", headers[required[0]]]) | key.str.contains(_TOTAL) | key.str.contains(_FOOTER)
    )


def _reason(cells: list[str], mapping: Mapping, headers: Sequence[str]) -> str | None:
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return "blank"
    if [cell.lstrip(" ") for cell in cells] == list(headers):
        return "repeated_header"
    if re.match(_TOTAL, filled[0]) and _lacks(cells, mapping):
        return "total_line"
    return "footer_line" if len(filled) == 1 < len(headers) and _is_footer(filled[0]) else None


def _lacks(cells: list[str], mapping: Mapping) -> bool:
    """Whether no row of the file's kind could say so little."""
    names = ("customer_id", "order_date") if "order_date" in mapping.columns else ("email",)
    found = [mapping.columns[name] for name in names if name in mapping.columns]
    return bool(found) and all(not cells[index].strip() for index in found)


def _named(line: int, reason: str, message: str, raw: str, comma: str) -> tuple[int, str, str, str]:
    """A line with too few or too many cells, told as what it is."""
    filled = [cell.strip(' "') for cell in raw.split(comma) if cell.strip(' "')]
    if reason != "too_few_cells" or "\n" in raw or not filled:
        return line, reason, message, raw
    if len(filled) <= 2 and re.match(_TOTAL, filled[0]):
        reason = "total_line"
    elif re.match(_COUNT, " ".join(filled[:2])) or (len(filled) == 1 and _is_footer(filled[0])):
        reason = "footer_line"
    return line, reason, _MESSAGES.get(reason, message), raw


def _is_footer(text: str) -> bool:
    return re.search(_FOOTER, text) is not None and " " in text


def check_rows(lines: Sequence[str], mapping: Mapping, cells: int, comma: str, marks: str) -> None:
    """Say what is wrong where every row is cut otherwise than the header. `marks`: delimiters."""
    if not lines or any('"' in line for line in lines):
        return
    for mark in marks:
        if cells > 1 and all(comma not in line and line.count(mark) == cells - 1 for line in lines):
            raise RefusedError(
                "other_delimiter",
                f"the header is cut by {comma!r} and the rows by {mark!r};"
                " save the file with one delimiter",
            )
    amount = mapping.columns.get("order_amount")
    if comma == "," and amount is not None and all(
        _is_cut_amount(line.split(","), amount, cells) for line in lines
    ):  # fmt: skip
        raise RefusedError(
            "unquoted_decimal_comma",
            "the amounts have decimal commas and the cells are separated by commas as well;"
            " save the file with semicolons, or with quotes around the amounts",
        )


def _is_cut_amount(row: Sequence[str], amount: int, cells: int) -> bool:
    return (
        len(row) == cells + 1
        and re.fullmatch(r"\s*-?[0-9]+", row[amount]) is not None
        and re.fullmatch(r"[0-9]{2}\s*", row[amount + 1]) is not None
    )


def have_open_end(lines: Sequence[str], cells: int, comma: str) -> bool:
    """Whether every row ends with a delimiter, and so in an empty cell that the header lacks."""
    try:
        rows = list(csv.reader([line.rstrip("\r") for line in lines], delimiter=comma))
    except csv.Error:
        return False
    return bool(rows) and all(len(row) == cells + 1 and not row[-1] for row in rows)
