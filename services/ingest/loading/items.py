"""Order lines to orders: the amounts of an order's lines are added up, its other cells are those
of the first line that fills them."""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading.stage import Stage
from ingest.loading.suppressed import MESSAGE, REASON
from rfm_common.counting import COMPLETED, counted_by
from rfm_common.db import run_sql

_FIRST = "(array_agg({0} ORDER BY import_line) FILTER (WHERE {0} {1}))[1]"
_STATUS = "(array_agg({0} ORDER BY standing = 1 DESC, status = '', import_line))[1]"
"""Of the first line that counts, else of the first that has a status."""

NO_CUSTOMER = "no_customer"
"""The reason to list a row without a customer: it does not speak against its file."""

_FLAWS = {
    NO_CUSTOMER: ("customer_id", "customer_id IS NULL", "no line of the order names a customer"),
    "empty": ("order_date", "order_date IS NULL", "no line of the order has a date"),
    "amount_empty": ("order_amount", "order_amount IS NULL", "no line of the order has an amount"),
    "amount_too_large": ("order_amount", "abs(order_amount) >= 1e14", "the lines add up to more"
                         " than fourteen digits"),
}  # fmt: skip
"""Reason code: the column, when an order has the flaw, and the sentence."""


class Folded(NamedTuple):
    """How many lines were listed for what their order lacks."""

    serious: int
    """Those that speak against the file."""
    guests: int
    """Those without a customer."""


async def drop_orders(session: AsyncSession, stage: Stage, order_ids: set[str]) -> None:
    """Take out every line of the orders of erased customers; only the first one names them."""
    dropped = await run_sql(session, f"""
        WITH gone AS (DELETE FROM {stage.items} WHERE order_id = ANY(:order_ids)
                      RETURNING import_id, import_line)
        INSERT INTO import_rejects (import_id, outcome, line, column_name, reason, message)
        SELECT import_id, 'rejected', import_line, 'customer_id', :reason, :message FROM gone
        """, order_ids=sorted(order_ids), reason=REASON, message=MESSAGE)  # fmt: skip
    stage.counts.rejected += dropped.rowcount


async def hold_back(session: AsyncSession, stage: Stage, broken: Mapping[str, int]) -> None:
    """Take out every line of the orders that have a line that could not be read, by its number."""
    held = await run_sql(session, f"""
        WITH broken AS (SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:lines AS bigint[]))
                        AS b (order_id, line)),
             gone AS (DELETE FROM {stage.items} i USING broken b WHERE i.order_id = b.order_id
                      RETURNING i.*, b.line)
        INSERT INTO import_rejects (import_id, outcome, line, column_name, value, reason, message)
        SELECT import_id, 'rejected', import_line, 'order_id', order_id, 'order_incomplete',
               'line ' || line || ' of this order could not be read, so the order is held back'
        FROM gone
        """, ids=list(broken), lines=list(broken.values()))  # fmt: skip
    stage.counts.rejected += held.rowcount


async def fold(session: AsyncSession, stage: Stage, counted_words: Collection[str]) -> Folded:
    """Fill the stage from the lines, listing those of incomplete orders.

    Where some lines of an order count and others do not, those that count are the order.
    """
    word, values = counted_by(counted_words, "l")
    columns = ("customer_id", "order_date", "currency")
    empty = {"order_date": "IS NOT NULL"}
    first = {name: _FIRST.format(name, empty.get(name, "<> ''")) for name in columns}
    first["currency"] = f"COALESCE({first['currency']}, '')"  # a file may name none
    firsts = ", ".join(f"{value} AS {name}" for name, value in first.items())
    await _reject_other_customers(session, stage)
    await run_sql(session, f"""
        CREATE TEMP TABLE folded ON COMMIT DROP AS
        SELECT order_id, {firsts}, {_STATUS.format("status")} AS status,
               {_STATUS.format("status_word")} AS status_word,
               CAST(NULL AS text) AS known_as,
               sum(order_amount) FILTER (WHERE standing >= 0 OR best < 1) AS order_amount,
               min(import_line) AS import_line, min(import_id) AS import_id
        FROM (SELECT l.*, max(standing) OVER (PARTITION BY order_id) AS best
              FROM (SELECT l.*, CASE WHEN l.status = '' THEN 0 WHEN {word} = ANY(:values) THEN 1
                                ELSE -1 END AS standing FROM {stage.items} l) l) l
        GROUP BY order_id
        """, values=values)  # fmt: skip
    await run_sql(session, f"""
        UPDATE folded SET status = '{COMPLETED}', status_word = '' WHERE status = ''
        """)  # fmt: skip
    listed: dict[str, int] = {}
    for reason, (column, condition, message) in _FLAWS.items():
        found = await run_sql(session, f"""
            WITH gone AS (DELETE FROM folded WHERE {condition} RETURNING order_id),
                 lines AS (DELETE FROM {stage.items} i USING gone g WHERE i.order_id = g.order_id
                           RETURNING i.*)
            INSERT INTO import_rejects (import_id, outcome, line, column_name, reason, message, raw)
            SELECT import_id, 'rejected', import_line, :column, :reason, :message, raw FROM lines
            """, column=column, reason=reason, message=message)  # fmt: skip
        listed[reason] = found.rowcount
    stage.counts.rejected += sum(listed.values())
    names = ", ".join((*stage.target.columns, "import_id", "import_line"))
    await run_sql(session, f"INSERT INTO {stage.table} ({names}) SELECT {names} FROM folded")
    guests = listed.pop(NO_CUSTOMER)
    return Folded(sum(listed.values()), guests)


async def _reject_other_customers(session: AsyncSession, stage: Stage) -> None:
    """A line that names another customer than its order's first one cannot be added up."""
    found = await run_sql(session, f"""
        WITH firsts AS (
            SELECT order_id, {_FIRST.format("customer_id", "<> ''")} AS owner
            FROM {stage.items} GROUP BY order_id HAVING count(DISTINCT nullif(customer_id, '')) > 1
        ), gone AS (
            DELETE FROM {stage.items} i USING firsts f WHERE i.order_id = f.order_id
            AND i.customer_id <> '' AND i.customer_id <> f.owner RETURNING i.*
        )
        INSERT INTO import_rejects
            (import_id, outcome, line, column_name, value, reason, message, raw)
        SELECT import_id, 'rejected', import_line, 'customer_id', customer_id, 'other_customer',
               'an earlier line of the order names another customer', raw
        FROM gone
        """)  # fmt: skip
    stage.counts.rejected += found.rowcount
