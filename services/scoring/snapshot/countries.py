"""A snapshot added up by country: what pages show when they are narrowed to one. Pure."""

from typing import Any

import polars as pl

from rfm_common.documents import Cell, CountrySums

KEPT = 300
"""The countries with the most customers; the column may hold anything, also a million values."""
UNKNOWN = ""
Row = dict[str, Any]


def cells(frame: pl.DataFrame, *also: str) -> pl.DataFrame:
    """Customers and money by recency score and the rounded mean of the other two scores."""
    both = ((pl.col("f_score") + pl.col("m_score") + 1) // 2).alias("fm_score")
    return frame.group_by(*also, "r_score", both).agg(
        customers=pl.len(), monetary=pl.col("monetary").sum()
    )


def grid(counted: pl.DataFrame) -> list[Cell]:
    """Cells as a run's summary keeps them."""
    return [_cell(row) for row in counted.sort("r_score", "fm_score").iter_rows(named=True)]


def _cell(row: Row) -> Cell:
    return Cell(
        r_score=row["r_score"], fm_score=row["fm_score"], customers=row["customers"],
        monetary=str(row["monetary"]),
    )  # fmt: skip


def by_country(frame: pl.DataFrame) -> tuple[list[Row], list[Row]]:
    """Rows for `segment_countries` and for `country_summaries`, of the commonest countries."""
    known = frame.with_columns(pl.col("country").fill_null(UNKNOWN))
    counts = known["country"].value_counts().sort("count", "country", descending=[True, False])
    if counts.height > KEPT:
        known = known.join(counts.head(KEPT), on="country", how="semi")
    # Groups by number, not by text.
    placed = known.with_columns(pl.col("country").cast(pl.Categorical()))
    return _segments(placed), summaries(_sums(placed), cells(placed, "country"))


def _segments(frame: pl.DataFrame) -> list[Row]:
    rows = frame.group_by("country", "cluster_id", "segment_name").agg(
        customer_count=pl.len(),
        order_count=pl.col("frequency").sum(),
        monetary=pl.col("monetary").sum(),
        recency_sum=pl.col("recency_days").cast(pl.Int64).sum(),
        median_recency_days=pl.col("recency_days").median(),
    )
    return rows.sort("country", "cluster_id").rows(named=True)


def _sums(frame: pl.DataFrame) -> pl.DataFrame:
    is_active = pl.col("frequency") > 0
    return frame.group_by("country").agg(
        customers=pl.len(),
        active_customers=is_active.sum(),
        orders=pl.col("frequency").sum(),
        monetary=pl.col("monetary").sum(),
        median_recency_days=pl.col("recency_days").filter(is_active).median(),
    )


def summaries(sums: pl.DataFrame, counted: pl.DataFrame) -> list[Row]:
    """The parts of a run's summary that differ from country to country, with their cells."""
    found: dict[str, list[Cell]] = {}
    for row in counted.sort("country", "r_score", "fm_score").iter_rows(named=True):
        found.setdefault(row["country"], []).append(_cell(row))
    return [
        {"country": row["country"], "summary": _summary(row, found[row["country"]])}
        for row in sums.sort("country").iter_rows(named=True)
    ]


def _summary(row: Row, cells: list[Cell]) -> CountrySums:
    return CountrySums(
        customers=row["customers"], active_customers=row["active_customers"],
        orders=row["orders"], monetary=str(row["monetary"]),
        median_recency_days=row["median_recency_days"], grid=cells,
    )  # fmt: skip
