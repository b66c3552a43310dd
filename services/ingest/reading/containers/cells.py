"""Values of cells as text, and rows as lines of CSV whose numbers are those of the rows."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

from ingest.refusal import RefusedError

EXACT = 1e15
"""Whole floats below that are written as they are."""
MOST_COLUMNS = 16_384
"""As many as a workbook can have."""
LONGEST_CELL = 2**20
"""Characters."""
_BREAK = re.compile(r"[\r\n]+")


def text_of(value: object) -> str:
    """A value as the shortest text that says the same: dates as ISO, numbers without noise."""
    if isinstance(value, str):
        return _BREAK.sub(" ", value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return "" if value is None else _other(value)


def _other(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else _BREAK.sub(" ", str(value))


def _number(value: float) -> str:
    """Fifteen digits are what a workbook keeps; what follows them is noise."""
    if value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    rounded = f"{value:.15g}"
    return f"{Decimal(rounded):f}" if "e" in rounded else rounded


def _moment(value: datetime) -> str:
    """To the second where the rest is noise of a day's fraction."""
    near = (value + timedelta(milliseconds=500)).replace(microsecond=0)
    exact = near if abs(value - near) < timedelta(milliseconds=1) else value
    return exact.isoformat(sep=" ")


@dataclass(frozen=True, slots=True)
class Part:
    """A table in the converted text: a sheet, or all there is."""

    name: str
    begin: int
    end: int
    """Its bytes."""
    lines: int
    rows: int
    """Lines that are not blank."""
    is_hidden: bool = False


@dataclass(slots=True)
class Writer:
    """Writes tables one after another; refuses what no table is."""

    sink: BinaryIO
    most: int
    """Bytes."""
    parts: list[Part] = field(default_factory=list)
    size: int = 0

    def write(self, text: str) -> None:
        """A line; called by the CSV module."""
        body = text.encode("utf-8", "replace")
        self.size += len(body)
        if self.size > self.most:
            raise RefusedError(
                "file_too_large", f"the table has more than {self.most:,} bytes as text; split it"
            )
        self.sink.write(body)

    def table(self, name: str, rows: Iterable[Sequence[object]], *, hidden: bool = False) -> None:
        """Write a table; blank rows at its end are left out, other ones are blank lines."""
        begin, lines, filled = self.size, 0, 0
        out = csv.writer(self, lineterminator="\n")
        for number, row in enumerate(rows, 1):
            cells = [text_of(value) for value in row]
            if any(cells):
                self.write("\n" * (number - 1 - lines))
                out.writerow(self._checked(cells, number))
                lines, filled = number, filled + 1
        self.parts.append(Part(name, begin, self.size, lines, filled, hidden))

    def _checked(self, cells: list[str], number: int) -> list[str]:
        if len(cells) > MOST_COLUMNS:
            raise RefusedError(
                "too_many_columns",
                f"row {number} has {len(cells):,} columns, more than"
                f" {MOST_COLUMNS:,}; export fewer",
            )
        if any(len(cell) > LONGEST_CELL for cell in cells):
            raise RefusedError(
                "line_too_long",
                f"row {number} has a cell of more than {LONGEST_CELL:,} characters; shorten it",
            )
        return cells

    def described(self) -> list[dict[str, Any]]:
        """The parts, for another process."""
        return [asdict(part) for part in self.parts]
