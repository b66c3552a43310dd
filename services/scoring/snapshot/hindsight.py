"""The shop's own past, cut some days ago: what was known then, and what came after. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from rfm_common.calendar import days_before
from rfm_common.documents import Judgement
from scoring.snapshot import frames, purchases
from scoring.snapshot.copied import read_rows
from scoring.snapshot.dialects import Dialect
from scoring.snapshot.features import (
    IN_SCORES,
    PURCHASE,
    Among,
    Spec,
    amount,
    counted,
    edge_positions,
    edges_at,
    rate_join,
    rate_table,
)
from scoring.value import Actual, Outlook, Plain, Purchases, ValueModel, judge, outlook, weekly
from scoring.value.purchases import Figures

COLUMNS: Mapping[Any, pl.DataType] = {
    "customer_id": pl.String(), "day": pl.Int32(), "orders": pl.Int32(), "revenue": frames.MONEY,
}  # fmt: skip
EVERYBODY = (
    f"(SELECT c.customer_id, CAST(NULL AS smallint) AS cluster_id FROM customers c"
    f" WHERE {IN_SCORES})"
)
"""For `purchases_sql`, in the place of a snapshot's table, which a run may want to replace."""
WEEK = 7


@dataclass(frozen=True, slots=True)
class Cut:
    """Whole days of the shop: what was known at the end of one, and what came until another."""

    days: int
    known: Spec
    until: Spec

    @property
    def last_known(self) -> date:
        """By the shop's calendar."""
        return _day(self.known)

    @property
    def last_came(self) -> date:
        """By the same."""
        return _day(self.until)


@dataclass(frozen=True, slots=True)
class Known:
    """Customers who had bought by the cut, by id, and by what else they could be ranked."""

    ids: pl.Series
    past: Purchases
    plain: Mapping[Plain, Figures]


def cut(spec: Spec, seen: datetime, days: int) -> Cut:
    """So many days before the end of the last day of the shop that was over by `seen`."""
    zone = ZoneInfo(spec.zone)
    end = _last_whole_day(min(spec.calc_date, seen), zone)
    known = replace(spec, calc_date=days_before(end, days, zone))
    return Cut(days, known, replace(spec, calc_date=end))


def _day(spec: Spec) -> date:
    return spec.calc_date.astimezone(ZoneInfo(spec.zone)).date()


def _last_whole_day(moment: datetime, zone: ZoneInfo) -> datetime:
    """The last microsecond of the newest day that had ended; the last microsecond ends a day."""
    tomorrow = moment.astimezone(zone) + timedelta(microseconds=1)
    return datetime.combine(tomorrow.date() - timedelta(days=1), time.max, zone)


def after_sql(cut: Cut, dialect: Dialect, among: Among) -> str:
    """COLUMNS of each customer and day with an order or a refund after the cut.

    `day` counts from 1. `orders` is 1 for a purchase day, as in `purchases_sql`.
    """
    spec, since = cut.until, dialect.timestamp(cut.known.calc_date)
    midnight = f"CAST(DATE '{cut.last_known}' AS timestamp)"
    return f"""
WITH {rate_table(spec, dialect)}came AS (
    SELECT o.customer_id,
           {dialect.whole_days(midnight, dialect.local("o.order_date", spec.zone))} AS day,
           CASE WHEN {PURCHASE} THEN 1 ELSE 0 END AS bought, {amount(spec, dialect)} AS amount
    FROM orders o{rate_join(spec, dialect)}
    WHERE {counted(spec, dialect)} AND {among("o.customer_id")} AND o.order_date > {since}
)
SELECT customer_id, day, max(bought) AS orders, COALESCE(sum(amount), 0) AS revenue
FROM came GROUP BY customer_id, day
"""


def read_after(*parts: bytes) -> pl.DataFrame:
    """The rows of the query; their order does not matter."""
    return read_rows(b"".join(parts), COLUMNS)


def known(bought: pl.DataFrame, features: pl.DataFrame) -> Known:
    """The rows of `purchases.read` and of `frames.read_features`, both at the cut."""
    buyers = bought.filter(pl.col("frequency").is_not_null())
    past = purchases.past(buyers)
    scored = buyers.select("customer_id").join(
        _scored(features), on="customer_id", how="left", maintain_order="left"
    )
    plain: dict[Plain, Figures] = {
        "revenue": scored["monetary"].cast(pl.Float64).fill_null(0).to_numpy(),
        "scores": scored["scores"].cast(pl.Float64).fill_null(0).to_numpy(),
        "recency": -past.silence,
    }
    return Known(buyers["customer_id"], past, plain)


def _scored(features: pl.DataFrame) -> pl.DataFrame:
    """With the sum of R, F and M scores, as a run would have given them."""
    active = frames.totals(features).active_customers
    values = frames.active_values(features, edge_positions(active))
    edges = {name: edges_at(values[name], active) for name in values}
    scores = pl.sum_horizontal("r_score", "f_score", "m_score")
    return frames.score(features, edges).with_columns(scores=scores)


def actual(known: Known, after: pl.DataFrame) -> Actual:
    """What each of these customers did; nothing of those who came later."""
    sums = after.group_by("customer_id").agg(pl.col("orders", "revenue").sum())
    rows = known.ids.to_frame("customer_id").join(
        sums, on="customer_id", how="left", maintain_order="left"
    )
    orders, revenue = (rows[name].cast(pl.Float64).fill_null(0).to_numpy()
                       for name in ("orders", "revenue"))  # fmt: skip
    return Actual(orders, revenue)


def weekly_orders(known: Known, after: pl.DataFrame, weeks: int) -> list[float]:
    """Orders of these customers in each week after the cut."""
    theirs = after.join(known.ids.to_frame("customer_id"), on="customer_id", how="semi")
    place = ((theirs["day"] - 1) // WEEK).to_numpy()
    counts = np.bincount(place, theirs["orders"].to_numpy(), minlength=weeks)
    return [float(one) for one in counts[:weeks]]


class Expected(NamedTuple):
    """Of some of the customers: what each one, and all of them week by week, would have bought."""

    outlook: Outlook
    weeks: list[float]


def expect(model: ValueModel, past: Purchases, days: int) -> Expected:
    """What would have been expected at the cut."""
    return Expected(outlook(model, past, days), weekly(model, past, days // WEEK))


def compare(
    cut: Cut, known: Known, after: pl.DataFrame, model: ValueModel, parts: Sequence[Expected]
) -> Judgement:
    """The judgement; `parts` are of all customers, in their order."""
    columns = zip(*(part.outlook for part in parts), strict=True)
    expected = Outlook(*(np.concatenate(column) for column in columns))
    weeks = [sum(week) for week in zip(*(part.weeks for part in parts), strict=True)]
    came = weekly_orders(known, after, len(weeks))
    trust = judge(cut.days, expected, actual(known, after), known.plain, cut.known.window_days)
    return Judgement(
        known_until=str(cut.last_known), came_until=str(cut.last_came),
        first_day=str(cut.last_known - timedelta(days=int(known.past.age.max()))),
        model=model.data(), trust=trust.data(), weeks=list(zip(weeks, came, strict=True)),
    )  # fmt: skip


def without_past(cut: Cut, bought: pl.DataFrame, after: pl.DataFrame) -> Judgement:
    """Where none of these customers had bought by the cut."""
    theirs = after.join(bought, on="customer_id", how="semi").filter(pl.col("orders") > 0)
    days = theirs["day"].to_list()
    return Judgement(
        known_until=str(cut.last_known), came_until=str(cut.last_came),
        first_day=str(cut.last_known + timedelta(days=min(days))) if days else None,
        model=None, trust=None, weeks=[],
    )  # fmt: skip
