"""Refunds that have the id of their order: each gets an id of its own, so that the order stays.

A refund is a row with a negative amount. Whether its order lies in the same file, in an earlier or
in a later one, the tables are the same afterwards.
"""
# ruff: noqa: S608 - every identifier in these statements is a constant of `tables`

from sqlmodel.ext.asyncio.session import AsyncSession

from ingest.loading.stage import Apart, Stage
from ingest.loading.tables import TARGETS
from rfm_common.db import run_sql
from rfm_common.models import Kind

ABOUT = "refunds"


def told(apart: Apart) -> list[dict[str, str]]:
    """For the import."""
    if not apart.refunds:
        return []
    text = (
        f"Rows with a negative amount and the id of an order: {apart.refunds:,}, such as"
        f" {apart.example!r}. They are refunds: they lower what the customer paid, and the order"
        " stays."
    )
    return [{"about": ABOUT, "text": text}]


def _own(row: str) -> str:
    """SQL: the id of a refund, the same in every file, such as `1001 refund 2026-09-20 -5`."""
    return (
        f"({row}.order_id || ' refund ' || to_char({row}.order_date AT TIME ZONE 'UTC',"
        f" 'YYYY-MM-DD') || ' ' || trim_scale({row}.order_amount))"
    )


async def within(session: AsyncSession, stage: Stage) -> None:
    """Set apart the staged refunds whose id has another row; the stage has no unique key yet."""
    if stage.target is not TARGETS[Kind.ORDERS]:
        return
    await _count(session, stage, f"""
        UPDATE {stage.table} s SET order_id = {_own("s")}
        FROM (SELECT order_id FROM {stage.table} GROUP BY order_id
              HAVING count(DISTINCT (order_date, order_amount)) > 1) o
        WHERE s.order_amount < 0 AND s.order_id = o.order_id
        RETURNING o.order_id AS was, s.order_id AS now
        """)  # fmt: skip


async def between(session: AsyncSession, stage: Stage) -> None:
    """Set apart the refunds whose order, or another refund of it, lies in another file: loaded
    ones first, then staged ones."""
    if stage.target is not TARGETS[Kind.ORDERS] or not await _has_orders(session):
        return
    for condition in (_HAS_STAGED_ROW, _HAS_STAGED_REFUND):
        await _count(session, stage, f"""
            UPDATE orders t SET order_id = {_own("t")} FROM {stage.table} s
            WHERE t.order_amount < 0 AND {condition}
              AND NOT EXISTS (SELECT FROM orders o WHERE o.order_id = {_own("t")})
            RETURNING s.order_id AS was, t.order_id AS now, t.import_id
            """, is_loaded=True)  # fmt: skip
    await _count(session, stage, f"""
        UPDATE {stage.table} s SET order_id = {_own("s")}
        FROM (SELECT r.ctid AS place, r.order_id FROM {stage.table} r
              WHERE r.order_amount < 0 AND ({_HAS_LOADED_ORDER} OR {_HAS_LOADED_REFUND})) o
        WHERE s.ctid = o.place
        RETURNING o.order_id AS was, s.order_id AS now
        """)  # fmt: skip


async def _has_orders(session: AsyncSession) -> bool:
    """A first load, which may be of millions of rows, need not be looked through."""
    return bool((await run_sql(session, "SELECT EXISTS (SELECT FROM orders)")).scalar())


_HAS_STAGED_ROW = f"""
t.order_id = s.order_id AND (s.order_amount >= 0 OR {_own("t")} <> {_own("s")})
"""
_HAS_STAGED_REFUND = """
s.order_amount < 0 AND s.order_id LIKE '% refund %'
AND t.order_id = split_part(s.order_id, ' refund ', 1)
"""
_HAS_LOADED_ORDER = """
EXISTS (SELECT FROM orders t WHERE t.order_id = r.order_id AND t.order_amount >= 0)
"""
_HAS_LOADED_REFUND = """
EXISTS (SELECT FROM orders t WHERE t.order_id > r.order_id || ' refund '
                               AND t.order_id < r.order_id || ' refund!')
"""
"""A range, so that the key's index finds it."""


async def _count(
    session: AsyncSession, stage: Stage, update: str, *, is_loaded: bool = False
) -> None:
    """Carry out an update that returns `was` and `now`. Single lines follow their orders, and the
    lake's files of earlier imports are written anew."""
    follow = ""
    if is_loaded:
        follow = """, rewritten AS (
            UPDATE imports SET in_lake = false WHERE import_id IN (SELECT import_id FROM apart))"""
    elif stage.line_items:
        follow = f""", lines AS (
            UPDATE {stage.items} i SET order_id = a.now FROM apart a WHERE i.order_id = a.was)"""
    counted = await run_sql(
        session, f"WITH apart AS ({update}) {follow} SELECT count(*), min(was) FROM apart"
    )
    refunds, example = tuple(counted.one())
    stage.apart.add(refunds, example)
