"""Rows that are no sound CSV and can be read in one way only: a quote as a plain character, spaces
around quotes, empty cells too many, optional cells at the end too few."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from ingest.reading.mapping import REQUIRED, Mapping
from ingest.reading.scan import Grammar, Rows, split_cells
from rfm_common.words import some

BARE_QUOTE, TOO_FEW, TOO_MANY = "bare_quote", "too_few_cells", "too_many_cells"
SPACED_QUOTE = "spaced_quote"
_TOLD = {
    BARE_QUOTE: "with a quote inside a cell that is not quoted were read with the quote as text",
    SPACED_QUOTE: "with spaces around quoted cells were read without those spaces",
    TOO_FEW: "lack cells at the end, which no row needs: they were read as empty",
    TOO_MANY: "have empty cells behind those of the header: they were ignored",
}
_FORMS = {"email": r"|[^\s@]+@\S+", "country": r"\D*", "currency": r"\D{0,5}"}
"""What texts of these columns look like, by which a shifted row is recognised."""
_QUOTED = re.compile(r' *"((?:[^"]++|"")*+)" *')
Mended = Sequence[tuple[str, int]]
"""What was mended: a key of `_TOLD`, and the line."""


def mend(rows: Rows, mapping: Mapping, grammar: Grammar) -> Rows:
    """The rows with those of the broken ones that can be read in one way only."""
    if not rows.rejects:
        return rows
    whole, broken = [], []
    for reject in rows.rejects:
        cells = _mended(reject[3], mapping, grammar) if reject[1] in _TOLD else None
        whole.append((reject, cells)) if cells else broken.append(reject)
    if not whole:
        return rows
    added = pl.DataFrame(
        [(line, raw, *cells) for (line, _, _, raw), cells in whole],
        schema={"line": pl.Int64, "raw": pl.String, **grammar.schema}, orient="row",
    )  # fmt: skip
    frame = pl.concat([rows.frame.select(added.columns), added]).sort("line")
    mended = [(_what(reason, raw, grammar), line) for (line, reason, _, raw), _ in whole]
    return replace(rows, frame=frame, rejects=broken, mended=mended)


def _what(reason: str, raw: str, grammar: Grammar) -> str:
    """What was mended, for the scanner's reason: to that, spaces before a quote are a cell's."""
    cells = [cell for cell in split_cells(raw, grammar.delimiter) if '"' in cell]
    is_spaced = reason == BARE_QUOTE and all(map(_QUOTED.fullmatch, cells))
    return SPACED_QUOTE if is_spaced else reason


def _mended(raw: str, mapping: Mapping, grammar: Grammar) -> list[str] | None:
    """The cells of a row; None where a person could not tell them either."""
    written = split_cells(raw, grammar.delimiter)
    if grammar.delimiter.join(written) != raw or "\r" in raw or any(map(_is_open, written)):
        return None  # text follows a closing quote, or none closes
    cells = [_unquoted(cell) for cell in written]
    surplus = cells[grammar.cells :]
    if any(cell.strip() for cell in surplus):
        return None
    cells = cells[: grammar.cells]
    if len(cells) < grammar.cells and not _has_needed(cells, mapping):
        return None
    if (len(cells) < grammar.cells or '"' in "".join(cells)) and not _fit(cells, mapping):
        return None
    return cells + [""] * (grammar.cells - len(cells))


def _is_open(cell: str) -> bool:
    return cell.lstrip(" ").startswith('"') and not _QUOTED.fullmatch(cell)


def _unquoted(cell: str) -> str:
    match = _QUOTED.fullmatch(cell)
    return match[1].replace('""', '"') if match else cell


def _has_needed(cells: Sequence[str], mapping: Mapping) -> bool:
    """Whether the cells that every row needs are there and filled."""
    names = ("order_id",) if mapping.line_items else REQUIRED[mapping.kind]
    needed = [mapping.columns[name] for name in names if name in mapping.columns]
    needed += mapping.product or ()
    return all(index < len(cells) and cells[index].strip() for index in needed)


def _fit(cells: Sequence[str], mapping: Mapping) -> bool:
    return all(_fits(cells, mapping, name, form) for name, form in _FORMS.items())


def _fits(cells: Sequence[str], mapping: Mapping, name: str, form: str) -> bool:
    """Whether a cell may hold what its column does: a cell that is missing further in front, or
    cut at a delimiter between quotes, shifts all that follow."""
    at = mapping.columns.get(name, len(cells))
    return at >= len(cells) or re.fullmatch(form, cells[at].strip()) is not None


@dataclass(slots=True)
class MendedCount:
    """How many rows of a file were mended, by reason."""

    found: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Reason: how many, and the first line."""

    def add(self, mended: Iterable[tuple[str, int]]) -> None:
        """Add those of one piece."""
        for reason, line in mended:
            count, first = self.found.get(reason, (0, line))
            self.found[reason] = (count + 1, min(first, line))

    def told(self) -> list[dict[str, str]]:
        """For the import."""
        return [
            {
                "about": reason,
                "text": f"{some(count, 'row')} {_TOLD[reason]}; first line: {line}",
            }
            for reason, (count, line) in self.found.items()
        ]
