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
    Among,
    Edges,
    Spec,
    amount,
    counted,
    everyone,
    kept,
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
    return _windows_before(spec, WINDOWS + 1)


def quiet_sql(spec: Spec, edges: Edges, dialect: Dialect, among: Among = everyone) -> str:
    """COLUMNS of whoever came back and is going quiet; the rates reach back far enough.

    What is refunded after the last order lowers monetary, too.
    """
    last = _age("max(o.order_date)", spec, dialect)
    since = dialect.timestamp(_windows_before(spec, WINDOWS))
    begin = dialect.timestamp(reaching_back(spec))
    return f"""
WITH {rate_table(spec, dialect)}quiet AS (
    SELECT o.customer_id, {last} AS recency_days FROM orders o
    WHERE {counted(spec, dialect)} AND {PURCHASE} AND o.order_date >= {since}
      AND {among("o.customer_id")} AND {kept("o.customer_id")}
    GROUP BY o.customer_id HAVING {last} > {int(edges["recency_days"][QUIET_EDGE])}
)
SELECT q.customer_id, q.recency_days, count(CASE WHEN {PURCHASE} THEN 1 END) AS frequency,
       COALESCE(sum({amount(spec, dialect)}), 0) AS monetary
FROM quiet q JOIN orders o ON o.customer_id = q.customer_id{rate_join(spec, dialect)}
WHERE {counted(spec, dialect)} AND o.order_date >= {begin} AND {among("o.customer_id")}
  AND {_age("o.order_date", spec, dialect)} < q.recency_days + {spec.window_days}
GROUP BY q.customer_id, q.recency_days
HAVING count(CASE WHEN {PURCHASE} THEN 1 END) >= {CAME_BACK}
"""


def _age(moment: str, spec: Spec, dialect: Dialect) -> str:
    """Whole days before calc_date, by the shop's clock."""
    moments = (moment, dialect.timestamp(spec.calc_date))
    return dialect.whole_days(*(dialect.local(one, spec.zone) for one in moments))


def _windows_before(spec: Spec, count: int) -> datetime:
    return days_before(spec.calc_date, count * spec.window_days, ZoneInfo(spec.zone))


def read(*parts: bytes) -> pl.DataFrame:
    """The rows of `quiet_sql`."""
    csv, schema = b"".join(parts), dict(COLUMNS)
    if not csv:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(BytesIO(csv), has_header=False, schema=schema)


def of_value(found: pl.DataFrame, edges: Edges) -> pl.DataFrame:
    """Those of value, whoever spent most first."""
    scored = frames.score(found, edges)
    middle = (pl.col("f_score") + pl.col("m_score") + 1) // 2
    return (
        scored.filter(middle >= VALUED)
        .select(*COLUMNS)
        .sort("monetary", "customer_id", descending=[True, False])
    )


def slipping(valued: pl.DataFrame) -> Slipping:
    """How many they are, and what they spent before they went quiet."""
    money = exact(Decimal(valued["monetary"].sum() or 0))
    return {"customers": valued.height, "monetary": str(money)}
