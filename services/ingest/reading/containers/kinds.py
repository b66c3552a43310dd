"""What a file is, told by its first bytes and never by its name."""

import codecs
import re
from enum import StrEnum
from typing import BinaryIO

from ingest.refusal import RefusedError

HEAD = 4096
"""Bytes that tell what a file is."""


class Format(StrEnum):
    """What is unpacked or converted before it is read."""

    GZIP = "gzip"
    ZIP = "zip"
    WORKBOOK = "workbook"
    MARKUP = "markup"
    JSON = "json"
    PARQUET = "parquet"
    OLD_MAC = "old_mac"
    UTF_16_LE = "utf_16_le"
    UTF_16_BE = "utf_16_be"


_PACKED = (
    (b"\x1f\x8b", Format.GZIP),
    (b"PK\x03\x04", Format.ZIP),
    (b"PK\x05\x06", Format.ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format.WORKBOOK),
    (b"PAR1", Format.PARQUET),
)
_REFUSED = (
    (codecs.BOM_UTF32_LE, "utf_32", "encoded in UTF-32; save it as UTF-8"),
    (codecs.BOM_UTF32_BE, "utf_32", "encoded in UTF-32; save it as UTF-8"),
    (b"\x28\xb5\x2f\xfd", "zstd", "compressed with zstd; unpack it first"),
    (b"Rar!\x1a\x07", "rar", "a RAR archive; unpack it and drop the table"),
    (b"7z\xbc\xaf\x27\x1c", "seven_zip", "a 7z archive; unpack it and drop the table"),
    (b"\xfd7zXZ\x00", "xz", "compressed with xz; unpack it first"),
    (b"BZh91AY&SY", "bzip2", "compressed with bzip2; unpack it first"),
    (b"%PDF-", "pdf", "a PDF document; export the table as CSV or Excel instead"),
    (b"SQLite format 3\x00", "sqlite", "an SQLite database; export the table as CSV"),
)
_MARKUP = re.compile(rb"(?i)<(?:!doctype|\?xml|!--|html|head|body|meta|style|div|table|workbook)\b")
_JSON = re.compile(rb'\{\s*(?:["}]|$)|\[\s*(?:[\[{\]]|$)')
_TAR = b"ustar"


def _utf16(head: bytes) -> Format | None:
    """Text with two bytes a character: by its mark, else where one of each two bytes is zero."""
    for mark, form in (
        (codecs.BOM_UTF16_LE, Format.UTF_16_LE),
        (codecs.BOM_UTF16_BE, Format.UTF_16_BE),
    ):
        if head.startswith(mark):
            return form
    even, odd = head[0::2], head[1::2]
    if len(head) < 8 or b"\0" not in head:
        return None
    if b"\0" not in even and odd.count(0) > 0.6 * len(odd):
        return Format.UTF_16_LE
    return Format.UTF_16_BE if b"\0" not in odd and even.count(0) > 0.6 * len(even) else None


def head_of(file: BinaryIO) -> bytes:
    """The first bytes."""
    file.seek(0)
    return file.read(HEAD)


def format_of(head: bytes) -> Format | None:
    """How to get at the text of a file that begins like this; None: it is text.

    Raises RefusedError for what is known and not read.
    """
    _refuse_known(head)
    if utf16 := _utf16(head):
        return utf16
    for signature, found in _PACKED:
        if head.startswith(signature):
            return found
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _MARKUP.match(text):
        return Format.MARKUP
    if _JSON.match(text):
        return Format.JSON
    return Format.OLD_MAC if b"\r" in head[:-1] and b"\n" not in head else None


def _refuse_known(head: bytes) -> None:
    for signature, reason, message in _REFUSED:
        if head.startswith(signature):
            raise RefusedError(reason, f"the content is {message}")
    if head[257:262] == _TAR:
        raise RefusedError("tar", "the content is a tar archive; unpack it and drop the table")


def is_text(head: bytes) -> bool:
    """Whether a file that begins like this is read as it is."""
    try:
        return format_of(head) is None
    except RefusedError:
        return False


def is_opaque(head: bytes) -> bool:
    """Whether the words of a file that begins like this cannot be found in its bytes."""
    try:
        return format_of(head) not in {None, Format.MARKUP, Format.JSON, Format.OLD_MAC}
    except RefusedError:
        return True
