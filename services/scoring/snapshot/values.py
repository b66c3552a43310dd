"""What customers are expected to buy, as rows of `customer_values` and as sums. Pure."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import polars as pl

from rfm_common.documents import ClusterValues, ValueSums
from rfm_common.models import MONEY_SCALE
from scoring.snapshot.frames import lines
from scoring.value import (
    SOON,
    Forecast,
    Purchases,
    ValueModel,
    forecast,
    outlook,
    revenue_range,
)

MONEY = ("expected_revenue_30", "expected_revenue_90", "expected_revenue_365", "revenue_90_low",
         "revenue_90_high", "expected_loss_90")  # fmt: skip
ORDERS = ("expected_orders_30", "expected_orders_90", "expected_orders_365")
COLUMNS = (*ORDERS, *MONEY, "buys_again_90", "half_back_days", "overdue")
_FORECAST = tuple(one.name for one in fields(Forecast))
SCHEMA: Mapping[str, Any] = {
    name: pl.Int32() if name == "half_back_days" else pl.Float64() for name in COLUMNS
}
DIGITS = 6
"""Of what is no money."""


def figures(model: ValueModel, past: Purchases, discount: float) -> pl.DataFrame:
    """COLUMNS of these customers, in their order; empty where there is no such figure."""
    now = forecast(model, past, discount)
    back_then = outlook(model, replace(past, age=past.recency), SOON)
    low, high = revenue_range(model, past)
    found = pl.DataFrame({
        **{name: getattr(now, name) for name in _FORECAST}, "revenue_90_low": low,
        "revenue_90_high": high,
        "expected_loss_90": np.maximum(back_then.revenue - now.expected_revenue_90, 0),
    }).fill_nan(None)  # fmt: skip
    return found.select(COLUMNS).with_columns(
        pl.col(*ORDERS, "buys_again_90", "overdue").round(DIGITS),
        pl.col(*MONEY).round(MONEY_SCALE),
        pl.col("half_back_days").ceil().cast(pl.Int32),
    )


def everyone(known: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The customers of `purchases.read` with their figures: those of the buyers, in order."""
    bought = pl.col("frequency").is_not_null()
    buyers = known.filter(bought).select("customer_id", "cluster_id").hstack(found)
    others = known.filter(~bought).select("customer_id", "cluster_id")
    return pl.concat([buyers, others], how="diagonal").sort("customer_id")


def value_lines(frame: pl.DataFrame) -> Generator[bytes]:
    """Lines for COPY of the id and COLUMNS."""
    yield from lines(frame, COLUMNS)


def totals(frame: pl.DataFrame) -> ValueSums:
    """All customers together."""
    return _sums(frame.select(_ADDED).row(0, named=True))


def by_cluster(frame: pl.DataFrame) -> list[ClusterValues]:
    """Each cluster's customers together."""
    rows = frame.group_by("cluster_id").agg(_ADDED).sort("cluster_id").iter_rows(named=True)
    return [ClusterValues(cluster_id=row["cluster_id"], **_sums(row)) for row in rows]


_ADDED: Sequence[pl.Expr] = (
    pl.col("buys_again_90").count().alias("customers"),
    pl.col("expected_orders_90", "expected_revenue_90", "expected_revenue_365",
           "expected_loss_90").sum(),
)  # fmt: skip


def _sums(row: dict[str, Any]) -> ValueSums:
    def money(name: str) -> str:
        return f"{row[name]:.{MONEY_SCALE}f}"

    return ValueSums(
        customers=row["customers"], expected_orders_90=round(row["expected_orders_90"], DIGITS),
        expected_revenue_90=money("expected_revenue_90"),
        expected_revenue_365=money("expected_revenue_365"),
        expected_loss_90=money("expected_loss_90"),
    )  # fmt: skip
