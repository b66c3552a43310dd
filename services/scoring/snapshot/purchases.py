"""What the value models know of each customer's past: its one SQL text, and reading it. Pure."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from scoring.snapshot.copied import read_rows
from scoring.snapshot.dialects import Dialect
from scoring.snapshot.features import (
    PURCHASE,
    Among,
    Spec,
    amount,
    counted,
    rate_join,
    rate_table,
)
from scoring.value import Purchases

COLUMNS: Mapping[Any, pl.DataType] = {
    "customer_id": pl.String(), "cluster_id": pl.Int16(), "frequency": pl.Float64(),
    "recency": pl.Float64(), "age": pl.Float64(), "spend_count": pl.Float64(),
    "spent": pl.Float64(),
}  # fmt: skip


def purchases_sql(spec: Spec, dialect: Dialect, placed: str, among: Among) -> str:
    """COLUMNS of the customers in `placed` (customer_id, cluster_id), up to calc_date.

    A purchase is a day of the shop with a counted order, however long ago; `spec` has the rates
    of all these days. `spend_count` counts those whose money is known, and `spent` is their money
    less what was refunded. Whoever never bought has NULL.
    """
    # OFFSET 0 keeps the planner from computing the day again for each figure made of it.
    day = f"CAST({dialect.local('o.order_date', spec.zone)} AS date)"
    first, last = (f"CAST({end} AS timestamp)" for end in ("first_day", "last_day"))
    until = dialect.local(dialect.timestamp(spec.calc_date), spec.zone)
    return f"""
WITH {rate_table(spec, dialect)}counted AS (
    SELECT o.customer_id, CASE WHEN {PURCHASE} THEN {day} END AS bought,
           {amount(spec, dialect)} AS amount
    FROM orders o{rate_join(spec, dialect)}
    WHERE {counted(spec, dialect)} AND {among("o.customer_id")} OFFSET 0
), bought AS (
    SELECT customer_id, min(bought) AS first_day, max(bought) AS last_day,
           count(DISTINCT bought) AS days,
           count(DISTINCT bought) FILTER (WHERE amount IS NOT NULL) AS spend_count,
           COALESCE(sum(amount), 0) AS spent
    FROM counted GROUP BY customer_id HAVING count(bought) > 0
)
SELECT p.customer_id, p.cluster_id, b.days - 1 AS frequency,
       {dialect.whole_days(first, last)} AS recency, {dialect.whole_days(first, until)} AS age,
       b.spend_count, b.spent
FROM {placed} p LEFT JOIN bought b ON b.customer_id = p.customer_id
WHERE {among("p.customer_id")}
"""


def read(*parts: bytes) -> pl.DataFrame:
    """The rows of the query, sorted by id, so that nothing depends on their order."""
    return read_rows(b"".join(parts), COLUMNS).sort("customer_id")


def past(buyers: pl.DataFrame) -> Purchases:
    """The same of customers who bought, as the models take it."""
    mean = pl.col("spent") / pl.col("spend_count").clip(lower_bound=1)
    columns = buyers.with_columns(spend_mean=mean)
    names = ("frequency", "recency", "age", "spend_count", "spend_mean")
    return Purchases(**{name: columns[name].to_numpy() for name in names})
