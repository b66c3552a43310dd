"""Amounts that a file gives in hundredths, as its names say: `amount_cents`."""

from collections.abc import Sequence
from dataclasses import replace

from ingest.reading.mapping import MAPPING_TOML, Mapping
from ingest.reading.names import without_cents


def with_cents(
    mapping: Mapping, headers: Sequence[str], sample: Sequence[Sequence[str]]
) -> Mapping:
    """The mapping, knowing the columns of whole numbers whose names say that they are cents."""
    if mapping.source == MAPPING_TOML:
        return mapping
    found = {
        ours: headers[at].strip() for ours, at in mapping.columns.items()
        if ours in ("order_amount", "refunded") and without_cents(headers[at])[1]
        and all(_is_whole(row[at]) for row in sample if len(row) == len(headers))
    }  # fmt: skip
    for ours, name in found.items():
        text = f"the column {name!r} holds cents; they are divided by 100"
        mapping.told.append({"about": f"column.{ours}", "text": text})
    return replace(mapping, cents=frozenset(found))


def _is_whole(cell: str) -> bool:
    return not cell.strip() or cell.strip().removeprefix("-").isdigit()
