"""Putting the generated shop in, and taking it out without touching anybody's own data."""

import asyncio
from datetime import datetime
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.imports.schemas import DemoRemoved, Dropped
from rfm_common.db import AdvisoryLock, Sessions, lock, run_sql
from rfm_common.demo import PREFIX, write_shop
from rfm_common.lake import note_removal
from rfm_common.settings import Settings
from rfm_common.versions import change_without_file

STEPS = {
    "orders": "DELETE FROM orders o USING imports i WHERE i.import_id = o.import_id"
    " AND i.is_demo AND i.state <> 'reading'",
    "customers": "DELETE FROM customers c WHERE customer_id LIKE 'DEMO-%'"
    " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.customer_id)",
    "rates": "DELETE FROM exchange_rates r USING imports i WHERE i.import_id = r.import_id"
    " AND i.is_demo AND i.state <> 'reading'",
}


async def drop_demo(settings: Settings) -> Dropped:
    """Write the shop's files into the watched folder, where they are loaded like any others.

    Dropping it again the same day changes nothing: the ledger knows the bytes.
    """
    now = datetime.now(settings.zone).replace(tzinfo=None)
    written = await asyncio.to_thread(lambda: list(write_shop(settings.input_dir, now)))
    return Dropped.of([name for name, _ in written])


async def remove_demo(sessions: Sessions, settings: Settings) -> DemoRemoved:
    """Delete demo orders, customers and rates; free the ledger, so that demo can be loaded again.

    One transaction with the new version of the data and its event; nothing changes and nobody
    is told when there is no demo data. Files that wait are removed first, then the load in hand
    is waited for: what ingest has not committed by then, it takes back for want of its file.
    """
    await asyncio.to_thread(_take_back, settings.input_dir)
    async with sessions() as session, session.begin():
        await lock(session, AdvisoryLock.LOAD)
        await note_removal(session, "i.is_demo AND i.state <> 'reading'")
        counts = {name: (await run_sql(session, step)).rowcount for name, step in STEPS.items()}
        stored = await _free_ledger(session)
        version = await change_without_file(session) if any(counts.values()) else None
    for path in stored:
        _remove_file(settings.data_dir, path)
    return DemoRemoved(customers=counts["customers"], orders=counts["orders"], data_version=version)


def _take_back(folder: Path) -> None:
    for path in folder.glob(f"{PREFIX}*.csv"):
        path.unlink(missing_ok=True)


async def _free_ledger(session: AsyncSession) -> list[str]:
    """Forget the demo files; returns where they are kept."""
    freed = await run_sql(
        session, "DELETE FROM imports WHERE is_demo AND state <> 'reading' RETURNING stored_path"
    )
    return [path for path in freed.scalars() if path]


def _remove_file(data_dir: Path, stored: str) -> None:
    """Delete a kept file; only inside the data folder, whatever the ledger says."""
    path = (data_dir / stored).resolve()
    if path.is_relative_to(data_dir.resolve()):
        path.unlink(missing_ok=True)
