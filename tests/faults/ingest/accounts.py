"""The accounting that must hold once every dropped file is through, whatever happened before."""

from collections import Counter

from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.db import run_sql
from rfm_common.models import ImportState
from tests.integration.ingest.dropping import Shop


async def check(shop: Shop, redis: Redis, dropped: dict[str, str]) -> None:
    """Each file (name: expected state) is in one final state and one place, loaded once, told."""
    rows = await shop.ledger()
    assert Counter(row.file_name for row in rows) == Counter(dropped.keys())
    assert {row.file_name: row.state for row in rows} == dropped
    for row in rows:
        place = shop.settings.data_dir / str(row.stored_path)
        expected = "quarantine" if row.state == ImportState.QUARANTINED else "archive"
        assert (place.exists(), place.parent.name) == (True, expected)
        parts = (row.rows_new + row.rows_updated + row.rows_unchanged
                 + row.rows_superseded + row.rows_rejected)  # fmt: skip
        # Of a file that somebody refused, the good rows became nothing.
        assert row.rows_total == parts or row.reason == "declined"
    assert [path.name for path in shop.settings.input_dir.iterdir()] == []
    folders = (shop.settings.archive_dir, shop.settings.quarantine_dir)
    stored = [path for folder in folders for path in folder.glob("*.csv")
              if not path.name.endswith(".rejects.csv")]  # fmt: skip
    assert len(stored) == len(dropped)
    await _check_database(shop, rows)
    told = {event.import_id for _, event in await bus.read(redis, "0-0", count=10_000)
            if event.type in ("import.finished", "import.rejected")}  # fmt: skip
    assert told == {row.import_id for row in rows}


async def _check_database(shop: Shop, rows: list) -> None:
    async with shop.sessions() as session:

        async def ask(statement: str) -> object:
            return (await run_sql(session, statement)).scalar()

        assert await ask("SELECT data_version FROM data_state") == len(
            [row for row in rows if row.data_version])  # fmt: skip
        assert await ask("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0
        assert await ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'stage%'") == 0
        listed = await ask("SELECT count(*) FROM import_rejects")
        assert listed == sum(row.rows_superseded + row.rows_rejected for row in rows)
