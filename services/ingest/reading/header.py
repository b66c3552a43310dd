"""Where the header is, and which mark cuts its cells."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, takewhile

from ingest.reading.mapping import Rule, find_mapping
from ingest.refusal import RefusedError

DELIMITERS = (",", ";", "\t", "|", ":", "^", "~", "\x1f")
HEADER_LINES = 30
"""Lines among which the header is looked for."""
MAX_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class Search:
    """What tells a header apart from other lines, and how long it may be."""

    file_name: str
    rules: Sequence[Rule]
    max_line_bytes: int


def check_width(text: str, max_line_bytes: int) -> None:
    """Refuse a first line that would not fit into memory once it is cut into columns."""
    line = text.lstrip("\r\n").partition("\n")[0]
    if len(line) > max_line_bytes:
        raise RefusedError(
            "line_too_long",
            f"the header is longer than {max_line_bytes:,} bytes; export fewer columns",
        )
    widest = max(line.count(delimiter) for delimiter in DELIMITERS) + 1
    if widest > MAX_COLUMNS:
        raise RefusedError(
            "too_many_columns",
            f"the header has {widest:,} columns, more than {MAX_COLUMNS:,}; export fewer",
        )


@dataclass(frozen=True, slots=True)
class _Header:
    """A line that may name the columns, under one delimiter."""

    cells: list[str]
    delimiter: str
    lines: int
    """Lines up to its end, those above it included."""
    rank: int
    """What is known of the columns: 2 all that is needed, 1 what kind of file, 0 nothing."""


def find_header(text: str, search: Search) -> tuple[list[str], str, int]:
    """The header's cells, its delimiter and how many lines it takes, those above it included.

    The first line that names the columns we need counts, under whichever delimiter; without one,
    the first that names some, or else the first of those that are cut alike.
    """
    found = [header for delimiter in DELIMITERS
             for header in _headers(text, delimiter, search)]  # fmt: skip
    if not found:
        raise _broken_header(text)
    highest = max(header.rank for header in found)
    if highest == 0:
        best = _most_regular(found)
    else:
        best = min((header for header in found if header.rank == highest), key=_place)
    return best.cells, best.delimiter, best.lines


def _place(header: _Header) -> tuple[int, int]:
    """The first line first; there, what is cut into most cells."""
    return header.lines, -len(header.cells)


def _most_regular(found: Sequence[_Header]) -> _Header:
    """Of lines that name nothing known: the first of most lines that are cut alike, in at least
    two cells; where there are none, the first line."""
    counted = Counter((header.delimiter, len(header.cells)) for header in found)
    (delimiter, cells), lines = max(
        counted.items(), key=lambda item: (item[0][1] > 1, item[1], item[0][1])
    )
    alike = [one for one in found if (one.delimiter, len(one.cells)) == (delimiter, cells)]
    return min(alike if lines > 1 else found, key=_place)


def _headers(text: str, delimiter: str, search: Search) -> Iterator[_Header]:
    """The first lines, as far as they are sound CSV with this delimiter; blank ones are none."""
    reader = csv.reader(
        _bounded_lines(text, search.max_line_bytes),
        delimiter=delimiter, strict=True, skipinitialspace=True,
    )  # fmt: skip
    widest = rank = above = 0
    with suppress(csv.Error):
        for row in islice(reader, HEADER_LINES):
            if len(row) > MAX_COLUMNS:
                return
            filled = sum(bool(cell.strip()) for cell in row)
            if not filled or rank == 2:
                continue
            # below a row as wide as itself, a line is one of the rows: that one is no title, but
            # the second may be one of two that are the header
            above += 1
            is_header = filled > widest or (filled == widest and above == 2)
            rank = _rank(row, search) if is_header else 0
            widest = max(widest, filled)
            yield _Header(row, delimiter, reader.line_num, rank)


def _bounded_lines(text: str, longest: int) -> Iterator[str]:
    """The lines of a text up to one that is too long to be cut into cells."""
    return takewhile(lambda line: len(line) <= longest, io.StringIO(text, newline="\n"))


def header_of(text: str, search: Search) -> tuple[tuple[str, ...], int] | None:
    """The header and the lines up to its end, where it names all columns that are needed."""
    found = [one for mark in DELIMITERS for one in _headers(text, mark, search) if one.rank == 2]
    best = min(found, key=_place, default=None)
    return (tuple(best.cells), best.lines) if best else None


def _rank(cells: list[str], search: Search) -> int:
    try:
        find_mapping(cells, search.file_name, search.rules)
    except RefusedError as refusal:
        return 0 if refusal.reason == "unknown_columns" else 1
    return 2


def _broken_header(text: str) -> RefusedError:
    """Why no delimiter gives a header."""
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    try:
        next((row for row in reader if any(cell.strip() for cell in row)), None)
    except csv.Error as error:
        return RefusedError(
            "broken_header", f"the header in line {reader.line_num} is damaged ({error})"
        )
    return RefusedError(
        "empty_file", "the file has no header; its first line must name the columns"
    )


def told_above(text: str, lines: int) -> list[dict[str, str]]:
    """What stands above the header, up to a header of one line, is no row: say so."""
    above = [line.strip() for line in text.split("\n", lines)[: lines - 1] if line.strip()]
    if not above or '"' in "".join(above):
        return []
    told = f"The header is on line {lines}. Skipped above it: {above[0][:80]}"
    return [{"about": "lines_above", "text": told}]
