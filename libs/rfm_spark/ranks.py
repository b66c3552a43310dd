"""Ask a cluster for exact values at ranks: first where they lie, then what lies there."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rfm_spark import tallies
from rfm_spark.connect import Connection
from rfm_spark.tallies import Column, Tally

Wanted = Mapping[int, tuple[int, Sequence[int]]]
"""Part by part, its rows and the ranks (from 0) that are wanted."""
Bounds = Mapping[int, tallies.Bounds]
EVERYTHING = [Decimal(-1), Decimal(2**31)]


async def values(
    spark: Connection, column: Column, wanted: Wanted
) -> dict[int, dict[int, Decimal]]:
    """Part by part, the figure's value at each rank."""
    asked = {number: one for number, one in wanted.items() if one[0] and one[1]}
    if not asked:
        return {number: {} for number in wanted}
    if column.is_tallied_whole:
        return await _tallied(spark, column, asked, dict.fromkeys(asked, EVERYTHING))
    try:
        found = await _tallied(spark, column, asked, await _sketched(spark, column, asked))
    except LookupError:  # the sketch was worse than it promises: look at everything
        found = await _tallied(spark, column, asked, await _extremes(spark, column))
    return {number: found.get(number, {}) for number in wanted}


async def _sketched(spark: Connection, column: Column, asked: Wanted) -> Bounds:
    """Each part has ranks of its own; those of the others are asked for, too, and not used."""
    places = {number: tallies.fractions(ranks, count) for number, (count, ranks) in asked.items()}
    every = sorted({place for found in places.values() for place in found})
    rows = await spark.rows(tallies.sketch_sql(column, every))
    known = {row["part"]: dict(zip(every, row["bounds"], strict=True)) for row in rows}
    return {
        number: [Decimal(known[number][place]) for place in found]
        for number, found in places.items()
    }


async def _extremes(spark: Connection, column: Column) -> Bounds:
    rows = await spark.rows(tallies.extremes_sql(column))
    return {row["part"]: [Decimal(row["low"]), Decimal(row["high"])] for row in rows}


async def _tallied(
    spark: Connection, column: Column, asked: Wanted, bounds: Bounds
) -> dict[int, dict[int, Decimal]]:
    rows = await spark.rows(tallies.tally_sql(column, bounds))
    return {
        number: tallies.values_at(_of(rows, number), ranks) for number, (_, ranks) in asked.items()
    }


def _of(rows: Sequence[Mapping[str, Any]], part: int) -> list[Tally]:
    return [
        Tally(row["place"], None if row["value"] is None else Decimal(row["value"]), row["tally"])
        for row in rows
        if row["part"] == part
    ]
