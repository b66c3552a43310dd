"""The rows of a file, cut into cells piece by piece, and what MySQL writes into cells."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import polars as pl

from ingest.reading.encodings import Encoding
from ingest.reading.mending import BARE_QUOTE
from ingest.reading.scan import Grammar, Rows, Scanner
from ingest.reading.survey import Survey, pieces
from ingest.refusal import ChangedError, RefusedError

NULL, ESCAPE = r"\N", b'\\"'
"""How MySQL and PostgreSQL write that a cell has no value, and MySQL a quote within quotes."""

MOST_LINES = 200_000
"""Lines that are read at once: short ones that are no rows take far more room than their bytes."""


def without_nulls(rows: Rows) -> Rows:
    """The rows with blank cells where they say NULL; between quotes it is text."""
    is_text = pl.col("raw").str.contains(f'"{NULL}"', literal=True)
    cells = pl.col(r"^c[0-9]+$")
    frame = rows.frame.with_columns(pl.when(is_text).then(cells).otherwise(cells.replace(NULL, "")))
    return replace(rows, frame=frame)


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of a file and how they are written."""

    survey: Survey
    grammar: Grammar
    header_bytes: int
    first_line: int


def cut(file: BinaryIO, body: Body) -> Iterator[tuple[Rows, int]]:
    """The rows with the position reached. Raises RefusedError for damage that leaves row ends
    unknown, and ChangedError when the bytes are not those of the survey."""
    scanner = Scanner(body.grammar, body.first_line)
    digest, at = hashlib.sha256(), 0
    rest = b""
    for piece in pieces(file):
        digest.update(piece)
        text = rest + (piece if at else piece[body.header_bytes :])
        at += len(piece)
        end = text.rfind(b"\n") + 1 if at < body.survey.size else len(text)
        rest = text[end:]
        if len(rest) > body.grammar.max_line_bytes:
            scanner.too_long()
        for lines, is_last in slices(text[:end]):
            whole = _decoded(lines, body.survey.encoding, scanner.line)
            yield scanner.feed(whole, final=is_last and at >= body.survey.size), at
    if digest.hexdigest() != body.survey.sha256:
        raise ChangedError


def slices(body: bytes) -> Iterator[tuple[bytes, bool]]:
    """Whole lines in slices of at most MOST_LINES, and whether it is the last one."""
    halves = [body]
    while halves:
        lines = halves.pop()
        middle = lines.find(b"\n", len(lines) // 2) + 1
        if middle in (0, len(lines)):
            middle = lines.rfind(b"\n", 0, len(lines) // 2) + 1
        if 0 < middle < len(lines) and lines.count(b"\n") > MOST_LINES:
            halves += [lines[middle:], lines[:middle]]
        else:
            yield lines, not halves


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


def has_escapes(file: BinaryIO, body: Body) -> bool:
    """Whether quotes within quotes have a backslash: where that alone makes sense of all rows."""
    if ESCAPE not in body.survey.has or _is_sound(file, body):
        return False
    return _is_sound(file, replace(body, grammar=replace(body.grammar, has_escapes=True)))


def _is_sound(file: BinaryIO, body: Body) -> bool:
    try:
        return not any(reason == BARE_QUOTE for rows, _ in cut(file, body)
                       for _, reason, _, _ in rows.rejects)  # fmt: skip
    except RefusedError:
        return False


def tell_escapes(grammar: Grammar) -> list[dict[str, str]]:
    """What the import says of quotes that are written with a backslash."""
    text = 'Quotes within quotes are written with a backslash (\\"), as MySQL does: read as quotes.'
    return [{"about": "quotes", "text": text}] if grammar.has_escapes else []
