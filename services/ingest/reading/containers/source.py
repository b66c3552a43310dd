"""A dropped file of any format as text for the reader."""

import hashlib
import zlib
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from ingest.reading.containers import apart, archives
from ingest.reading.containers import members as members_of
from ingest.reading.containers.cells import Part
from ingest.reading.containers.kinds import Format, format_of, head_of
from ingest.reading.containers.sheets import Choosing, chosen
from ingest.reading.reader import Layout, Options, plan
from ingest.reading.survey import PIECE, Survey, pieces, survey
from ingest.refusal import RefusedError

HEAD = 2**20
"""Bytes of a table among which its header is looked for."""
MOST_TEXT = 4 * 2**30
"""Bytes of text that are made of a workbook or another file of values."""
TITLES = {
    Format.WORKBOOK: "a workbook",
    Format.MARKUP: "the tables of a web page or XML workbook",
    Format.JSON: "JSON: record N is line N + 1",
    Format.PARQUET: "Parquet: record N is line N + 1",
}

_UTF16 = {Format.UTF_16_LE: "utf-16-le", Format.UTF_16_BE: "utf-16-be"}

Told = dict[str, str]


@dataclass(frozen=True, slots=True)
class Planned:
    """A table of a dropped file as text, and how to read it."""

    file: BinaryIO
    layout: Layout


@dataclass(frozen=True, slots=True)
class Source:
    """A dropped file, and the text that was made of it."""

    text: BinaryIO
    """The file itself where it is text."""
    scratch: Path | None = None
    dropped_sha256: str | None = None
    """Of the dropped bytes, where they are not the text."""
    parts: Sequence[Part] = ()
    """The tables in the text; none where all of it is one."""
    told: tuple[Told, ...] = ()
    _opened: ExitStack = field(default_factory=ExitStack)
    _surveys: dict[BinaryIO, Survey] = field(default_factory=dict)
    _joined: dict[tuple[str, ...], BinaryIO] = field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        """Whether the dropped file is read as it is."""
        return self.dropped_sha256 is None

    @property
    def sha256(self) -> str:
        """Of the dropped bytes."""
        return self.dropped_sha256 or self._survey(self.text).sha256

    def planned(self, file_name: str, options: Options) -> Planned:
        """The table to read, as somebody decided, else the one whose header fits, and how.

        Raises RefusedError as `survey` and `plan` do.
        """
        choosing = self._choosing(file_name, options)
        file = self._file_of(choosing) if choosing else self.text
        try:
            layout = plan(file, file_name, self._survey(file), options)
        except RefusedError as refusal:
            raise _named(refusal, self.parts, choosing) from refusal
        if choosing is None and not self.told:
            return Planned(file, layout)
        told, questions = list(self.told), layout.questions
        if choosing:
            told, questions = [*told, *choosing.told], (*choosing.questions, *questions)
        notes = layout.notes | {"told": [*told, *layout.notes["told"]]}
        return Planned(file, replace(layout, notes=notes, questions=questions))

    def _choosing(self, file_name: str, options: Options) -> Choosing | None:
        if not self.parts:
            return None
        heads = [self._bytes(part.begin, min(part.end, part.begin + HEAD)) for part in self.parts]
        return chosen(self.parts, heads, file_name, options)

    def _survey(self, file: BinaryIO) -> Survey:
        if file not in self._surveys:
            self._surveys[file] = survey(file)
        return self._surveys[file]

    def _file_of(self, choosing: Choosing) -> BinaryIO:
        names = tuple(part.name for part, _ in choosing.parts)
        if len(self.parts) > 1 and names not in self._joined:
            self._joined[names] = self._copied(choosing)
        return self._joined.get(names, self.text)

    def _copied(self, choosing: Choosing) -> BinaryIO:
        """A file of the chosen tables; the header of all but the first becomes blank lines."""
        sink = _scratch(self._opened, self.scratch)
        for number, (part, lines) in enumerate(choosing.parts):
            at = part.begin
            if number:
                at += _length_of(self._bytes(at, min(part.end, at + HEAD)), lines)
                sink.write(b"\n" * lines)
            for begin in range(at, part.end, PIECE):
                sink.write(self._bytes(begin, min(begin + PIECE, part.end)))
        sink.flush()
        return sink

    def _bytes(self, begin: int, end: int) -> bytes:
        self.text.seek(begin)
        return self.text.read(end - begin)


def _named(refusal: RefusedError, parts: Sequence[Part], choosing: Choosing | None) -> RefusedError:
    """The same with the name of the sheet, where there are several."""
    if choosing is None or len(parts) == 1:
        return refusal
    return RefusedError(refusal.reason, f"{choosing.parts[0][0].name!r}: {refusal.message}")


def _length_of(text: bytes, lines: int) -> int:
    return sum(len(line) for line in text.splitlines(keepends=True)[:lines])


@contextmanager
def opened_source(file: BinaryIO, options: Options) -> Generator[Source]:
    """Get at the text of a file, in files without names that are gone afterwards.

    Raises RefusedError for what is damaged, protected, too large or no table.
    """
    found = format_of(head_of(file))
    if found is Format.OLD_MAC and any(b"\n" in piece for piece in pieces(file)):
        found = None  # a CR within the header
    if found is None:
        yield Source(file)
        return
    with ExitStack() as opened:
        source = Source(file, options.scratch, _sha256(file), _opened=opened)
        if unpacked := _unpacked(source, found, options.max_bytes):
            source = unpacked
            found = None if source.parts else _inner_format(source.text)
        yield _converted(source, found, options.max_bytes) if found else source


def _inner_format(file: BinaryIO) -> Format | None:
    """What an archive held; a workbook is welcome, another archive is not."""
    found = format_of(head_of(file))
    is_archive = found is Format.GZIP
    if found is Format.ZIP:
        with archives.open_zip(file) as archive:
            is_archive = not archives.is_workbook(archive)
    if is_archive:
        raise RefusedError(
            "archive_in_archive", "this is an archive within an archive; unpack it once"
        )
    return None if found is Format.OLD_MAC or found in _UTF16 else found


def _unpacked(source: Source, found: Format, most: int) -> Source | None:
    """The content of an archive; None for what is none."""
    told: list[str] = []
    file = source.text
    if found is Format.GZIP:
        sink = _scratch(source._opened, source.scratch)
        archives.write_bounded(archives.gunzipped(file, told), file, sink, most)
    elif found is Format.ZIP:
        with archives.open_zip(file) as archive:
            if archives.is_workbook(archive):
                return None
            found_in = archives.tables(archive)
            if len(found_in) > 1:
                return _several(source, archive, found_in, most)
            member = found_in[0]
            archives.check_size(member.file_size, member.compress_size, most)
            sink = _scratch(source._opened, source.scratch)
            archives.write_bounded(archives.unzipped(archive, member), file, sink, most)
            told.append(f"Read from the ZIP archive: {member.filename}.")
    elif found is Format.OLD_MAC:
        sink = _scratch(source._opened, source.scratch)
        archives.write_bounded(archives.with_newlines(file), file, sink, most)
        told.append("Lines end in CR alone (old Macintosh); each is read as a line.")
    elif found in _UTF16:
        sink = _scratch(source._opened, source.scratch)
        archives.write_bounded(archives.from_utf16(file, _UTF16[found]), file, sink, most)
        told.append("Read as UTF-16.")
    else:
        return None
    sink.flush()
    return replace(source, text=sink, told=tuple({"about": "file", "text": one} for one in told))


def _several(source: Source, archive: ZipFile, members: Sequence[ZipInfo], most: int) -> Source:
    sink = _scratch(source._opened, source.scratch)
    try:
        parts = members_of.unpack(archive, members, sink, most)
    except (zlib.error, BadZipFile, EOFError, NotImplementedError) as error:
        raise archives.damaged(error) from error
    sink.flush()
    text = f"The ZIP archive has {len(members)} files."
    return replace(source, text=sink, parts=parts, told=({"about": "file", "text": text},))


def _converted(source: Source, found: Format, most: int) -> Source:
    sink = _scratch(source._opened, source.scratch)
    form = Format.WORKBOOK if found is Format.ZIP else found
    parts = apart.convert(source.text, form, sink, min(most, MOST_TEXT))
    told = (*source.told, {"about": "file", "text": f"Read as {TITLES[form]}."})
    return replace(source, text=sink, parts=parts, told=told)


def _scratch(opened: ExitStack, folder: Path | None) -> BinaryIO:
    return cast("BinaryIO", opened.enter_context(TemporaryFile(dir=folder)))


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for piece in pieces(file):
        digest.update(piece)
    return digest.hexdigest()
