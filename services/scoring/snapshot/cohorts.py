"""Cohorts: who ordered first in which month, and what they did in each month since. Pure.

The definitions are those of R, F and M, without the window: counted statuses, days of the shop,
money in the base currency, a refund lowers revenue and is no order.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scoring.snapshot.countries import KEPT
from scoring.snapshot.dialects import Dialect
from scoring.snapshot.features import (
    IN_SCORES,
    PURCHASE,
    Spec,
    amount,
    counted,
    rate_join,
    rate_table,
)


def months_sql(spec: Spec, dialect: Dialect) -> str:
    """A row for each customer and month with an order or a refund: customer_id, country,
    first_month, month, orders, revenue, left_out.

    A refund from before the first order counts in the month of that order. Whoever never ordered
    has no row.
    """
    month = f"date_trunc('month', {dialect.local('o.order_date', spec.zone)})"
    return f"""
WITH {rate_table(spec, dialect)}counted AS (
    SELECT o.customer_id, CAST({month} AS date) AS month,
           CASE WHEN {PURCHASE} THEN 1 END AS bought, {amount(spec, dialect)} AS amount
    FROM orders o{rate_join(spec, dialect)} WHERE {counted(spec, dialect)}
), monthly AS (
    SELECT customer_id, month, count(bought) AS orders, COALESCE(sum(amount), 0) AS revenue,
           count(*) - count(amount) AS left_out
    FROM counted GROUP BY customer_id, month
), placed AS (
    SELECT *, min(CASE WHEN orders > 0 THEN month END) OVER (PARTITION BY customer_id)
           AS first_month
    FROM monthly
)
SELECT p.customer_id, COALESCE(c.country, '') AS country, p.first_month,
       greatest(p.month, p.first_month) AS month, p.orders, p.revenue, p.left_out
FROM placed p JOIN customers c ON c.customer_id = p.customer_id
WHERE p.first_month IS NOT NULL AND {IN_SCORES}
"""


def customers_sql(months: str) -> str:
    """Rows of `customer_cohorts`, from a table of the rows of `months_sql`."""
    return f"""
SELECT customer_id, first_month, array_agg(month ORDER BY month) AS months
FROM {months} WHERE orders > 0 GROUP BY customer_id, first_month
"""


def cells_sql(months: str) -> str:
    """Rows of `cohort_cells`, from the same: of all countries, and of the commonest ones."""
    return f"""
SELECT GROUPING(country) = 1 AS is_total, COALESCE(country, '') AS country, first_month, month,
       count(*) FILTER (WHERE orders > 0) AS customers, CAST(sum(orders) AS bigint) AS orders,
       sum(revenue) AS revenue, CAST(sum(left_out) AS bigint) AS left_out
FROM {months} GROUP BY GROUPING SETS ((first_month, month), (country, first_month, month))
HAVING GROUPING(country) = 1 OR country IN (
    SELECT COALESCE(c.country, '') FROM customers c WHERE {IN_SCORES}
    GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {KEPT})
"""


def month_of(moment: datetime, zone: ZoneInfo) -> date:
    """The shop's month, by its first day."""
    return moment.astimezone(zone).date().replace(day=1)


def is_over(month: date, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the month had ended at that moment; its last microsecond ends it."""
    return month_of(moment + timedelta(microseconds=1), zone) > month
