"""Unpacking gzip and ZIP: one table each, within bounds."""

import codecs
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from ingest.reading.survey import pieces
from ingest.refusal import RefusedError

STEP = 2**20
"""Bytes unpacked at a time."""
FREE_SIZE = 2**30
"""Bytes up to which nobody asks how strongly a file was compressed."""
MOST_FOLD = 200
"""Beyond that size: no table is compressed more strongly."""
DOCUMENTS = {
    "Index/Document.iwa": ("numbers", "an Apple Numbers document; export it as CSV or Excel"),
    "Index.zip": ("numbers", "an Apple Numbers document; export it as CSV or Excel"),
    "word/document.xml": ("document", "a Word document; save its table as CSV or Excel"),
    "ppt/presentation.xml": ("document", "a presentation; save its table as CSV or Excel"),
}
"""Members by which a document is known that is no table."""
WORKBOOKS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
"""Members that only a workbook has."""

MOST_FILES = 100
"""Files of an archive that are looked at."""
_ABOUT = re.compile(r"(?i)(?:^|/)(?:read[ _-]?me|liesmich|lisezmoi|licen[cs]e|manifest)[^/]*$")

Pieces = Iterator[bytes]


def gunzipped(file: BinaryIO, told: list[str]) -> Pieces:
    """The content of all members; what follows them and is none is told."""
    unpacker = zlib.decompressobj(31)
    for piece in pieces(file):
        rest = piece
        while rest := rest.lstrip(b"\0") if unpacker.eof else rest:
            if unpacker.eof and not rest.startswith(b"\x1f"):
                told.append("What follows the compressed content was ignored.")
                return
            unpacker = zlib.decompressobj(31) if unpacker.eof else unpacker
            yield from _unpacked(unpacker, rest)
            rest = unpacker.unused_data
    if not unpacker.eof:
        raise EOFError("it ends too early")


def _unpacked(unpacker: "zlib._Decompress", packed: bytes) -> Pieces:
    piece = unpacker.decompress(packed, STEP)
    yield piece
    while len(piece) == STEP:
        piece = unpacker.decompress(unpacker.unconsumed_tail, STEP)
        yield piece


def with_newlines(file: BinaryIO) -> Pieces:
    """Lines that end in CR alone (old Macintosh), ended by LF."""
    return (piece.replace(b"\r", b"\n") for piece in pieces(file))


def from_utf16(file: BinaryIO, codec: str) -> Pieces:
    """Text with two bytes a character, in UTF-8."""
    decoder = codecs.getincrementaldecoder(codec)()
    file.seek(0, 2)
    size, at = file.tell(), 0
    for piece in pieces(file):
        at += len(piece)
        yield decoder.decode(piece, at >= size).removeprefix("\ufeff").encode()


def write_bounded(unpacked: Pieces, file: BinaryIO, sink: BinaryIO, most: int) -> None:
    """Write what comes out of an archive; raises RefusedError for damage and for bombs."""
    packed, size = file.seek(0, 2), 0
    try:
        for piece in unpacked:
            size += len(piece)
            check_size(size, packed, most)
            sink.write(piece)
    except (
        zlib.error, zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeError,
    ) as error:  # fmt: skip
        raise damaged(error) from error


def check_size(size: int, packed: int, most: int) -> None:
    """Refuse what is too much, before it fills the disk."""
    if size > most:
        raise RefusedError(
            "file_too_large",
            f"it has more than {most:,} bytes when it is unpacked; split the table",
        )
    if size > FREE_SIZE and size > MOST_FOLD * packed:
        raise RefusedError(
            "file_too_large",
            f"it grows more than {MOST_FOLD}-fold when it is unpacked, as no table does;"
            " unpack it and drop the table",
        )


def damaged(error: object) -> RefusedError:
    """An archive, or a workbook that is one, that cannot be unpacked."""
    return RefusedError(
        "damaged",
        f"it begins like an archive or a workbook, but is damaged ({error});"
        " copy or export it again, or save it as CSV",
    )


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """Read the directory of a ZIP archive; raises RefusedError when it has none."""
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise damaged(error) from error


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether a ZIP archive is a workbook; raises RefusedError for other documents."""
    names = set(archive.namelist())
    for member, (reason, message) in DOCUMENTS.items():
        if member in names:
            raise RefusedError(reason, f"the content is {message}")
    return not names.isdisjoint(WORKBOOKS)


def unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Pieces:
    """The content of a member."""
    with archive.open(member) as opened:
        while piece := opened.read(STEP):
            yield piece


def tables(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in a ZIP archive that are neither hidden, made by the system nor about it."""
    found = [info for info in archive.infolist() if _is_content(info)]
    found = [info for info in found if not _ABOUT.search(info.filename)] or found
    if not found:
        raise RefusedError(
            "empty_file",
            "the ZIP archive has no file in it; pack the table again, or drop it as it is",
        )
    if len(found) > MOST_FILES:
        raise too_many(found)
    if any(info.flag_bits & 1 for info in found):
        raise RefusedError(
            "encrypted", "the ZIP archive is protected by a password; unpack it and drop the table"
        )
    return found


def too_many(found: Sequence[zipfile.ZipInfo]) -> RefusedError:
    """Several files that are not all read as text."""
    names = ", ".join(info.filename for info in found[:5]) + (", ..." * (len(found) > 5))
    return RefusedError(
        "several_tables",
        f"the ZIP archive has {len(found)} files ({names});"
        " unpack it and drop those that are to be loaded",
    )


def _is_content(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    is_system = "__MACOSX" in parts or parts[-1:] in (("Thumbs.db",), ("desktop.ini",))
    return not info.is_dir() and not is_system and not any(part[0] == "." for part in parts)
