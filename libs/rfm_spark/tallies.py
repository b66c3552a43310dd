"""Exact values at ranks of a sorted column that is too long to be sorted in one place. Pure.

A sketch tells, within a ten-thousandth of the rows, between which values a rank lies. One pass
then counts all rows below and tallies only the few distinct values in between; the tally knows
the rank exactly. Spark's `percentile_approx` is that sketch (Greenwald and Khanna 2001).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

ACCURACY = 10_000
MARGIN = 3.0 / ACCURACY

Bounds = Sequence[Decimal]
"""Values in pairs, ascending: between the two of each pair lie ranks that are wanted."""


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of a view, in parts told apart by an expression of whole numbers."""

    source: str
    figure: str
    part: str = "0"

    @property
    def is_tallied_whole(self) -> bool:
        """Whole numbers have few distinct values: no sketch is needed."""
        return self.figure != "monetary"

    @property
    def rows(self) -> str:
        """A table of part and figure."""
        return f"(SELECT {self.part} AS part, {self.figure} AS figure FROM {self.source}) f"


class Tally(NamedTuple):
    """How many rows there are of one value, or (value None) between two pairs of bounds."""

    interval: int
    value: Decimal | None
    rows: int


def fractions(positions: Sequence[int], count: int) -> list[float]:
    """Where to ask the sketch, in pairs, ascending, for ranks (from 0) among `count` rows."""
    places = sorted(position / max(count - 1, 1) for position in positions)
    return [
        value for place in places for value in (max(0.0, place - MARGIN), min(1.0, place + MARGIN))
    ]


def merged(bounds: Bounds) -> list[Decimal]:
    """The pairs, those that overlap made one."""
    pairs = sorted(zip(bounds[::2], bounds[1::2], strict=True))
    joined: list[list[Decimal]] = []
    for low, high in pairs:
        if joined and low <= joined[-1][1]:
            joined[-1][1] = max(high, joined[-1][1])
        else:
            joined.append([low, high])
    return [value for pair in joined for value in pair]


def sketch_sql(column: Column, asked: Sequence[float]) -> str:
    """Bounds for each part: part, bounds."""
    places = ", ".join(f"{place:.8f}D" for place in asked)
    return f"""
SELECT part, percentile_approx(figure, array({places}), {ACCURACY}) AS bounds
FROM {column.rows} GROUP BY part"""


def extremes_sql(column: Column) -> str:
    """Bounds that hold everything: part, low, high."""
    return f"""
SELECT part, min(figure) AS low, max(figure) AS high
FROM {column.rows} GROUP BY part"""


def tally_sql(column: Column, bounds: Mapping[int, Bounds]) -> str:
    """Rows by part and interval, inside the pairs also by value: part, place, value, tally."""
    cases = " ".join(
        f"WHEN {number} THEN {_interval(merged(pairs))}" for number, pairs in bounds.items()
    )
    return f"""
SELECT part, place, value, count(*) AS tally
FROM (SELECT part, place, CASE WHEN place % 2 = 1 THEN figure END AS value
      FROM (SELECT f.*, CASE part {cases} END AS place
            FROM {column.rows}) a) b
GROUP BY part, place, value"""


def _interval(bounds: Bounds) -> str:
    """2 n below the pair n, 2 n + 1 inside it."""
    steps = [
        f"CASE WHEN figure {'>=' if number % 2 == 0 else '>'} {bound} THEN 1 ELSE 0 END"
        for number, bound in enumerate(bounds)
    ]
    return " + ".join(["0", *steps])


def values_at(tallies: Iterable[Tally], positions: Sequence[int]) -> dict[int, Decimal]:
    """The value at each rank; raises LookupError where the sketch was wrong about one."""
    found: dict[int, Decimal] = {}
    above, wanted = 0, sorted(set(positions))
    for tally in sorted(tallies, key=_order):
        above += tally.rows
        while wanted and wanted[0] < above:
            found[wanted.pop(0)] = _known(tally, above)
    if wanted:
        raise LookupError(f"there is no rank {wanted[0]}")
    return found


def _known(tally: Tally, above: int) -> Decimal:
    if tally.value is None:
        raise LookupError(f"a rank below {above} lies outside the bounds")
    return tally.value


def _order(tally: Tally) -> tuple[int, Decimal]:
    return tally.interval, tally.value if tally.value is not None else Decimal(0)
