"""Several files of text in one ZIP archive, one behind the other, each a table to choose from."""

import zipfile
from collections.abc import Sequence
from typing import BinaryIO

from ingest.reading.containers import archives
from ingest.reading.containers.cells import Part
from ingest.reading.containers.kinds import HEAD, format_of
from ingest.refusal import RefusedError


def unpack(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], sink: BinaryIO, most: int
) -> list[Part]:
    """Write the members that are text and say where each is.

    Raises RefusedError where one holds a table that is no text, and for too many bytes.
    """
    parts: list[Part] = []
    archives.check_size(*_sizes(members), most)
    for member in members:
        with archive.open(member) as opened:
            head = opened.read(HEAD)
        if not _is_text(head):
            if _is_table(head):
                raise archives.too_many(members)
            continue
        parts.append(_copied(archive, member, sink))
    if not parts:
        raise archives.too_many(members)
    return parts


def _sizes(members: Sequence[zipfile.ZipInfo]) -> tuple[int, int]:
    return (sum(one.file_size for one in members), sum(one.compress_size for one in members))


def _is_text(head: bytes) -> bool:
    try:
        return format_of(head) is None and b"\0" not in head
    except RefusedError:
        return False


def _is_table(head: bytes) -> bool:
    """Whether it is read when it is dropped by itself; a picture or a PDF document is not."""
    try:
        return format_of(head) is not None
    except RefusedError:
        return False


def _copied(archive: zipfile.ZipFile, member: zipfile.ZipInfo, sink: BinaryIO) -> Part:
    begin, lines, last = sink.tell(), 0, b""
    for piece in archives.unzipped(archive, member):
        sink.write(piece)
        lines, last = lines + piece.count(b"\n"), piece[-1:] or last
    if last not in (b"", b"\n"):
        sink.write(b"\n")
        lines += 1
    return Part(member.filename, begin, sink.tell(), lines, lines)
