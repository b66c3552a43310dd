"""Drop files, let the ingest service take them in, and look at what is there afterwards."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from sqlmodel import select

from ingest.folder import Dropped
from ingest.importer import Importer
from ingest.service import Ingest
from rfm_common.db import Sessions, run_sql
from rfm_common.models import Import, ImportReject, ImportState
from rfm_common.settings import Settings

ORDERS_HEADER = "order_id,customer_id,order_date,order_amount,currency,status\n"
CUSTOMERS_HEADER = "customer_id,email,country,created_at\n"
TABLES = {
    "customers": "customer_id, email, country, created_at",
    "orders": "order_id, customer_id, order_date, order_amount, currency, status",
    "exchange_rates": "currency, valid_from, rate",
}


def drop(settings: Settings, name: str, content: str | bytes) -> Path:
    """Put a complete file into the folder, as a rename of one written elsewhere does."""
    settings.input_dir.mkdir(parents=True, exist_ok=True)
    path, partial = settings.input_dir / name, settings.input_dir / f".{name}"
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    earlier = time.time() - 60
    os.utime(partial, (earlier, earlier))
    partial.rename(path)
    return path


class Shop:
    """One folder and its database, loaded without waiting for the watcher."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self.settings, self.sessions, self.redis = settings, sessions, redis
        self.importer = Importer(settings, sessions, redis)

    async def load(self, name: str, content: str | bytes) -> Import:
        """Drop a file, bring it in, and return its row of the ledger."""
        path = drop(self.settings, name, content)
        await self.importer.bring_in(Dropped(path, path.lstat()))
        return (await self.ledger())[-1]

    async def ledger(self) -> list[Import]:
        async with self.sessions() as session:
            return list((await session.exec(select(Import).order_by(Import.import_id))).all())

    async def rejects(self, row: Import) -> list[ImportReject]:
        query = select(ImportReject).where(ImportReject.import_id == row.import_id)
        async with self.sessions() as session:
            return list((await session.exec(query.order_by(ImportReject.line))).all())

    async def tables(self) -> Mapping[str, list[tuple[object, ...]]]:
        """Everything that files say, without which import said it."""
        async with self.sessions() as session:
            return {
                table: [tuple(row) for row in
                        await run_sql(session, f"SELECT {columns} FROM {table} ORDER BY 1, 2")]
                for table, columns in TABLES.items()
            }  # fmt: skip

    async def statuses(self) -> dict[str, tuple[str, str | None]]:
        """What each order's status means, and the file's word where it is another one."""
        query = "SELECT order_id, status, status_word FROM orders"
        async with self.sessions() as session:
            return {row[0]: (row[1], row[2]) for row in await run_sql(session, query)}

    async def clear(self) -> None:
        """Forget everything, as on the first day."""
        async with self.sessions() as session, session.begin():
            for table in ("orders", "customers", "exchange_rates", "imports", "outbox",
                          "lake_removals", "file_profiles", "customer_emails"):  # fmt: skip
                await run_sql(session, f"DELETE FROM {table}")
            await run_sql(session, "UPDATE data_state SET data_version = 0, scored_version = 0")
        for folder in (self.settings.input_dir, self.settings.archive_dir,
                       self.settings.quarantine_dir, self.settings.held_dir):  # fmt: skip
            for path in folder.glob("*"):
                path.unlink()


@asynccontextmanager
async def running(settings: Settings, sessions: Sessions, redis: Redis) -> AsyncGenerator[None]:
    """The whole service, watcher included, in this process."""
    stop = asyncio.Event()
    task = asyncio.create_task(Ingest(settings, sessions, redis).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def settled(sessions: Sessions, count: int, seconds: float = 30) -> list[Import]:
    """The ledger, once `count` files are decided and moved."""
    async with asyncio.timeout(seconds):
        while True:
            async with sessions() as session:
                rows = (await session.exec(select(Import).order_by(Import.import_id))).all()
            done = [row for row in rows if row.state != ImportState.READING
                    and not str(row.stored_path).startswith("input/")]  # fmt: skip
            if len(done) >= count:
                return done
            await asyncio.sleep(0.02)
