"""Files without certain people: found by line where a file can be read, else as a whole."""

import errno
import io
import os
import secrets
import stat
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from ingest.folder import opened
from ingest.persons import Persons
from ingest.reading.containers.archives import unzipped
from ingest.reading.containers.kinds import HEAD, head_of, is_opaque, is_text
from ingest.reading.containers.sheets import SHEET
from ingest.reading.containers.source import Source, opened_source
from ingest.reading.reader import Layout, Options, scanned
from ingest.reading.scan import Rows
from ingest.reading.survey import pieces
from ingest.refusal import ChangedError, RefusedError

WIDEST = 2**28
MOST_HOLES = 1000
"""Holes of a file that are looked at."""
SLICE = 2**19
"""Bytes whose words are looked at at once: each takes far more room than its letters."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text of a file is got at."""

    name: str
    """As it was dropped."""
    options: Options


@dataclass(frozen=True, slots=True)
class Found:
    """Where in a file the persons are."""

    lines: frozenset[int] = frozenset()
    """The lines to take out."""
    is_anywhere: bool = False
    """They are named, and it cannot be told in which rows."""
    is_readable: bool = True
    """Damaged archives cannot be searched."""
    as_text: Reading | None = None
    """Of a file that is no text: what is kept of it is the table that was read, as CSV."""

    @property
    def nobody(self) -> bool:
        """Whether the file may stay as it is."""
        return not self.lines and not self.is_anywhere and not self.as_text


def find(path: Path, name: str, persons: Persons, options: Options) -> Found:
    """Look for the persons in a file that was dropped under this name. Reads all of it."""
    try:
        with _searched(path) as file:
            return _find(file, persons, Reading(name, options))
    except RefusedError:
        return Found(is_readable=False)


@contextmanager
def _searched(path: Path) -> Generator[BinaryIO]:
    """A kept file to read; raises RefusedError for one with a stretch of nothing."""
    with opened(path) as file:
        if _has_wide_hole(file.fileno()):
            raise RefusedError("sparse", "the file has a wide hole: it cannot be searched")
        yield file


def _has_wide_hole(descriptor: int) -> bool:
    """Whether a file has a stretch that was never written, of more than `WIDEST` bytes: no table
    has one, and reading the zeros would take minutes."""
    end, place = os.fstat(descriptor).st_size, 0
    hole = 0
    try:
        for _ in range(MOST_HOLES if end > WIDEST else 0):
            hole = os.lseek(descriptor, place, os.SEEK_HOLE)
            if hole >= end:
                return False
            place = os.lseek(descriptor, hole, os.SEEK_DATA)
            if place - hole > WIDEST:
                return True
    except OSError as error:
        return error.errno == errno.ENXIO and end - hole > WIDEST  # no data behind the last hole
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    return False


def _find(file: BinaryIO, persons: Persons, reading: Reading) -> Found:
    try:
        with opened_source(file, reading.options) as source:
            if source.is_text:
                planned = source.planned(reading.name, reading.options)
                return Found(frozenset(_lines(planned.file, planned.layout, persons)))
            return _found(file, source, persons, reading)
    except (RefusedError, ChangedError):
        return _roughly(file, persons)


def _found(file: BinaryIO, source: Source, persons: Persons, reading: Reading) -> Found:
    """The same in what was unpacked or converted, sheets that were not read included."""
    try:
        planned = source.planned(reading.name, reading.options)
        lines = frozenset(_lines(planned.file, planned.layout, persons))
    except RefusedError:
        return Found(is_anywhere=_named(source.text, persons) or _addressed(file, persons))
    others = len(source.parts) > 1 and _named(source.text, persons)
    if not lines and not others and not _addressed(file, persons):
        return Found()
    if any(question.about == SHEET for question in planned.layout.questions):
        return Found(is_anywhere=True)  # nobody knows yet which table is to be kept
    return Found(lines, as_text=reading)


def _named(text: BinaryIO, persons: Persons) -> bool:
    """Whether any table names one of the persons, also those that were not read."""
    return any(
        persons.named_in(pl.Series(piece.split("\n"), dtype=pl.String)).any()
        for piece in _texts(text)
    )


def _addressed(file: BinaryIO, persons: Persons) -> bool:
    """Whether a workbook holds an address of theirs anywhere, such as in a comment, or a part
    that cannot be searched."""
    if not zipfile.is_zipfile(file):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            texts = (piece.decode("utf-8", "replace") for member in archive.infolist()
                     for piece in unzipped(archive, member))  # fmt: skip
            return any(persons.addressed_in(pl.Series([text])).any() for text in texts)
    except (zipfile.BadZipFile, zlib.error, RuntimeError):
        return True


def _roughly(file: BinaryIO, persons: Persons) -> Found:
    """What can be said of a file whose rows are unknown."""
    if is_opaque(head_of(file)):
        return Found(is_readable=False)
    return Found(is_anywhere=_named(file, persons))


def _texts(file: BinaryIO) -> Iterator[str]:
    """The file in pieces that end where lines do; what is not UTF-8 is read byte by byte."""
    rest = b""
    for piece in pieces(file, SLICE):
        body = rest + piece
        cut = body.rfind(b"\n") + 1 or (len(body) if len(body) > 2 * SLICE else 0)
        rest = body[cut:]
        if body.strip(b"\0"):
            yield _decoded(body[:cut])
    yield _decoded(rest)


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _lines(file: BinaryIO, layout: Layout, persons: Persons) -> set[int]:
    """The lines of the persons' rows; of an order with several lines, all of them."""
    orders: set[str] = set()
    found: set[int] = set()
    for _ in range(2 if layout.mapping.line_items else 1):
        for rows, _position in scanned(file, layout):
            found |= _lines_of(rows, layout, persons, orders)
    return found


def _lines_of(rows: Rows, layout: Layout, persons: Persons, orders: set[str]) -> set[int]:
    columns, frame = layout.mapping.columns, rows.frame
    theirs = persons.addressed_in(frame["raw"])
    if (at := columns.get("customer_id")) is not None:
        theirs |= persons.among(frame[f"c{at}"].str.strip_chars())
    if layout.mapping.line_items and (at := columns.get("order_id")) is not None:
        ids = frame[f"c{at}"].str.strip_chars()
        orders.update(ids.filter(theirs))
        theirs |= ids.is_in(list(orders))
    gone = frame.filter(theirs)
    places = list(zip(gone["line"], gone["raw"].str.count_matches("\n", literal=True), strict=True))
    broken = pl.Series([raw for *_, raw in rows.rejects], dtype=pl.String)
    for (line, _, _, raw), is_theirs in zip(rows.rejects, persons.named_in(broken), strict=True):
        places += [(line, raw.count("\n"))] if is_theirs else []
    return {line + more for line, extra in places for more in range(extra + 1)}


def copy_without(path: Path, target: Path, found: Found) -> None:
    """Write a copy without these lines; it takes the place of `target` when it is whole."""
    partial = target.with_name(f".{secrets.token_hex(8)}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened(path) as file, _text_of(file, found) as text, _created(partial, file) as sink:
        text.seek(0)
        for number, line in enumerate(io.BufferedReader(cast("io.RawIOBase", text)), 1):
            if number not in found.lines:
                sink.write(line)
        sink.flush()
        os.fsync(sink.fileno())
    partial.replace(target)


def _created(partial: Path, like: BinaryIO) -> BinaryIO:
    """A new file that is open to nobody more than the one that it replaces."""
    status = os.fstat(like.fileno())
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with suppress(PermissionError):  # only root may give files away
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    return os.fdopen(descriptor, "wb")


@contextmanager
def _text_of(file: BinaryIO, found: Found) -> Generator[BinaryIO]:
    if found.as_text is None:
        yield file
        return
    with opened_source(file, found.as_text.options) as source:
        yield source.planned(found.as_text.name, found.as_text.options).file


def addresses(path: Path, name: str, persons: Persons, options: Options) -> set[str]:
    """The addresses that a file of customers has in the persons' rows."""
    try:
        with _searched(path) as file, opened_source(file, options) as source:
            planned = source.planned(name, options)
            return set().union(*_addresses(planned.file, planned.layout, persons))
    except (RefusedError, ChangedError):
        return set()


def _addresses(file: BinaryIO, layout: Layout, persons: Persons) -> Iterator[set[str]]:
    columns = layout.mapping.columns
    if "customer_id" not in columns or "email" not in columns:
        return
    for rows, _position in scanned(file, layout):
        ids = rows.frame[f"c{columns['customer_id']}"].str.strip_chars()
        theirs = rows.frame.filter(persons.among(ids))
        emails = theirs[f"c{columns['email']}"].str.strip_chars()
        yield set(emails.filter(emails.str.contains("@", literal=True)))


def may_hold(path: Path, needles: Sequence[bytes]) -> bool:
    """Whether a file might hold one of these words (lower case), told by its bytes alone.

    Yes also for what cannot be told so: words beyond ASCII, compressed files, UTF-16.
    """
    if not all(needle.isascii() for needle in needles):
        return True
    try:
        with opened(path) as file:
            return any(_bodies_hold(file, needles))
    except (RefusedError, PermissionError, FileNotFoundError):
        return False


def _bodies_hold(file: BinaryIO, needles: Sequence[bytes]) -> Iterator[bool]:
    """Piece by piece, each with the end of the one before: words may lie across."""
    longest, tail = max(map(len, needles)), b""
    for number, piece in enumerate(pieces(file)):
        yield number == 0 and (not is_text(piece[:HEAD]) or b"\0" in piece[:1024])
        body = tail + piece.lower()
        yield any(needle in body for needle in needles)
        tail = body[-longest:]
