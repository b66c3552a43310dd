"""Ids as spreadsheets and people write them, brought to one spelling (`rfm_common.identity`)."""

from collections.abc import Iterable, Sequence

import polars as pl

from ingest.reading.mapping import Mapping
from rfm_common.identity import same_id

_IDS = ("order_id", "customer_id")


def read_ids(raw: pl.Series) -> pl.Series:
    """The spelling under which each id is kept, a column at a time."""
    ids = raw.str.strip_chars()
    if ids.str.ends_with(".0").any():
        ids = ids.str.replace(r"^([0-9]+)\.0$", "$1")
    is_address = ids.str.contains("@", literal=True)
    if is_address.any():
        lower = ids.str.to_lowercase().str.strip_prefix("mailto:")
        ids = ids.zip_with(~is_address, lower)
    return ids


def tell_spellings(mapping: Mapping, sample: Sequence[Sequence[str]]) -> None:
    """Say on the import which ids of its first rows are kept under another spelling."""
    for ours in _IDS:
        at = mapping.columns.get(ours)
        cells = [row[at] for row in sample if at is not None and at < len(row)]
        mapping.told.extend(_told(ours, cells))


def _told(ours: str, cells: Iterable[str]) -> Iterable[dict[str, str]]:
    """One note for numbers and one for addresses, each with the first example."""
    told = set()
    for cell in cells:
        written = cell.strip()
        reason = "numbers" if "@" not in written else "addresses"
        if same_id(written) != written and reason not in told:
            told.add(reason)
            why = {"numbers": "a number that a spreadsheet gave a fraction",
                   "addresses": "e-mail addresses are the same in any case"}[reason]  # fmt: skip
            yield {"about": f"column.{ours}",
                   "text": f"{written!r} is read as {same_id(written)!r}: {why}"}  # fmt: skip
