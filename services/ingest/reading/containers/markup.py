"""Tables of a web page, and workbooks that are XML text, as shops save them under `.xls`."""

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import BinaryIO

from ingest.reading.containers.cells import MOST_COLUMNS, Writer
from ingest.refusal import RefusedError

MOST_ROWS = 2**20
"""As many as a workbook can have."""
LARGEST = 64 * 2**20
"""Bytes."""
_CHARSET = re.compile(rb"""(?i)(?:charset|encoding)\s*=\s*["']?([\w-]+)""")
_ROW, _CELL = ("tr", "row"), ("td", "th", "cell")

Attributes = dict[str, str | None]


def convert(file: BinaryIO, writer: Writer) -> None:
    """Write every table that has rows; raises RefusedError when there is none."""
    file.seek(0)
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise RefusedError(
            "file_too_large", f"a web page of over {LARGEST:,} bytes; save it as CSV"
        )
    parser = _Tables()
    parser.feed(_decoded(content))
    parser.close()
    found = [table for table in parser.tables if table.rows]
    if not found:
        raise RefusedError(*_nothing(content))
    for number, table in enumerate(found, 1):
        writer.table(table.name or f"table {number}", table.rows)


def _nothing(content: bytes) -> tuple[str, str]:
    if b"<html" in content[:4096].lower() or b"<!doctype html" in content[:4096].lower():
        return "html", (
            "the content is a web page without a table, perhaps that of a login;"
            " download the export again, or save it as CSV"
        )
    return "xml", "the content is XML without a table; save it as CSV"


def _decoded(content: bytes) -> str:
    told = _CHARSET.search(content[:2048])
    for codec in ("utf-8-sig", told[1].decode() if told else "cp1252", "cp1252"):
        try:
            return content.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("cp1252", "replace")


def _number(given: Attributes, name: str, default: int) -> int:
    found = given.get(name) or ""
    return min(int(found), MOST_ROWS) if re.fullmatch("[0-9]{1,9}", found) else default


@dataclass(slots=True)
class _Table:
    """A table on its way."""

    name: str
    rows: list[list[str]] = field(default_factory=list)
    _text: list[str] | None = None
    """Of the cell that is open."""
    _at: int = 0
    """The column of that cell."""
    _reserved: Counter[int] = field(default_factory=Counter)
    """For how many more rows a cell above reaches into a column."""
    _taken: set[int] = field(default_factory=set)
    """The columns for which that is so in this row."""

    def begin_row(self, given: Attributes) -> None:
        """Start a row; XML workbooks number one that follows blank rows."""
        self.end_cell()
        blank = _number(given, "ss:index", 0) - 1 - len(self.rows)
        self.rows += [[] for _ in range(blank)]
        self.rows.append([])
        self._taken = {column for column, rows in self._reserved.items() if rows > 0}
        self._reserved.subtract(self._taken)

    def begin_cell(self, given: Attributes) -> None:
        """Start a cell, right of those that reach into this row from above."""
        self.end_cell()
        row = self.rows[-1] if self.rows else []
        row += [""] * min(_number(given, "ss:index", 0) - 1 - len(row), MOST_COLUMNS)
        while len(row) in self._taken:
            row.append("")
        width = _number(given, "colspan", 0) or _number(given, "ss:mergeacross", 0) + 1
        height = _number(given, "rowspan", 0) or _number(given, "ss:mergedown", 0) + 1
        self._at, self._text = len(row), []
        row += [""] * min(width, MOST_COLUMNS)
        self._reserved.update(dict.fromkeys(range(self._at, len(row)), height - 1))

    def add(self, text: str) -> None:
        """Text of the open cell."""
        if self._text is not None:
            self._text.append(text)

    def end_cell(self) -> None:
        """Put the text where it belongs."""
        if self._text is not None and self.rows:
            self.rows[-1][self._at] = " ".join("".join(self._text).split())
        self._text = None


class _Tables(HTMLParser):
    """Collects the tables; text goes to the innermost one that is open."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[_Table] = []
        self._open: list[_Table] = []
        self._sheet = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, row or cell, with or without a prefix as in `ss:Row`."""
        given, tag = dict(attrs), tag.rpartition(":")[2]
        if tag == "worksheet":
            self._sheet = given.get("ss:name") or ""
        elif tag == "table":
            self._open.append(_Table(self._sheet))
            self.tables.append(self._open[-1])
        elif self._open:
            self._inside(tag, given)

    def _inside(self, tag: str, given: Attributes) -> None:
        table = self._open[-1]
        if tag in _ROW:
            table.begin_row(given)
        elif tag in _CELL:
            table.begin_cell(given)
        elif tag == "br":
            table.add(" ")

    def handle_endtag(self, tag: str) -> None:
        """End a table or cell."""
        tag = tag.rpartition(":")[2]
        if self._open and tag in (*_ROW, *_CELL, "table"):
            self._open[-1].end_cell()
        if self._open and tag == "table":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        if self._open:
            self._open[-1].add(data)
