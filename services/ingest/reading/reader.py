"""A CSV file, from open descriptor to batches of typed rows and rejects. No database here."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import polars as pl

from ingest.reading.body import NULL, Body, cut, has_escapes, tell_escapes, without_nulls
from ingest.reading.by_values import Table, by_values, is_row, nameless, tell_nameless, with_fitting
from ingest.reading.cents import with_cents
from ingest.reading.clock import with_clock
from ingest.reading.columns import Style
from ingest.reading.content_ids import with_ids
from ingest.reading.dates import DateOrder
from ingest.reading.doubts import are_orders, one_address
from ingest.reading.fields import broken_lines, structural, typed
from ingest.reading.flags import with_flags
from ingest.reading.guests import with_guests
from ingest.reading.header import DELIMITERS, Search, check_width, find_header, told_above
from ingest.reading.identity import tell_spellings
from ingest.reading.lines import asks_for_lines, with_lines
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.mapping import Rule, find_mapping
from ingest.reading.mending import Mended, mend
from ingest.reading.questions import Question
from ingest.reading.refunds import with_refunds
from ingest.reading.scan import Grammar, Rows
from ingest.reading.statuses import StatusCount, as_answered, asks_for_words, clean, own_words
from ingest.reading.structure import check_rows, have_open_end, without_other_lines
from ingest.reading.style import Known, Sample, decide, first_style, may_be_open
from ingest.reading.survey import Survey, decide_encoding, pieces, tell_encoding
from ingest.refusal import RefusedError
from rfm_common.models import Kind

VAGUE = ("unknown_columns", "missing_column")
"""Why names of columns do not tell enough."""
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

    def search(self, file_name: str) -> Search:
        """How to find the header of a file of this name."""
        return Search(file_name, self.rules, self.max_line_bytes)


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
    check_width(text, options.max_line_bytes)
    begun = _begin(file, _Beginning(survey, head, text), options.search(file_name), options.now)
    headers, body, sample, about_header = begun
    delimiter, lines = body.grammar.delimiter, body.first_line - 1
    mapping, asked = _named(headers, sample, file_name, options)
    below = [line for line in text.split("\n", lines + 20)[lines : lines + 20] if line.strip()]
    check_rows(below, mapping, len(headers), delimiter, "".join(DELIMITERS))
    if have_open_end(below, len(headers), delimiter):
        headers = [*headers, ""]
        mapping, asked = _named(headers, sample, file_name, options)
    mapping, questions = _understood(mapping, headers, sample, answers)
    style, about_signs = first_style(sample, mapping, answers, options.zone, options.now)
    layout = Layout(
        mapping=mapping,
        grammar=replace(body.grammar, cells=len(headers)),
        survey=survey,
        style=style,
        header_bytes=body.header_bytes,
        first_line=body.first_line,
        max_rows=options.max_rows,
        notes=_notes(survey, delimiter, mapping, [*tell_encoding(survey, text), *about_header]),
        headers=tuple(headers),
        questions=(*encoding_questions, *asked, *questions, *about_signs),
        counted_words=options.counted_words,
        asks_for_lines=asks_for_lines(mapping, answers),
        asks_for_words=asks_for_words(mapping, answers, options.counted_words),
    )
    layout = _with_style(file, layout, sample, options)
    return _with_words(file, layout, sample)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The beginning of a file."""

    survey: Survey
    head: bytes
    text: str


class _Begun(NamedTuple):
    """Its header, how its rows are written, the first of them, and what to tell."""

    headers: list[str]
    body: Body
    sample: list[list[str]]
    told: list[dict[str, str]]


def _begin(file: BinaryIO, begin: _Beginning, search: Search, now: datetime) -> _Begun:
    headers, delimiter, lines = find_header(begin.text, search)
    above = sum(map(len, islice(io.BytesIO(begin.head), lines))) + 3 * begin.survey.has_bom
    grammar = Grammar(len(headers), delimiter, search.max_line_bytes)
    body = Body(begin.survey, grammar, above, lines + 1)
    body = replace(body, grammar=replace(grammar, has_escapes=has_escapes(file, body)))
    sample = _sample(begin.text, body.grammar, lines)
    if not is_row(headers, sample, now):
        told = [*told_above(begin.text, lines), *tell_escapes(body.grammar)]
        return _Begun(headers, body, sample, told)
    body, sample, headers = _nameless(body, begin.head, [headers, *sample])
    told = [*tell_nameless(body.first_line), *tell_escapes(body.grammar)]
    return _Begun(headers, body, sample, told)


def _nameless(
    body: Body, head: bytes, rows: list[list[str]]
) -> tuple[Body, list[list[str]], list[str]]:
    """The body with the line that was taken for the header, the rows, and names for the columns."""
    tall = 1 + sum(cell.count("\n") for cell in rows[0])
    above = body.first_line - 1 - tall
    begins = sum(map(len, islice(io.BytesIO(head), above))) + 3 * body.survey.has_bom
    return replace(body, header_bytes=begins, first_line=above + 1), rows, nameless(len(rows[0]))


def _named(
    headers: list[str], sample: Sample, file_name: str, options: Options
) -> tuple[Meaning, tuple[Question, ...]]:
    """What names say of the columns, and where they do not tell, what values look like."""
    table = Table(headers, sample, options.now)
    answers = {**options.learned, **options.answers}
    try:
        mapping = with_fitting(find_mapping(headers, file_name, options.rules), table)
    except RefusedError as refusal:
        if refusal.reason not in VAGUE or any(rule.is_for(file_name) for rule in options.rules):
            raise
        return by_values(table, refusal, answers)
    if are_orders(mapping, table):
        with suppress(RefusedError):
            return by_values(table, RefusedError("missing_column", ""), answers)
    return mapping, one_address(mapping, table, answers)


def _understood(
    mapping: Meaning, headers: list[str], sample: Sample, answers: Mapping[str, str]
) -> tuple[Meaning, tuple[Question, ...]]:
    """The mapping with what names and the first rows say together, and what they leave open."""
    mapping = with_clock(mapping, headers, sample)
    mapping, about_ids = with_ids(mapping, headers, sample, answers)
    tell_spellings(mapping, sample)
    mapping = with_guests(as_answered(mapping, headers, answers), sample)
    mapping, about_lines = with_lines(mapping, headers, sample, answers)
    mapping = with_flags(mapping, headers, sample)
    mapping, about_refunds = with_refunds(mapping, headers, sample, answers)
    mapping = with_cents(mapping, headers, sample)
    return mapping, (*about_ids, *about_lines, *about_refunds)


def _with_rules(options: Options, file_name: str) -> Options:
    """The options with what mapping.toml says of files of this name; a person's answer for the
    file goes before it."""
    told = next((rule.answers for rule in options.rules if rule.is_for(file_name)), {})
    return replace(options, answers={**told, **options.answers})


def _sample(text: str, grammar: Grammar, lines: int) -> list[list[str]]:
    """The first rows after the header, as far as they can be read at all."""
    reader = csv.reader(
        io.StringIO(text[: 2**18], newline="\n"), delimiter=grammar.delimiter,
        skipinitialspace=True, escapechar="\\" if grammar.has_escapes else None,
    )  # fmt: skip
    rows: list[list[str]] = []
    with suppress(csv.Error):
        for row in islice(reader, SAMPLED):
            if reader.line_num > lines:
                rows.append(["" if cell == NULL else cell for cell in row])  # noqa: PERF401 - what
                # was read before an error stays
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
            raise RefusedError(
                "too_many_rows", f"the file has more than {layout.max_rows:,} rows; split it"
            )
        rejects = (
            pl.concat([structural(rows.rejects), good.rejects]) if rows.rejects else good.rejects
        )
        cut = broken_lines(rows.rejects, layout.mapping, layout.style, layout.grammar.delimiter)
        broken = pl.concat([good.broken, cut])
        yield Batch(good.rows, rejects, rows.count, at, broken, good.left_out, rows.mended)


def scanned(file: BinaryIO, layout: Layout) -> Iterator[tuple[Rows, int]]:
    """The rows after the header with the position reached; checks the hash at the end."""
    body = Body(layout.survey, layout.grammar, layout.header_bytes, layout.first_line)
    for rows, at in cut(file, body):
        mended = mend(rows, layout.mapping, layout.grammar)
        yield (without_nulls(mended) if b"\\" in layout.survey.has else mended), at
