"""A time of the day, and a zone, in columns beside that of the date."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ingest.reading.calendar_words import ZONES
from ingest.reading.mapping import Mapping
from ingest.reading.names import key
from ingest.reading.vocabulary import vocabulary

_TIME = re.compile(r"\d{1,2}[:.h]\d{2}")
_ZONE_HEADERS = frozenset({"timezone", "zone", "tz", "zeitzone", "fuseauhoraire", "utcoffset"})
_OFFSET = re.compile(r"(?:(?:gmt|utc)?[+-]\d{1,2}:?\d{2}|z)", re.IGNORECASE)


def with_clock(
    mapping: Mapping, headers: Sequence[str], sample: Sequence[Sequence[str]]
) -> Mapping:
    """The mapping, with the columns that complete its dates where those have no time."""
    rows = [row for row in sample if len(row) == len(headers)]
    at = mapping.columns.get("order_date")
    if at is None or not rows or any(":" in row[at] for row in rows):
        return mapping
    times = [
        index for index, header in enumerate(headers)
        if vocabulary().grade(mapping.kind, "order_time", header) and index != at
        and _is_all(_TIME.match, rows, index)
    ]  # fmt: skip
    if not times:
        return mapping
    zones = [index for index, header in enumerate(headers)
             if key(header) in _ZONE_HEADERS and _is_all(_is_zone, rows, index)]  # fmt: skip
    used = [times[0], *zones[:1]]
    names = [headers[index].strip() for index in (at, *used)]
    for name in names[1:]:
        if name in mapping.ignored:
            mapping.ignored.remove(name)
    where = "" if zones else f", in the time zone of the shop{_not_understood(headers, rows)}"
    text = f"the date is made of the columns {', '.join(map(repr, names))}{where}"
    mapping.told.append({"about": "column.order_date", "text": text})
    return replace(mapping, clock=tuple(used))


def _not_understood(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """What a column for the zone says that is no zone by its word."""
    for index, header in enumerate(headers):
        said = next(filter(None, (row[index].strip() for row in rows)), "")
        if said and key(header) in _ZONE_HEADERS:
            return f"; {header.strip()!r}, such as {said!r}, is not used"
    return ""


def _is_all(test: Callable[[str], object], rows: Sequence[Sequence[str]], index: int) -> bool:
    """Whether every cell that is not blank passes, and one is there."""
    cells = [row[index].strip() for row in rows if row[index].strip()]
    return bool(cells) and all(test(cell) for cell in cells)


def _is_zone(cell: str) -> bool:
    return cell.lower() in ZONES or bool(_OFFSET.fullmatch(cell))
