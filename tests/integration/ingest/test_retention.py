"""What may name people is removed after so many days; the ledger stays and says so."""

import os
import time
from datetime import UTC, datetime

from ingest.keeping.retention import thin
from rfm_common.db import run_sql
from rfm_common.models import ImportState, OutboxEvent
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop

GOOD = "O1,C1,2024-01-10,5.00,EUR,completed\n"
MIXED = ORDERS_HEADER + GOOD * 20 + "O2,C1,2024-02-30,5.00,EUR,completed\n"
BROKEN = ORDERS_HEADER + 'O1,C1,2024-01-10,"5,EUR,completed\n'


async def aged(shop: Shop, days: int) -> None:
    async with shop.sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET finished_at = now() - make_interval(days => :d)",
                      d=days)  # fmt: skip


async def kept(shop: Shop) -> list[str]:
    folders = (shop.settings.archive_dir, shop.settings.quarantine_dir)
    return sorted(path.name for folder in folders for path in folder.glob("*"))


async def test_files_and_lists_go_when_they_are_old_enough(shop: Shop) -> None:
    mixed, broken = await shop.load("mixed.csv", MIXED), await shop.load("broken.csv", BROKEN)
    await aged(shop, 89)
    await thin(shop.settings, shop.sessions)
    assert await kept(shop) == ["1-mixed.csv", "2-broken.csv", "2-broken.csv.rejects.csv"]
    assert len(await shop.rejects(mixed)) == 20

    await aged(shop, 91)
    await thin(shop.settings, shop.sessions)
    assert await kept(shop) == ["1-mixed.csv"]
    assert await shop.rejects(mixed) == []
    rows = await shop.ledger()
    assert (rows[0].rows_rejected, rows[0].rows_superseded) == (1, 19), "the counts stay"
    assert rows[0].notes["rejects_removed_at"]
    assert (rows[1].stored_path, rows[1].notes["file_changed"]["why"]) == (None, "retention")

    await aged(shop, 366)
    await thin(shop.settings, shop.sessions)
    await thin(shop.settings, shop.sessions)
    assert await kept(shop) == []
    again = await shop.load("again.csv", MIXED)
    assert (again.state, again.duplicate_of) == (ImportState.DUPLICATE, mixed.import_id)
    assert broken.sha256 == rows[1].sha256


async def test_events_go_a_day_after_they_were_told(shop: Shop) -> None:
    async def waiting_and_told() -> list[tuple[str, bool]]:
        async with shop.sessions() as session:
            found = await run_sql(session, "SELECT type, published_at IS NOT NULL FROM outbox"
                                  " ORDER BY outbox_id")  # fmt: skip
            return [(row[0], row[1]) for row in found]

    async def aged(hours: int) -> None:
        async with shop.sessions() as session, session.begin():
            await run_sql(session, "UPDATE outbox SET created_at = created_at -"
                          " make_interval(hours => :h), published_at = published_at -"
                          " make_interval(hours => :h)", h=hours)  # fmt: skip

    async with shop.sessions() as session, session.begin():
        session.add(OutboxEvent(type="of.yesterday", published_at=datetime.now(UTC)))
        session.add(OutboxEvent(type="never.told"))
    await aged(hours=23)
    await thin(shop.settings, shop.sessions)
    assert await waiting_and_told() == [("of.yesterday", True), ("never.told", False)]
    await aged(hours=2)
    await thin(shop.settings, shop.sessions)
    assert await waiting_and_told() == [("never.told", False)]


async def test_zero_keeps_everything_for_ever(shop: Shop) -> None:
    for_ever = {"archive_days": 0, "quarantine_days": 0, "reject_days": 0}
    row = await shop.load("mixed.csv", MIXED)
    await aged(shop, 36_500)
    await thin(shop.settings.model_copy(update=for_ever), shop.sessions)
    assert (await kept(shop), len(await shop.rejects(row))) == (["1-mixed.csv"], 20)


async def test_uploads_that_broke_off_are_removed_after_a_day(shop: Shop) -> None:
    old, fresh, own = (shop.settings.input_dir / name for name in
                       (".upload-1.part", ".upload-2.part", ".mine.part"))  # fmt: skip
    for path in (old, fresh, own):
        path.write_text("half")
    for path in (old, own):
        os.utime(path, (time.time() - 90_000,) * 2)
    await thin(shop.settings, shop.sessions)
    assert [path.exists() for path in (old, fresh, own)] == [False, True, True]
