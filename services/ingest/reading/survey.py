"""The first pass over a file's bytes: its hash, its encoding, and what rules it out at once."""

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from ingest.refusal import RefusedError

PIECE = 8 * 2**20
"""Bytes read at a time: bounds the memory, amortises the calls."""

BOM = codecs.BOM_UTF8
Encoding = Literal["utf-8", "windows-1252"]

SIGNATURES = (
    (b"\x1f\x8b", "gzip", "compressed with gzip; unpack it first"),
    (b"PK\x03\x04", "zip", "a ZIP archive or an Excel workbook; save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "excel", "an old Excel workbook; save it as CSV"),
    (b"\x28\xb5\x2f\xfd", "zstd", "compressed with zstd; unpack it first"),
    (codecs.BOM_UTF16_LE, "utf_16", "encoded in UTF-16; save it as UTF-8"),
    (codecs.BOM_UTF16_BE, "utf_16", "encoded in UTF-16; save it as UTF-8"),
)
_VALID_NON_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Survey:
    """Facts about all bytes of a file."""

    sha256: str
    size: int
    newlines: int
    encoding: Encoding
    has_bom: bool
    ends_with_newline: bool
    has: frozenset[bytes]
    """Which of `"`, CR, `/` and `,` occur anywhere."""

    @property
    def rows_at_most(self) -> int:
        """No file has more rows than lines."""
        return self.newlines + (not self.ends_with_newline)


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """The file from its start in pieces of at most PIECE bytes."""
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


def survey(file: BinaryIO) -> Survey:
    """Read every byte once. Raises RefusedError for what cannot be CSV text."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    size = newlines = 0
    is_utf8, last, head = True, b"", b""
    has: set[bytes] = set()
    for piece in pieces(file):
        head = head or piece[:4]
        _check_signature(head)
        _check_zero_bytes(piece, size, newlines)
        digest.update(piece)
        is_utf8 = is_utf8 and _continues_utf8(decoder, piece)
        has |= {mark for mark in (b'"', b"\r", b"/", b",") if mark not in has and mark in piece}
        size, newlines, last = size + len(piece), newlines + piece.count(b"\n"), piece[-1:]
    is_utf8 = is_utf8 and _continues_utf8(decoder, b"", final=True)
    if not size:
        raise RefusedError("empty_file", "the file is empty")
    if not newlines and b"\r" in has:
        raise RefusedError(
            "cr_only_lines", "lines end in CR alone (old Macintosh); save it with LF or CRLF"
        )
    return Survey(
        digest.hexdigest(), size, newlines, "utf-8" if is_utf8 else _check_windows(file),
        head.startswith(BOM), last == b"\n", frozenset(has),
    )  # fmt: skip


def _check_signature(head: bytes) -> None:
    for signature, reason, message in SIGNATURES:
        if head.startswith(signature):
            raise RefusedError(reason, f"the content is {message}")


def _check_zero_bytes(piece: bytes, offset: int, newlines: int) -> None:
    at = piece.find(b"\0")
    if at >= 0:
        line = newlines + piece.count(b"\n", 0, at) + 1
        raise RefusedError(
            "nul_byte", f"line {line} has a NUL byte (byte {offset + at} of the file): not text"
        )


def _continues_utf8(
    decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False
) -> bool:
    if piece.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def _check_windows(file: BinaryIO) -> Encoding:
    """Accept Windows-1252 unless the file is damaged UTF-8: then half of it would be garbled."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    lines, offset, broken = 1, 0, None
    is_mixed = False
    for piece in pieces(file):
        text = decoder.decode(piece)
        is_mixed = is_mixed or bool(_VALID_NON_ASCII.search(text.removeprefix("\ufeff")))
        broken = broken or _first_broken(piece, text, lines, offset)
        _check_defined(piece, lines, offset)
        lines, offset = lines + piece.count(b"\n"), offset + len(piece)
    if is_mixed:
        raise RefusedError("mixed_encoding", f"mostly UTF-8, but {broken or 'the end'} is not")
    return "windows-1252"


def _first_broken(piece: bytes, text: str, lines: int, offset: int) -> str | None:
    found = re.search("[\udc80-\udcff]", text)
    if not found:
        return None
    line = lines + text.count("\n", 0, found.start())
    at = offset + len(text[: found.start()].encode("utf-8", "surrogateescape"))
    return f"line {line} (near byte {at} of the file)"


def _check_defined(piece: bytes, lines: int, offset: int) -> None:
    try:
        piece.decode("windows-1252")
    except UnicodeDecodeError as error:
        line = lines + piece.count(b"\n", 0, error.start)
        raise RefusedError(
            "unknown_encoding",
            f"line {line}, byte {offset + error.start} of the file: neither UTF-8 nor Windows-1252",
        ) from error
