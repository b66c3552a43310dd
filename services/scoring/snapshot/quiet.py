"""Customers of value who are going quiet: how they are found, and what that is worth. Pure.

Going quiet: in the worst two fifths by recency, or without an order in the window, but with one in
the window before it. Of value: by what they did in the window that ended with their last order
they came back, and are in the best two fifths by frequency and money.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from rfm_common.calendar import days_before
from rfm_common.documents import Slipping
from scoring.snapshot import frames
from scoring.snapshot.dialects import Dialect
from scoring.snapshot.features import (
    PURCHASE,
    Edges,
    Spec,
    amount,
    counted,
    days_since,
    rate_join,
    rate_table,
)
from scoring.snapshot.stats import exact

WINDOWS = 2
"""Whoever has been silent for longer than so many windows is gone, not going."""
QUIET_EDGE = 2
"""Beyond the third edge of recency a score is 2 or 1."""
CAME_BACK = 2
VALUED = 4
"""The least mean of frequency and monetary score, halves rounded up."""
COLUMNS: Mapping[Any, pl.DataType] = {
    "customer_id": pl.String(), "recency_days": pl.Int32(), "frequency": pl.Int32(),
    "monetary": frames.MONEY,
}  # fmt: skip


def reaching_back(spec: Spec) -> datetime:
    """The first moment that matters to what somebody spent before going quiet."""
    return days_before(spec.calc_date, (WINDOWS + 1) * spec.window_days, ZoneInfo(spec.zone))


def is_going(spec: Spec, edges: Edges) -> str:
    """Whether a customer of the features, in the window or not, is going quiet."""
    edge = int(edges["recency_days"][QUIET_EDGE])
    return f"silent_days > {edge} AND silent_days <= {WINDOWS * spec.window_days}"


def spent_sql(spec: Spec, dialect: Dialect, quiet: str) -> str:
    """COLUMNS of the customers in `quiet` (customer_id, silent_days); rates reach back far enough.

    What is refunded after the last order lowers monetary, too.
    """
    return f"""
WITH {rate_table(spec, dialect)}quiet AS (SELECT * FROM {quiet} q)
SELECT q.customer_id, q.silent_days AS recency_days,
       count(CASE WHEN {PURCHASE} THEN 1 END) AS frequency,
       COALESCE(sum({amount(spec, dialect)}), 0) AS monetary
FROM quiet q JOIN orders o ON o.customer_id = q.customer_id{rate_join(spec, dialect)}
WHERE {counted(spec, dialect)} AND o.order_date >= {dialect.timestamp(reaching_back(spec))}
  AND {days_since("o.order_date", spec, dialect)} < q.silent_days + {spec.window_days}
GROUP BY q.customer_id, q.silent_days
"""


def read(*parts: bytes) -> pl.DataFrame:
    """The rows of `spent_sql`."""
    csv, schema = b"".join(parts), dict(COLUMNS)
    if not csv:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(BytesIO(csv), has_header=False, schema=schema)


def of_value(found: pl.DataFrame, edges: Edges) -> pl.DataFrame:
    """Those of value, who came back; whoever spent most first."""
    middle = (pl.col("f_score") + pl.col("m_score") + 1) // 2
    return (
        frames.score(found.filter(pl.col("frequency") >= CAME_BACK), edges)
        .filter(middle >= VALUED)
        .select(*COLUMNS)
        .sort("monetary", "customer_id", descending=[True, False])
    )


def slipping(valued: pl.DataFrame) -> Slipping:
    """How many they are, and what they spent before they went quiet."""
    money = exact(Decimal(valued["monetary"].sum() or 0))
    return {"customers": valued.height, "monetary": str(money)}
