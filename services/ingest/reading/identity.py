"""Ids as spreadsheets and people write them, brought to one spelling (`rfm_common.identity`)."""

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from ingest.reading.mapping import Mapping
from rfm_common.identity import ADDRESS, same_id

_IDS = ("order_id", "customer_id")


def read_ids(raw: pl.Series) -> pl.Series:
    """The spelling under which each id is kept, a column at a time."""
    ids = raw.str.strip_chars()
    if ids.str.ends_with(".0").any():
        ids = ids.str.replace(r"^([0-9]+)\.0$", "$1")
    if ids.str.contains("@", literal=True).any():
        is_address = ids.str.contains(ADDRESS)
        lower = ids.str.to_lowercase().str.strip_prefix("mailto:")
        ids = ids.zip_with(~is_address, lower)
    return ids


def tell_spellings(mapping: Mapping, sample: Sequence[Sequence[str]]) -> None:
    """Say on the import which ids of its first rows are kept under another spelling."""
    for ours in _IDS:
        at = mapping.columns.get(ours)
        cells = [row[at] for row in sample if at is not None and at < len(row)]
        mapping.told.extend(_told(ours, cells))
        mapping.told.extend(_told_alike(ours, cells))


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


def _told_alike(ours: str, cells: Iterable[str]) -> Iterable[dict[str, str]]:
    """One note for ids that differ only in case and one for leading zeros, with an example."""
    ids = list(dict.fromkeys(same_id(cell) for cell in cells if cell.strip()))
    for how, key in (("upper and lower case", str.casefold), ("leading zeros", _without_zeros)):
        if pairs := _alike(ids, key):
            first, second = pairs[0]
            yield {"about": f"column.{ours}",
                   "text": f"{first!r} and {second!r} differ only in {how} and are kept apart"
                   f" (pairs among the first rows: {len(pairs):,}); if they are the same, write"
                   " them alike in the file"}  # fmt: skip


def _alike(ids: Iterable[str], key: Callable[[str], str]) -> list[tuple[str, str]]:
    """Each id that an earlier one equals under the key, behind that one."""
    first: dict[str, str] = {}
    found = ((first.setdefault(key(one), one), one) for one in ids)
    return [(earlier, one) for earlier, one in found if earlier != one]


def _without_zeros(text: str) -> str:
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text
