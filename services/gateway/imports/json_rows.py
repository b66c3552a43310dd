"""Rows that are pushed as JSON: is it rows at all, and of which table? Pure.

What the rows say is for the reader, as with files; a row that is no object is refused here.
"""

import re
from collections.abc import Iterator

import msgspec
from msgspec import Raw

from rfm_common.errors import InvalidInputError
from rfm_common.models import Kind

LARGEST_ROW = 2**20
"""Bytes of a line of NDJSON."""


class _Name:
    """A name in an object; equal to no other, so that one that comes twice is found twice."""

    def __init__(self, _: type, text: str) -> None:
        self.text = text


_rows = msgspec.json.Decoder(list[dict[str, Raw]])
_row = msgspec.json.Decoder(dict[str, Raw])
_object = msgspec.json.Decoder(dict[_Name, Raw], dec_hook=_Name)
_PLACE = re.compile(r" - at `\$(\[\d+\])?.*`$")
_BOM = b"\xef\xbb\xbf"


def tables_of(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Each list of rows with the name of its table; no name where the body is one list.

    Raises InvalidInputError, which names the table and the row, and UnicodeDecodeError.
    """
    content.decode()
    text = content.removeprefix(_BOM).strip()
    if text.startswith(b"["):
        tables = {"": Raw(text)}
    else:
        tables = {name: rows for name, rows in _named(text).items() if bytes(rows) != b"[]"}
    for name, rows in tables.items():
        _check(name, rows)
    if not tables or b"[]" in map(bytes, tables.values()):
        raise InvalidInputError("there is no row in the body", field="body")
    yield from ((name, bytes(rows)) for name, rows in tables.items())


def _named(text: bytes) -> dict[str, Raw]:
    try:
        found = _object.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInputError(f"the body is no list of rows: {error}", field="body") from error
    known, tables = [kind.value for kind in Kind], dict[str, Raw]()
    for name, rows in ((name.text, rows) for name, rows in found.items()):
        if name not in known:
            raise InvalidInputError(
                f"{name[:100]}: there is no such table; send a list of rows, or an object with"
                f" {', '.join(known)}",
                field=name[:100], available=known,
            )  # fmt: skip
        if name in tables:
            raise InvalidInputError(f"{name}: named twice; send its rows as one list", field=name)
        tables[name] = rows
    return tables


def _check(name: str, rows: Raw) -> None:
    try:
        _rows.decode(rows)
    except msgspec.DecodeError as error:
        message = str(error)
        place = _PLACE.search(message)
        field = f"{name}{(place[1] or '') if place else ''}" or "body"
        reason = _PLACE.sub("", message)
        raise InvalidInputError(f"{field}: {reason}; each row is an object with names and values",
                                field=field) from error  # fmt: skip


class Lines:
    """Lines of NDJSON as they arrive in pieces; counts those that are rows."""

    def __init__(self) -> None:
        self.count = 0
        self._number = 0
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Raises InvalidInputError, which names the line, for one that is no object."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._check(line)
        if len(self._rest) > LARGEST_ROW:
            raise InvalidInputError(
                f"line {self._number + 1}: longer than {LARGEST_ROW} bytes",
                field=f"line {self._number + 1}",
            )

    def end(self) -> None:
        """The same for the last line; raises InvalidInputError when there was none at all."""
        self._check(self._rest)
        if not self.count:
            raise InvalidInputError("there is no row in the body", field="body")

    def _check(self, line: bytes) -> None:
        self._number += 1
        text = line.removeprefix(_BOM).strip()
        if not text:
            return
        try:
            text.decode()
            _row.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            place = f"line {self._number}"
            raise InvalidInputError(
                f"{place}: {error}; each line is an object with names and values", field=place
            ) from error
        self.count += 1
