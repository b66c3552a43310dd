"""Columns beside the status that take orders out of the count: yes or no, a second status, and a
type that says which rows are refunds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from ingest.reading.mapping import OWN_COLUMNS, ranked
from ingest.reading.mapping import Mapping as Meaning
from ingest.reading.statuses import clean, meaning
from ingest.reading.yes_no import NO, YES
from rfm_common.counting import CANCELLED, PENDING, REFUNDED
from rfm_common.models import Kind

_FLAGS = {
    "is_cancelled": (YES, CANCELLED, "is cancelled"),
    "is_refunded": (YES, REFUNDED, "was paid back"),
    "is_paid": (NO, PENDING, "is not paid yet"),
    "is_test": (YES, CANCELLED, "is a test"),
    "is_live": (NO, CANCELLED, "is not a live one"),
}
"""Our column: the answers that tell, the status that they mean, and that in words."""
_DIFFERENT_AT_MOST = 50
"""Words that a column of statuses or types has at most."""
FLAGS = (*_FLAGS, "other_status", "row_type")
"""The names of all these columns."""


def with_flags(
    mapping: Meaning, headers: Sequence[str], sample: Sequence[Sequence[str]]
) -> Meaning:
    """The mapping with those of these columns that the file has, each told.

    A known export and a mapping.toml name theirs, and nothing else is looked for.
    """
    if mapping.source != OWN_COLUMNS or mapping.kind is not Kind.ORDERS:
        return mapping
    rows = [row for row in sample if len(row) == len(headers)]
    has_status = "status" in mapping.columns
    for ours in FLAGS:
        if has_status is (ours == "is_paid") and ours in ("is_paid", "other_status"):
            continue
        name = "status" if ours == "other_status" else ours
        free = [at for at in ranked(mapping.kind, name, headers)
                if at not in mapping.columns.values()]  # fmt: skip
        at = next((at for at in free if _fits(ours, [row[at] for row in rows])), None)
        if at is not None:
            mapping = _using(mapping, ours, at, headers[at].strip())
            if _tells(ours, [row[at] for row in rows]):
                _tell(mapping, ours, headers[at].strip())
    return mapping


def _fits(ours: str, cells: Sequence[str]) -> bool:
    """Whether these cells are what the column's name promises."""
    words = _words(cells)
    if ours in _FLAGS:
        is_amount = ours == "is_refunded" and words <= {"0", "1"}
        return bool(words) and words <= YES | NO and not is_amount
    return 0 < len(words) <= _DIFFERENT_AT_MOST


def _tells(ours: str, cells: Sequence[str]) -> bool:
    """Whether some of these cells have an effect, or soon may."""
    telling = {REFUNDED} if ours == "row_type" else {REFUNDED, CANCELLED}
    return ours in _FLAGS or any(meaning(word, {}) in telling for word in _words(cells))


def _words(cells: Sequence[str]) -> set[str]:
    return {cell.strip().lower() for cell in cells} - {""}


def _using(mapping: Meaning, ours: str, at: int, name: str) -> Meaning:
    ignored = [other for other in mapping.ignored if other != name]
    return replace(mapping, columns=mapping.columns | {ours: at}, ignored=ignored)


def _tell(mapping: Meaning, ours: str, name: str) -> None:
    if ours in _FLAGS:
        text = f"an order does not count if {name!r} says that it {_FLAGS[ours][2]}"
    elif ours == "row_type":
        text = f"rows that are refunds, as {name!r} says, lower what their customers paid"
    else:
        text = f"nor does an order count if {name!r} says cancelled or refunded"
    mapping.told.append({"about": f"column.{ours}", "text": text})


def taken_out(cells: Mapping[str, pl.Series]) -> dict[str, pl.Series]:
    """Status: the rows that have it by one of these columns. `cells`: their texts, by our name."""
    found: dict[str, pl.Series] = {}
    for ours, (answers, status, _) in _FLAGS.items():
        if ours in cells:
            _add(found, status, clean(cells[ours]).is_in([*answers]))
    if "other_status" in cells:
        words = clean(cells["other_status"])
        for status in (CANCELLED, REFUNDED):
            _add(found, status, _means(words, status))
    return found


def _add(found: dict[str, pl.Series], status: str, rows: pl.Series) -> None:
    found[status] = found[status] | rows if status in found else rows


def _means(words: pl.Series, status: str) -> pl.Series:
    different = [word for word in words.unique() if meaning(word, {}) == status and word]
    return words.is_in(different)


def lowered(amounts: pl.Series, types: pl.Series) -> pl.Series:
    """The amounts, as exact text, with a minus where the type of the row says refund."""
    rows = _means(clean(types), REFUNDED) & ~amounts.str.starts_with("-")
    return amounts.zip_with(~rows.fill_null(value=False), "-" + amounts)
