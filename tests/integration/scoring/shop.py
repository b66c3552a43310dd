"""A shop in the database, written the way ingest does: rows, data_version and ledger together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import text
from sqlmodel import col, select

from rfm_common.bus import add_to_outbox
from rfm_common.db import Sessions, run_sql
from rfm_common.events import ImportFinished
from rfm_common.models import ScoringRun
from rfm_common.runs import RunRequest, queue_run
from rfm_common.settings import Settings
from rfm_common.versions import next_version
from scoring.engines import Engine, open_engine
from scoring.runs import jobs


@dataclass(frozen=True)
class ShopOrder:
    """A line of an orders file."""

    order_id: str
    customer_id: str
    order_date: datetime
    amount: Decimal
    currency: str = ""
    status: str = "completed"


def at(text: str) -> datetime:
    """`2024-01-10` or `2024-01-10 12:30`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def load(
    sessions: Sessions,
    orders: Iterable[ShopOrder] = (),
    customers: Iterable[str] = (),
    rates: Sequence[tuple[str, date, str]] = (),
) -> int:
    """One import; the new data_version."""
    orders = list(orders)
    async with sessions() as session, session.begin():
        import_id = await _ledger(session, len(orders))
        ids = sorted({*customers, *(order.customer_id for order in orders)})
        await _many(session, "INSERT INTO customers (customer_id, import_id) VALUES (:id, :by)"
                    " ON CONFLICT DO NOTHING",
                    [{"id": one, "by": import_id} for one in ids])  # fmt: skip
        await _many(session, _UPSERT, [vars(one) | {"import_id": import_id} for one in orders])
        await _many(session, "INSERT INTO exchange_rates VALUES (:c, :d, :r)",
                    [{"c": c, "d": d, "r": Decimal(r)} for c, d, r in rates])  # fmt: skip
        return await _new_version(session, import_id)


_UPSERT = """
INSERT INTO orders (order_id, customer_id, order_date, order_amount, currency, status, import_id)
VALUES (:order_id, :customer_id, :order_date, :amount, :currency, :status, :import_id)
ON CONFLICT (order_id) DO UPDATE SET customer_id = excluded.customer_id,
    order_date = excluded.order_date, order_amount = excluded.order_amount,
    currency = excluded.currency, status = excluded.status, import_id = excluded.import_id
"""


async def _ledger(session: Any, rows: int) -> int:
    made = await run_sql(
        session,
        "INSERT INTO imports (file_name, kind, state, sha256, size_bytes, rows_total, rows_new)"
        " VALUES ('orders.csv', 'orders', 'loaded', gen_random_uuid()::text, 1, :rows, :rows)"
        " RETURNING import_id",
        rows=rows,
    )
    return int(made.scalar_one())


async def _new_version(session: Any, import_id: int) -> int:
    version = await next_version(session)
    await run_sql(session, "UPDATE imports SET data_version = :v WHERE import_id = :i",
                  v=version, i=import_id)  # fmt: skip
    add_to_outbox(
        session, ImportFinished(import_id=import_id, file_name="o.csv", data_version=version)
    )
    return version


async def _many(session: Any, statement: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        await (await session.connection()).execute(text(statement), rows)


async def score(
    settings: Settings,
    sessions: Sessions,
    redis: Redis,
    request: RunRequest | None = None,
    engine: Engine | None = None,
) -> ScoringRun:
    """Ask for a run, carry it out in this process (with a worker's engine), return its row."""
    engine = engine or open_engine(settings, sessions)
    async with sessions() as session, session.begin():
        queued = await queue_run(session, settings, request or RunRequest(), "api")
    await jobs.drain(jobs.Context(settings, sessions, redis, engine, "test"))
    return await run_of(sessions, queued.run_id)


async def caught_up(sessions) -> None:
    """So that a worker has nothing to do but what it is asked."""
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE data_state SET scored_version = data_version")


async def run_of(sessions: Sessions, run_id: int | None) -> ScoringRun:
    """A run's row as it is now."""
    async with sessions() as session:
        return (await session.exec(select(ScoringRun).where(ScoringRun.run_id == run_id))).one()


async def runs(sessions: Sessions) -> list[ScoringRun]:
    """All runs, oldest first."""
    async with sessions() as session:
        return list((await session.exec(select(ScoringRun).order_by(col(ScoringRun.run_id)))).all())


async def snapshot(sessions: Sessions, calc_date: datetime | None) -> dict[str, dict[str, Any]]:
    """Every customer of a published snapshot."""
    async with sessions() as session:
        rows = await run_sql(
            session,
            "SELECT * FROM rfm_features JOIN customer_clusters USING (customer_id, calc_date)"
            " WHERE calc_date = :moment",
            moment=calc_date,
        )
        return {row["customer_id"]: dict(row) for row in rows.mappings()}
