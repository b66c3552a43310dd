"""A CSV file, from open descriptor to batches of typed rows and rejects. No database here."""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from ingest.reading.clock import with_clock
from ingest.reading.columns import Style
from ingest.reading.content_ids import with_ids
from ingest.reading.dates import DateOrder
from ingest.reading.encodings import Encoding
from ingest.reading.fields import broken_lines, structural, typed
from ingest.reading.guests import with_guests
from ingest.reading.identity import tell_spellings
from ingest.reading.lines import asks_for_lines, with_lines
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.mapping import Rule, find_mapping
from ingest.reading.mending import Mended, mend
from ingest.reading.questions import Question
from ingest.reading.refunds import with_refunds
from ingest.reading.scan import Grammar, Rows, Scanner
from ingest.reading.statuses import StatusCount, as_answered, asks_for_words, clean, own_words
from ingest.reading.structure import check_rows, have_open_end, without_other_lines
from ingest.reading.style import Known, Sample, decide, first_style, may_be_open
from ingest.reading.survey import Survey, decide_encoding, pieces, tell_encoding
from ingest.refusal import ChangedError, RefusedError
from rfm_common.models import Kind

DELIMITERS = (",", ";", "\t", "|", ":", "^", "~", "\x1f")
HEADER_LINES = 30
"""Lines among which the header is looked for."""
MAX_COLUMNS = 10_000
SAMPLED = 2000
"""Rows that are looked at before the whole file is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings that reading depends on."""

    zone: str = "UTC"
    date_order: DateOrder | None = None
    """What the operator says of dates that can be read in two ways."""
    max_rows: int = 100_000_000
    max_line_bytes: int = 2**20
    max_bytes: int = 16 * 2**30
    """Of what is unpacked or converted."""
    scratch: Path | None = None
    """The folder for what is unpacked or converted; None: the system's."""
    rules: Sequence[Rule] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    """What a person decided for this file or for files of its header: `Question.about`: value."""
    learned: Mapping[str, str] = field(default_factory=dict)
    """What earlier files of this header proved, by the same keys; an answer goes before it."""
    counted_words: frozenset[str] = frozenset()
    """The words of files for which orders count, where the operator lists them."""
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
    counted_words: frozenset[str] = frozenset()
    asks_for_lines: bool = False
    """Whether rows of one order behind the first ones are a question."""
    asks_for_words: bool = False
    """Whether a status that is not known is a question."""
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
    broken: pl.DataFrame
    """Of orders of several lines: those of the rejects, `order_id` and `line`."""
    left_out: pl.DataFrame
    """Values without which their rows are loaded: `column_name`, `line` and `value`."""
    mended: Mended = ()
    """Rows that are no sound CSV and were read all the same."""


def plan(file: BinaryIO, file_name: str, survey: Survey, options: Options) -> Layout:
    """Read the header, and where needed the values, to decide how to read the file."""
    options = _with_rules(options, file_name)
    answers = {**options.learned, **options.answers}
    survey, encoding_questions = decide_encoding(survey, answers.get("encoding"))
    head = next(pieces(file)).removeprefix(b"\xef\xbb\xbf")
    text = survey.encoding.decode_head(head)
    _check_width(text, options.max_line_bytes)
    headers, delimiter, lines = _header(text, file_name, options)
    sample = _sample(text, delimiter, lines)
    mapping = find_mapping(headers, file_name, options.rules)
    below = [line for line in text.split("\n", lines + 20)[lines : lines + 20] if line.strip()]
    check_rows(below, mapping, len(headers), delimiter, "".join(DELIMITERS))
    if have_open_end(below, len(headers), delimiter):
        headers = [*headers, ""]
        mapping = find_mapping(headers, file_name, options.rules)
    mapping = with_clock(mapping, headers, sample)
    mapping, about_ids = with_ids(mapping, headers, sample, answers)
    tell_spellings(mapping, sample)
    mapping = with_guests(as_answered(mapping, headers, answers), sample)
    mapping, questions = with_lines(mapping, headers, sample, answers)
    mapping, about_refunds = with_refunds(mapping, headers, sample, answers)
    style, about_signs = first_style(sample, mapping, answers, options.zone, options.now)
    layout = Layout(
        mapping=mapping,
        grammar=Grammar(len(headers), delimiter, options.max_line_bytes),
        survey=survey,
        style=style,
        header_bytes=sum(map(len, islice(io.BytesIO(head), lines))) + 3 * survey.has_bom,
        first_line=lines + 1,
        max_rows=options.max_rows,
        notes=_notes(
            survey, delimiter, mapping, [*tell_encoding(survey, text), *_told_above(text, lines)]
        ),
        headers=tuple(headers),
        questions=(*encoding_questions, *about_ids, *questions, *about_refunds, *about_signs),
        counted_words=options.counted_words,
        asks_for_lines=asks_for_lines(mapping, answers),
        asks_for_words=asks_for_words(mapping, answers, options.counted_words),
    )
    layout = _with_style(file, layout, sample, options)
    return _with_words(file, layout, sample)


def _with_rules(options: Options, file_name: str) -> Options:
    """The options with what mapping.toml says of files of this name; a person's answer for the
    file goes before it."""
    told = next((rule.answers for rule in options.rules if rule.is_for(file_name)), {})
    return replace(options, answers={**told, **options.answers})


def _check_width(text: str, max_line_bytes: int) -> None:
    """Refuse a first line that would not fit into memory once it is cut into columns."""
    line = text.lstrip("\r\n").partition("\n")[0]
    if len(line) > max_line_bytes:
        raise RefusedError("line_too_long", f"the header is longer than {max_line_bytes} bytes")
    widest = max(line.count(delimiter) for delimiter in DELIMITERS) + 1
    if widest > MAX_COLUMNS:
        raise RefusedError(
            "too_many_columns", f"the header has {widest} columns, more than {MAX_COLUMNS}"
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


def _header(text: str, file_name: str, options: Options) -> tuple[list[str], str, int]:
    """The header's cells, its delimiter and how many lines it takes, those above it included.

    The first line that names the columns we need counts, under whichever delimiter; without one,
    the first line that is not blank, under the delimiter that tells most.
    """
    found = [header for delimiter in DELIMITERS
             for header in _headers(text, delimiter, file_name, options)]  # fmt: skip
    if not found:
        raise _broken_header(text)
    readable = [header for header in found if header.rank == 2]
    first = min(header.lines for header in found)
    best = min(readable, key=lambda header: header.lines, default=None) or max(
        (header for header in found if header.lines == first),
        key=lambda header: (header.rank, len(header.cells)),
    )
    return best.cells, best.delimiter, best.lines


def _headers(text: str, delimiter: str, file_name: str, options: Options) -> Iterator[_Header]:
    """The first lines, as far as they are sound CSV with this delimiter; blank ones are none."""
    head = text if text.count("\n", 0, options.max_line_bytes) else text[: options.max_line_bytes]
    reader = csv.reader(
        io.StringIO(head, newline="\n"), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    widest = rank = 0
    with suppress(csv.Error):
        for row in islice(reader, HEADER_LINES):
            filled = sum(bool(cell.strip()) for cell in row)
            if not filled or rank == 2:
                continue
            # below a row as wide as itself, a line is one of the rows: that one is no title
            rank = _rank(row, file_name, options) if filled > widest else 0
            widest = max(widest, filled)
            yield _Header(row, delimiter, reader.line_num, rank)


def header_of(text: str, file_name: str, options: Options) -> tuple[tuple[str, ...], int] | None:
    """The header of text with commas, and the lines up to its end, where it names all columns
    that are needed."""
    found = (one for one in _headers(text, ",", file_name, options) if one.rank == 2)
    return next(((tuple(one.cells), one.lines) for one in found), None)


def _rank(cells: list[str], file_name: str, options: Options) -> int:
    try:
        find_mapping(cells, file_name, options.rules)
    except RefusedError as refusal:
        return 0 if refusal.reason == "unknown_columns" else 1
    return 2


def _broken_header(text: str) -> RefusedError:
    """Why no delimiter gives a header."""
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    try:
        next((row for row in reader if any(cell.strip() for cell in row)), None)
    except csv.Error as error:
        return RefusedError("broken_header", f"line {reader.line_num}: {error}")
    return RefusedError("empty_file", "the file has no header")


def _told_above(text: str, lines: int) -> list[dict[str, str]]:
    """What stands above the header, up to a header of one line, is no row: say so."""
    above = [line.strip() for line in text.split("\n", lines)[: lines - 1] if line.strip()]
    if not above or '"' in "".join(above):
        return []
    told = f"The header is on line {lines}. Skipped above it: {above[0][:80]}"
    return [{"about": "lines_above", "text": told}]


def _sample(text: str, delimiter: str, lines: int) -> list[list[str]]:
    """The first rows after the header, as far as they can be read at all."""
    reader = csv.reader(
        io.StringIO(text[: 2**18], newline="\n"), delimiter=delimiter, skipinitialspace=True
    )
    rows: list[list[str]] = []
    with suppress(csv.Error):
        for row in islice(reader, SAMPLED):
            if reader.line_num > lines:
                rows.append(row)  # noqa: PERF401 - what was read before an error stays
    return rows


def _notes(
    survey: Survey, delimiter: str, mapping: Meaning, told: list[dict[str, str]]
) -> dict[str, Any]:
    notes: dict[str, Any] = {
        "encoding": survey.encoding.name,
        "delimiter": delimiter,
        "mapping": mapping.source,
        "ignored_columns": mapping.ignored,
        "told": [*told, *mapping.told],
        "no_final_newline": not survey.ends_with_newline,
    }
    if mapping.kind is Kind.ORDERS:
        defaults = {"currency": "the shop's base currency", "status": "completed"}
        notes["defaults"] = {
            name: default for name, default in defaults.items() if name not in mapping.fields
        }
    return notes


def _with_words(file: BinaryIO, layout: Layout, sample: list[list[str]]) -> Layout:
    """Ask about statuses that nobody knows; where the first rows have any, all rows are counted."""
    at = layout.mapping.columns["status"] if layout.asks_for_words else None
    words = [row[at] for row in sample if at is not None and len(row) == layout.grammar.cells]
    if not StatusCount.of(clean(pl.Series(words, dtype=pl.String))).unknown(
        layout.mapping.statuses
    ):
        return layout
    count = StatusCount()
    for batch in batches(file, layout):
        count.add(own_words(batch.rows))
    return replace(layout, questions=layout.questions + count.questions(layout.mapping))


def _with_style(file: BinaryIO, layout: Layout, sample: Sample, options: Options) -> Layout:
    """Let all values of the file say how its dates and amounts are written, if any might be read
    in two ways."""
    if not may_be_open(sample, layout.mapping, layout.survey.has, layout.grammar.delimiter):
        return layout
    known = Known(
        options.answers, options.learned, options.date_order, layout.grammar.delimiter, options.now
    )
    decided = decide((rows for rows, _ in scanned(file, layout)), layout.mapping, known)
    style = replace(layout.style, date_order=decided.date_order, amounts=decided.amounts)
    notes = layout.notes | decided.notes | {"told": [*layout.notes["told"], *decided.told]}
    return replace(
        layout, style=style, notes=notes, learned=layout.learned | decided.learned,
        questions=(*layout.questions, *decided.questions),
    )  # fmt: skip


def batches(file: BinaryIO, layout: Layout) -> Iterator[Batch]:
    """Read all rows in order. Raises RefusedError for damage that leaves row ends unknown, and
    ChangedError when the bytes are not those of the survey."""
    total = 0
    for scanned_rows, at in scanned(file, layout):
        rows = without_other_lines(
            scanned_rows, layout.mapping, layout.headers, layout.grammar.delimiter
        )
        good = typed(rows.frame, layout.mapping, layout.style)
        total += rows.count
        if total > layout.max_rows:
            raise RefusedError("too_many_rows", f"the file has more than {layout.max_rows} rows")
        rejects = (
            pl.concat([structural(rows.rejects), good.rejects]) if rows.rejects else good.rejects
        )
        cut = broken_lines(rows.rejects, layout.mapping, layout.style, layout.grammar.delimiter)
        broken = pl.concat([good.broken, cut])
        yield Batch(good.rows, rejects, rows.count, at, broken, good.left_out, rows.mended)


def scanned(file: BinaryIO, layout: Layout) -> Iterator[tuple[Rows, int]]:
    """The rows after the header with the position reached; checks the hash at the end."""
    scanner = Scanner(layout.grammar, layout.first_line)
    digest, at = hashlib.sha256(), 0
    rest = b""
    for piece in pieces(file):
        digest.update(piece)
        body = rest + (piece if at else piece[layout.header_bytes :])
        at += len(piece)
        cut = body.rfind(b"\n") + 1 if at < layout.survey.size else len(body)
        rest = body[cut:]
        if len(rest) > layout.grammar.max_line_bytes:
            scanner.too_long()
        text = _decoded(body[:cut], layout.survey.encoding, scanner.line)
        rows = scanner.feed(text, final=at >= layout.survey.size)
        yield mend(rows, layout.mapping, layout.grammar), at
    if digest.hexdigest() != layout.survey.sha256:
        raise ChangedError


def _decoded(body: bytes, encoding: Encoding, line: int) -> str:
    """Raises RefusedError where a line contradicts what the lines before it spoke for."""
    try:
        return encoding.decode(body)
    except UnicodeDecodeError as error:
        at = line + body.count(b"\n", 0, error.start)
        raise RefusedError(
            "unknown_encoding",
            f"line {at} has bytes that {encoding.name} does not know, though the lines before it"
            " are in that encoding; save the file as UTF-8",
        ) from error
