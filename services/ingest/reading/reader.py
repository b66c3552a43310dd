"""A CSV file, from open descriptor to batches of typed rows and rejects. No database here."""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, BinaryIO

import polars as pl

from ingest.reading.amounts import AmountVotes
from ingest.reading.columns import Style
from ingest.reading.dates import DateOrder, DateVotes
from ingest.reading.fields import structural, typed
from ingest.reading.lines import with_lines
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.mapping import Rule, find_mapping
from ingest.reading.questions import Question
from ingest.reading.scan import Grammar, Rows, Scanner
from ingest.reading.survey import Survey, pieces
from ingest.refusal import ChangedError, RefusedError
from rfm_common.models import Kind

DELIMITERS = (",", ";", "\t", "|")
SAMPLED = 2000
"""Rows that are looked at before the whole file is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings that reading depends on."""

    zone: str = "UTC"
    date_order: DateOrder = "dmy"
    max_rows: int = 100_000_000
    max_line_bytes: int = 2**20
    rules: Sequence[Rule] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    """What a person decided for this file or for files of its header: `Question.about`: value."""
    learned: Mapping[str, str] = field(default_factory=dict)
    """What earlier files of this header proved, by the same keys; an answer goes before it."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a file is to be read, decided before the first row."""

    mapping: Meaning
    grammar: Grammar
    survey: Survey
    style: Style
    header_bytes: int
    """Bytes before the first row, in the file's own encoding."""
    first_line: int
    max_rows: int
    notes: dict[str, Any]
    """What the import says about the file."""
    headers: tuple[str, ...] = ()
    """The names of the columns as the file writes them."""
    questions: tuple[Question, ...] = ()
    """What only a person can tell; a file with any is held, not loaded."""
    learned: dict[str, str] = field(default_factory=dict)
    """What this file proves about its source: `Question.about`: value."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one piece of the file."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    count: int
    """Rows in the piece, good and bad."""
    bytes_read: int
    """Bytes of the file read so far."""


def plan(file: BinaryIO, file_name: str, survey: Survey, options: Options) -> Layout:
    """Read the header, and where needed the values, to decide how to read the file."""
    head = next(pieces(file)).removeprefix(b"\xef\xbb\xbf")
    text = head.decode("utf-8" if survey.encoding == "utf-8" else "cp1252", "ignore")
    headers, delimiter, lines = _header(text, file_name, options)
    answers = {**options.learned, **options.answers}
    sample = _sample(text, delimiter, lines)
    mapping = find_mapping(headers, file_name, options.rules, sample, answers)
    mapping, questions = with_lines(mapping, headers, sample, answers)
    header_text = "".join(io.StringIO(text, newline="\n").readlines()[:lines]) if lines else ""
    layout = Layout(
        mapping=mapping,
        grammar=Grammar(len(headers), delimiter, options.max_line_bytes),
        survey=survey,
        style=Style(zone=options.zone, date_order=options.date_order, now=options.now),
        header_bytes=len(header_text.encode(_codec(survey))) + 3 * survey.has_bom,
        first_line=lines + 1,
        max_rows=options.max_rows,
        notes=_notes(survey, delimiter, mapping),
        headers=tuple(headers),
        questions=questions,
    )
    return _with_style(file, layout, options) if _needs_votes(layout) else layout


def _codec(survey: Survey) -> str:
    return "utf-8" if survey.encoding == "utf-8" else "cp1252"


def _header(text: str, file_name: str, options: Options) -> tuple[list[str], str, int]:
    """The header's cells, its delimiter and how many lines it takes, blank ones before included."""
    best: tuple[list[str], str, int] | None = None
    for delimiter in DELIMITERS:
        found = _cells_of_header(text, delimiter)
        try:
            find_mapping(found[0], file_name, options.rules)
        except RefusedError:
            best = (
                best if best and len(best[0]) >= len(found[0]) else (found[0], delimiter, found[1])
            )
            continue
        return found[0], delimiter, found[1]
    if best is None:
        raise RefusedError("empty_file", "the file has no header")
    return best


def _cells_of_header(text: str, delimiter: str) -> tuple[list[str], int]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                return row, reader.line_num
    except csv.Error as error:
        raise RefusedError("broken_header", f"line {reader.line_num}: {error}") from error
    raise RefusedError("empty_file", "the file has no header")


def _sample(text: str, delimiter: str, lines: int) -> list[list[str]]:
    """The first rows after the header, as far as they can be read at all."""
    reader = csv.reader(io.StringIO(text[: 2**18], newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    with suppress(csv.Error):
        for row in islice(reader, SAMPLED):
            if reader.line_num > lines:
                rows.append(row)  # noqa: PERF401 - what was read before an error stays
    return rows


def _notes(survey: Survey, delimiter: str, mapping: Meaning) -> dict[str, Any]:
    notes: dict[str, Any] = {
        "encoding": survey.encoding,
        "delimiter": delimiter,
        "mapping": mapping.source,
        "ignored_columns": mapping.ignored,
        "told": [*mapping.told],
        "no_final_newline": not survey.ends_with_newline,
    }
    if mapping.kind is Kind.ORDERS:
        defaults = {"currency": "the shop's base currency", "status": "completed"}
        notes["defaults"] = {
            name: default for name, default in defaults.items() if name not in mapping.fields
        }
    return notes


def _needs_votes(layout: Layout) -> bool:
    """Whether some value might be read in two ways, judged by the bytes that occur at all."""
    has = layout.survey.has
    if layout.grammar.delimiter == ",":
        return b"/" in has or b'"' in has
    return b"/" in has or b"," in has or layout.grammar.delimiter == ";"


def _with_style(file: BinaryIO, layout: Layout, options: Options) -> Layout:
    """Let all values of the file say how its dates and amounts are written."""
    dates, amounts = DateVotes(), AmountVotes()
    mapping = layout.mapping
    amount_cells = [
        mapping.columns.get("order_amount"),
        mapping.columns.get("rate"),
        *(mapping.product or ()),
    ]
    date_cells = [mapping.columns.get(name) for name in ("order_date", "created_at", "valid_from")]
    for rows, _ in scanned(file, layout):
        for index in (index for index in date_cells if index is not None):
            dates.count(rows.frame[f"c{index}"])
        for index in (index for index in amount_cells if index is not None):
            amounts.count(rows.frame[f"c{index}"])
    _check_votes(dates, amounts)
    order, amount = dates.order(options.date_order), amounts.style(layout.grammar.delimiter)
    notes: dict[str, Any] = {"decimal_comma": amount.decimal == ","}
    if dates.dmy or dates.mdy or dates.either:
        notes |= {"date_order": order, "date_order_ambiguous": dates.is_ambiguous}
    return replace(
        layout, style=replace(layout.style, date_order=order, amounts=amount),
        notes=layout.notes | notes,
    )  # fmt: skip


def _check_votes(dates: DateVotes, amounts: AmountVotes) -> None:
    if dates.contradicts_itself:
        raise RefusedError(
            "mixed_date_order",
            f"{dates.dmy} dates are day/month/year and {dates.mdy} are month/day/year",
        )
    if amounts.contradicts_itself:
        raise RefusedError(
            "mixed_decimals",
            f"{amounts.point} amounts have a decimal point and {amounts.comma} a decimal comma",
        )


def batches(file: BinaryIO, layout: Layout) -> Iterator[Batch]:
    """Read all rows in order. Raises RefusedError for damage that leaves row ends unknown, and
    ChangedError when the bytes are not those of the survey."""
    total = 0
    for rows, at in scanned(file, layout):
        good = typed(rows.frame, layout.mapping, layout.style)
        total += rows.count
        if total > layout.max_rows:
            raise RefusedError("too_many_rows", f"the file has more than {layout.max_rows} rows")
        rejects = (
            pl.concat([structural(rows.rejects), good.rejects]) if rows.rejects else good.rejects
        )
        yield Batch(good.rows, rejects, rows.count, at)


def scanned(file: BinaryIO, layout: Layout) -> Iterator[tuple[Rows, int]]:
    """The rows after the header with the position reached; checks the hash at the end."""
    scanner = Scanner(layout.grammar, layout.first_line)
    codec, digest, at = _codec(layout.survey), hashlib.sha256(), 0
    rest = b""
    for piece in pieces(file):
        digest.update(piece)
        body = rest + (piece if at else piece[layout.header_bytes :])
        at += len(piece)
        cut = body.rfind(b"\n") + 1 if at < layout.survey.size else len(body)
        rest = body[cut:]
        if len(rest) > layout.grammar.max_line_bytes:
            scanner.too_long()
        yield scanner.feed(body[:cut].decode(codec), final=at >= layout.survey.size), at
    if digest.hexdigest() != layout.survey.sha256:
        raise ChangedError
