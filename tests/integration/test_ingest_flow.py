"""A CSV dropped into the folder is in the tables, in the ledger and on the stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal

from redis.asyncio import Redis
from sqlmodel import select

from ingest.service import Ingest
from rfm_common import bus
from rfm_common.db import Sessions
from rfm_common.models import Customer, DataState, Import, ImportState, Order
from rfm_common.settings import Settings

CUSTOMERS = "customer_id,email,country,created_at\nC001,customer1@example.com,US,2023-01-15\n"
ORDERS = (
    "order_id,customer_id,order_date,order_amount,currency,status\n"
    "O001,C001,2024-01-10,100.00,EUR,completed\nO002,C002,2024-01-11,7.5,usd,Cancelled\n"
)


@asynccontextmanager
async def running(settings: Settings, sessions: Sessions, redis: Redis) -> AsyncGenerator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(Ingest(settings, sessions, redis).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def settled(sessions: Sessions, count: int) -> list[Import]:
    """The ledger, once `count` files are decided and moved."""
    async with asyncio.timeout(20):
        while True:
            async with sessions() as session:
                rows = (await session.exec(select(Import).order_by(Import.import_id))).all()
            done = [
                row
                for row in rows
                if row.state != ImportState.READING
                and not str(row.stored_path).startswith("input/")
            ]
            if len(done) >= count:
                return done
            await asyncio.sleep(0.02)


async def test_dropped_files_reach_tables_ledger_and_stream(
    settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    (settings.input_dir / "orders.csv").write_text(ORDERS)
    async with running(settings, sessions, redis):
        await settled(sessions, 1)
        (settings.input_dir / "customers.csv").write_text(CUSTOMERS)
        [orders, customers] = await settled(sessions, 2)
    assert (orders.rows_new, customers.rows_updated) == (2, 1)
    async with sessions() as session:
        first = (await session.exec(select(Order).where(Order.order_id == "O001"))).one()
        assert first.order_amount == Decimal("100.00")
        names = {row.customer_id: row.email for row in (await session.exec(select(Customer))).all()}
        state = (await session.exec(select(DataState))).one()
    assert names == {"C001": "customer1@example.com", "C002": None}
    assert state.data_version == 2
    events = [event.type for _, event in await bus.read(redis, "0-0")]
    assert events == ["import.started", "import.finished"] * 2
