"""Everything about one customer in one statement: the answer that is asked most."""

from functools import cache
from typing import Any

from msgspec.json import decode

from gateway.customers.outlook import bought_sql, outlook_sql, why_none
from gateway.customers.queries import STATUS_WORD, CustomerRecord
from gateway.customers.schemas import CustomerScores, OrderRow, Outlook
from gateway.kit.quick import Quick
from gateway.kit.rows import money
from rfm_common.counting import counted_by
from rfm_common.settings import Settings
from rfm_common.snapshots import BY_DATE

NEWEST = 100
"""Orders that are shown with their customer."""


class CustomerFacts(CustomerRecord):
    """A customer with all that the database knows; `orders` are the newest."""

    history: list[CustomerScores]
    cluster_score: dict[str, Any]
    outlook: Outlook | None
    no_outlook: str | None
    orders: list[OrderRow]
    orders_total: int


async def customer_facts(
    quick: Quick, settings: Settings, customer_id: str
) -> CustomerFacts | None:
    """Everything about a customer in one round trip."""
    word, counted = counted_by(settings.counted_statuses)
    found = await quick.one(FactsRow, _facts(word), customer_id, counted, settings.timezone)
    if found is None:
        return None
    history = decode(found.history, type=list[CustomerScores])
    outlook = decode(found.outlook, type=Outlook | None)
    return CustomerFacts(
        customer_id=found.customer_id, email=found.email, country=found.country,
        created_at=found.created_at, excluded_at=found.excluded_at,
        orders_total=found.orders_total,
        history=history,
        cluster_score=decode(found.cluster_score, type=dict[str, Any]),
        outlook=outlook,
        no_outlook=None if outlook else why_none(is_scored=bool(history), bought=found.bought),
        orders=decode(found.orders, type=list[OrderRow]),
    )  # fmt: skip


class FactsRow(CustomerRecord):
    """The same with lists as JSON."""

    history: str
    cluster_score: str
    outlook: str
    bought: bool
    orders: str
    orders_total: int


@cache
def _facts(word: str) -> str:
    """The statement, with the SQL of what decides whether an order counts."""
    who = ("(SELECT id FROM who)", "(SELECT calc_date FROM newest)")
    outlook, bought = outlook_sql(*who), bought_sql(*who)
    return f"""
WITH who AS MATERIALIZED (
    SELECT coalesce(joined_to, customer_id) AS id FROM customers WHERE customer_id = $1
), history AS MATERIALIZED (
    SELECT r.calc_date, r.run_id, r.window_days, f.recency_days, f.frequency,
           {money("f.monetary")} AS monetary, f.r_score, f.f_score, f.m_score,
           c.segment_name, c.cluster_id
    FROM rfm_features f
    JOIN customer_clusters c USING (customer_id, calc_date)
    JOIN scoring_runs r ON r.calc_date = f.calc_date AND r.is_current
    WHERE f.customer_id = (SELECT id FROM who)
), newest AS MATERIALIZED (SELECT * FROM history ORDER BY {BY_DATE} LIMIT 1)
SELECT customer_id, email, country, created_at, excluded_at,
       (SELECT coalesce(json_agg(history ORDER BY {BY_DATE}), '[]') FROM history) AS history,
       coalesce((SELECT c.cluster_score FROM newest n JOIN customer_clusters c USING (calc_date)
                 WHERE c.customer_id = (SELECT id FROM who)), '{{}}') AS cluster_score,
       coalesce((SELECT row_to_json(o) FROM ({outlook}) o), 'null') AS outlook,
       {bought} AS bought,
       (SELECT coalesce(json_agg(recent ORDER BY order_date DESC, order_id), '[]') FROM (
            SELECT o.order_id, o.order_date, {money("o.order_amount")} AS order_amount,
                   o.currency, o.status, {STATUS_WORD} AS status_word,
                   o.order_amount < 0 AS is_refund, coalesce(
                       {word} = ANY($2) AND o.order_date <= n.calc_date AND o.order_date
                       >= timezone($3, timezone($3, n.calc_date)
                                       - make_interval(days => n.window_days)),
                       false) AS is_counted
            FROM orders o LEFT JOIN newest n ON true WHERE o.customer_id = (SELECT id FROM who)
            ORDER BY o.order_date DESC, o.order_id LIMIT {NEWEST}) AS recent) AS orders,
       (SELECT count(*) FROM orders WHERE customer_id = (SELECT id FROM who)) AS orders_total
FROM customers WHERE customer_id = (SELECT id FROM who)"""
