"""The first pass over a file's bytes: its hash, its encoding, and what rules it out at once."""

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from ingest.reading.encodings import (
    ENCODINGS,
    IMPLAUSIBLE,
    MIXED_UTF8,
    UTF8,
    Encoding,
    Reading,
    twice_encoded,
    weigh,
)
from ingest.reading.questions import Choice, Question
from ingest.refusal import RefusedError

PIECE = 8 * 2**20
"""Bytes read at a time: bounds the memory, amortises the calls."""

BOM = codecs.BOM_UTF8

MARKS = (b'"', b"\r", b"/", b",", b"\\", b'\\"')
"""Bytes of which it is good to know whether a file has them at all."""

_STRANGE = re.compile(rb"[\x80-\xff]")
_BETWEEN_WORDS = re.compile(rb"[\s,;]+")
LONGEST_EVIDENCE = 1024
"""Bytes of a line that are looked at to tell an encoding."""
EVIDENCE = 400
"""Lines that are looked at to tell an encoding."""
NEAR = 0.025
"""How little a reading may be better than the next and leave the choice to a person."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Facts about all bytes of a file."""

    sha256: str
    size: int
    newlines: int
    encoding: Encoding
    readings: tuple[Reading, ...]
    """What other encodings make of the first strange lines, the most plausible first; empty for
    UTF-8."""
    strange_line: int
    """The first line that is not plain ASCII; 0 for UTF-8, where nobody asks."""
    has_bom: bool
    ends_with_newline: bool
    has: frozenset[bytes]
    """Which of MARKS occur anywhere."""

    @property
    def is_ambiguous(self) -> bool:
        """Whether another encoding is as plausible."""
        scores = [reading.score for reading in self.readings[:2]]
        return len(scores) == 2 and scores[0] - scores[1] < NEAR

    @property
    def rows_at_most(self) -> int:
        """No file has more rows than lines."""
        return self.newlines + (not self.ends_with_newline)


def pieces(file: BinaryIO, size: int = PIECE) -> Iterator[bytes]:
    """The file from its start in pieces of at most `size` bytes."""
    file.seek(0)
    while piece := file.read(size):
        yield piece


def survey(file: BinaryIO) -> Survey:
    """Read every byte once. Raises RefusedError for what cannot be CSV text."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    size = newlines = 0
    is_utf8, last, head = True, b"", b""
    has: set[bytes] = set()
    for piece in pieces(file):
        head = head or piece[:4]
        _check_zero_bytes(piece, size, newlines)
        digest.update(piece)
        is_utf8 = is_utf8 and _continues_utf8(decoder, piece)
        seam = last + piece[:1]
        has |= {mark for mark in MARKS if mark not in has and (mark in piece or mark in seam)}
        size, newlines, last = size + len(piece), newlines + piece.count(b"\n"), piece[-1:]
    is_whole = is_utf8 and _continues_utf8(decoder, b"", final=True)
    if not size:
        raise RefusedError("empty_file", "the file is empty; export it again")
    line, strange = (0, []) if is_whole else _strange_lines(file)
    readings = _read_strange(line, strange) if strange else ()
    return Survey(
        digest.hexdigest(), size, newlines, readings[0].encoding if readings else UTF8,
        readings, line, head.startswith(BOM), last == b"\n", frozenset(has),
    )  # fmt: skip


def _check_zero_bytes(piece: bytes, offset: int, newlines: int) -> None:
    at = piece.find(b"\0")
    if at >= 0:
        line = newlines + piece.count(b"\n", 0, at) + 1
        raise RefusedError(
            "nul_byte",
            f"line {line} has a NUL byte (byte {offset + at} of the"
            " file), so this is not text; export the"
            " table as CSV",
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


def _strange_lines(file: BinaryIO) -> tuple[int, list[bytes]]:
    """The number of the first line that is not plain ASCII, and such lines: those that are no
    UTF-8 first, because they decide."""
    lines, first, rest = 1, 0, b""
    sound: dict[bytes, None] = {}
    broken: dict[bytes, None] = {}
    for piece in pieces(file):
        body = rest + piece
        cut = body.rfind(b"\n") + 1 or len(body)
        body, rest = body[:cut], body[cut:]
        for at, line in _strange_in(body):
            first = first or lines + body.count(b"\n", 0, at)
            kept = sound if _is_utf8(line) else broken
            if len(kept) < EVIDENCE:
                kept[_evidence(line)] = None
            if len(broken) == EVIDENCE:
                return first, [*broken, *sound]
        lines += body.count(b"\n")
    if not rest.isascii():
        first = first or lines
        broken[_evidence(rest)] = None
    return first, [*broken, *sound]


def _strange_in(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Where lines that are not plain ASCII begin, and the lines."""
    at = 0
    while found := _STRANGE.search(body, at):
        begin = max(body.rfind(b"\n", at, found.start()) + 1, at)
        end = body.find(b"\n", begin)
        at = len(body) if end < 0 else end
        yield begin, body[begin:at]


def _evidence(line: bytes) -> bytes:
    """The line, or the strange words of one that is too long."""
    if len(line) <= LONGEST_EVIDENCE:
        return line
    first = _STRANGE.search(line)
    begin = max(0, first.start() - LONGEST_EVIDENCE) if first else 0
    words = _BETWEEN_WORDS.split(line[begin : begin + 64 * LONGEST_EVIDENCE])
    found = [word for word in words if not word.isascii() and len(word) <= LONGEST_EVIDENCE // 8]
    return b" ".join([*found[:7], b""])


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_strange(line: int, strange: list[bytes]) -> tuple[Reading, ...]:
    """What encodings make of the lines. Raises RefusedError when none makes words of them."""
    is_mixed = any(map(_is_utf8, strange))
    readings = weigh(strange, [MIXED_UTF8, *ENCODINGS] if is_mixed else ENCODINGS)
    if is_mixed and (cut := _cut_off(strange)):
        raise RefusedError(
            "cut_off",
            f"the file was cut off in the middle of a character ({cut!r}); export or copy it again",
        )
    plausible = tuple(reading for reading in readings if reading.score >= IMPLAUSIBLE)
    if not plausible:
        raise RefusedError(
            "unknown_encoding",
            f"line {line} is not text in UTF-8 or another known encoding; save the file as UTF-8",
        )
    return plausible


def _cut_off(strange: list[bytes]) -> bytes:
    """What is left of the last character, when that alone is no UTF-8."""
    broken = [line for line in strange if not _is_utf8(line)]
    if len(broken) != 1:
        return b""
    try:
        broken[0].decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return broken[0][error.start :]
    return b""


def decide_encoding(survey: Survey, answer: str | None) -> tuple[Survey, tuple[Question, ...]]:
    """The survey with the encoding that was answered, or the question which one it is.

    An answer that was given for another file of the header and is none of this file's plausible
    readings decides nothing.
    """
    answered = next((r for r in survey.readings if r.encoding.name == answer), None)
    if answered:
        others = [reading for reading in survey.readings if reading is not answered]
        return replace(survey, encoding=answered.encoding, readings=(answered, *others)), ()
    return survey, (_ask(survey),) if survey.is_ambiguous else ()


def _ask(survey: Survey) -> Question:
    least = survey.readings[0].score - NEAR
    near = [reading for reading in survey.readings if reading.score > least]
    return Question(
        about="encoding",
        text="In which encoding was the file saved? Choose the line that shows real words.",
        found=f"line {survey.strange_line} makes sense in {len(near)} encodings",
        proposal=near[0].encoding.name,
        choices=tuple(
            Choice(reading.encoding.name, f"{reading.encoding.name}: {reading.example}")
            for reading in near
        ),
    )


def tell_encoding(survey: Survey, head: str) -> list[dict[str, str]]:
    """What the import says about an encoding that was recognised by its words, or about words
    that whoever wrote the file has garbled."""
    if not survey.readings:
        garbled = twice_encoded(head) if not head.isascii() else None
        text = "{!r} was probably {!r} before it was encoded twice; it is read as it is"
        return [{"about": "encoding", "text": text.format(*garbled)}] if garbled else []
    example = f"such as {survey.readings[0].example!r} on line {survey.strange_line}"
    if survey.encoding is MIXED_UTF8:
        text = f"Lines that are not UTF-8 were read as Windows-1252, {example}."
    else:
        text = f"Read as {survey.encoding.name}, in which the words make sense, {example}."
    return [{"about": "encoding", "text": text}]
