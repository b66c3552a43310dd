"""Dates as numbers: days of Excel, and seconds since 1970. Only a whole column of them counts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import polars as pl

Unit = Literal["excel", "s", "ms", "us"]

_FORMS: dict[Unit, str] = {
    "excel": r"^[0-9]{5}(?:[.,][0-9]+)?$", "s": r"^[0-9]{9,10}(?:\.[0-9]+)?$",
    "ms": r"^[0-9]{12,13}$", "us": r"^[0-9]{15,16}$",
}  # fmt: skip
_MICROSECONDS: dict[Unit, int] = {"excel": 86_400_000_000, "s": 1_000_000, "ms": 1000, "us": 1}
_EXCEL_BEGINS = datetime(1899, 12, 30, tzinfo=UTC)
"""Day 0 of Excel's 1900 system, from March 1900 on."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
_WORDS: dict[Unit, str] = {
    "excel": "the day number of a spreadsheet", "s": "seconds since 1970",
    "ms": "milliseconds since 1970", "us": "microseconds since 1970",
}  # fmt: skip


def find_unit(cells: Sequence[str], now: datetime) -> Unit | None:
    """What numbers a column holds: all of them of one form, and days from 1990 to tomorrow."""
    filled = pl.Series([cell.strip() for cell in cells if cell.strip()], dtype=pl.String)
    for unit, form in _FORMS.items():
        if len(filled) and filled.str.contains(form).all():
            moments = read(filled, unit)
            if moments.is_between(_OLDEST, now + timedelta(days=1)).all():
                return unit
    return None


def read(raw: pl.Series, unit: Unit) -> pl.Series:
    """Moments; null where the text is no number of this form. A spreadsheet's are clock times that
    stand here as UTC."""
    text = raw.str.strip_chars().str.replace(",", ".", literal=True)
    number = text.set(~text.str.contains(_FORMS[unit]), None).cast(pl.Float64, strict=False)
    whole = (number * _MICROSECONDS[unit]).round().cast(pl.Int64)
    if unit == "excel":  # a float holds a moment to some microseconds: people meant seconds
        whole = (whole / 1_000_000).round().cast(pl.Int64) * 1_000_000
    begins = _EXCEL_BEGINS if unit == "excel" else _EPOCH
    moments = pl.lit(begins).dt.cast_time_unit("us") + whole.cast(pl.Duration("us"))
    return pl.select(moments).to_series()


def tell(cells: Sequence[str], unit: Unit) -> str:
    """What the import says, with the first of them as an example."""
    first = next(cell.strip() for cell in cells if cell.strip())
    day = read(pl.Series([first]), unit)[0]
    return f"{first} is read as {day:%-d %B %Y}: {_WORDS[unit]}"
