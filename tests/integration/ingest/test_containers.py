"""Files that are no plain text, from the drop to the tables, the archive and an erasure."""

import gzip
import json
from hashlib import sha256

import pytest
from redis.asyncio import Redis

from ingest.keeping.erasing import Eraser
from rfm_common.db import Sessions
from rfm_common.decisions import decide
from rfm_common.erasure import request_erasure
from rfm_common.models import Import
from rfm_common.settings import Settings
from tests.books import Rows, xlsx, zipped
from tests.integration.ingest.dropping import Shop, drop, running, settled
from tests.traces import traces

HEADER = ("order_id", "customer_id", "order_date", "order_amount")
CSV = ",".join(HEADER) + "\nO1,EVA-1,2024-01-10,5\nO2,BOB,2024-01-10,7\n"
ORDERS: Rows = [HEADER, ("O1", "EVA-1", (45301, 1), 5.0), ("O2", "BOB", (45301, 1), 7.0)]
FILES = {
    "a.xlsx": xlsx({"Orders": ORDERS, "Cover": [("made for EVA-1",)]}),
    "b.csv.gz": gzip.compress(CSV.encode()),
    "c.zip": zipped({"orders.csv": CSV}),
    "d.jsonl": "".join(json.dumps({"order_id": order, "customer_id": customer, "order_amount": 5,
                                   "order_date": "2024-01-10"}) + "\n"
                       for order, customer in [("O1", "EVA-1"), ("O2", "BOB")]),
    "e.xlsx": xlsx({"Orders": [HEADER, ORDERS[2]], "Mail": [("eva@example.com",)]}),
    "others.xlsx": xlsx({"Orders": [HEADER, ORDERS[2], ("O3", "BOB", (45301, 1), 1.0)]}),
}  # fmt: skip


async def erase(shop: Shop, customer_id: str) -> None:
    async with shop.sessions() as session, session.begin():
        await request_erasure(session, shop.settings, customer_id, "cli")
    await Eraser(shop.settings, shop.sessions, shop.redis).carry_out()


async def answer(shop: Shop, row: Import, **answers: str) -> Import:
    async with shop.sessions() as session, session.begin():
        await decide(session, row.import_id or 0, answers, "test", remember=True)
    for item in await shop.importer.decided():
        await shop.importer.bring_in(item)
    return next(one for one in await shop.ledger() if one.import_id == row.import_id)


async def test_a_workbook_goes_through_the_watched_folder(
    settings: Settings, sessions: Sessions, redis: Redis
) -> None:
    good: Rows = [(f"O{n}", "BOB", (45301, 1), 1.0) for n in range(10)]
    book = xlsx({"Cover": [("Shop",)], "Orders": [HEADER, *good, ("O99", "BOB", "never", 1.0)]})
    async with running(settings, sessions, redis):
        drop(settings, "January.XLSX", book)
        drop(settings, "again.dat", book)
        first, second = await settled(sessions, 2)
    shop = Shop(settings, sessions, redis)
    assert (first.state, first.rows_new) == ("loaded_with_rejects", 10)
    assert first.sha256 == sha256(book).hexdigest()
    assert [one["text"] for one in first.notes["told"] if one["about"] == "sheet"] == [
        "Read: 'Orders'. Not read: 'Cover'."
    ]
    assert [reject.line for reject in await shop.rejects(first)] == [12]
    assert second.state == "duplicate"
    assert (settings.data_dir / str(first.stored_path)).read_bytes() == book


async def test_the_sheet_is_asked_and_decided(shop: Shop) -> None:
    more: Rows = [(*HEADER, "note"), ("O3", "BOB", (45302, 1), 1.0, "x")]
    held = await shop.load("two.xlsx", xlsx({"Orders": ORDERS, "Returns": more}))
    assert held.state == "needs_decision"
    assert [question["about"] for question in held.questions] == ["sheet"]
    assert [(way["answers"], way["numbers"]["rows"]) for way in held.preview["ways"]] == [
        ({"sheet": "Orders"}, 2), ({"sheet": "Returns"}, 1),
    ]  # fmt: skip
    row = await answer(shop, held, sheet="Returns")
    assert (row.state, row.rows_new) == ("loaded", 1)
    later = xlsx({"Orders": ORDERS, "Returns": [*more, ("O4", "BOB", (45302, 1), 1.0, "x")]})
    again = await shop.load("later.xlsx", later)
    assert (again.state, again.rows_new) == ("loaded", 1)
    assert [order[0] for order in (await shop.tables())["orders"]] == ["O3", "O4"]


@pytest.mark.parametrize("name", FILES)
async def test_an_erased_customer_is_in_no_archived_file(name: str, shop: Shop) -> None:
    await shop.load(name, FILES[name])
    await shop.load("customers.csv", "customer_id,email\nEVA-1,eva@example.com\n")
    await erase(shop, "EVA-1")
    assert await traces(shop.sessions, shop.redis, shop.settings.data_dir, "EVA-1") == []
    [kept] = [path for path in shop.settings.archive_dir.iterdir() if path.name.endswith(name)]
    if name == "others.xlsx":
        assert kept.read_bytes() == FILES[name]
        return
    text = kept.read_text()
    assert ("BOB" in text, "EVA-1" in text, "eva@" in text) == (True, False, False)
    row = (await shop.ledger())[0]
    assert row.notes["file_changed"]["what"] == "rewritten"

    await shop.load(f"re-{name}", FILES[name])
    assert all("EVA-1" not in str(order) for order in (await shop.tables())["orders"])
    for path in shop.settings.archive_dir.iterdir():
        assert b"EVA-1" not in path.read_bytes()


async def test_a_workbook_that_waits_for_its_sheet_is_not_kept_with_an_erased_customer(
    shop: Shop,
) -> None:
    await shop.load("orders.csv", CSV)
    await erase(shop, "EVA-1")
    more: Rows = [(*HEADER, "note"), ("O3", "BOB", (45302, 1), 1.0, "x")]
    row = await shop.load("two.xlsx", xlsx({"Orders": ORDERS, "Returns": more}))
    assert (row.state, row.reason, row.stored_path) == ("quarantined", "erased", None)
    assert not list(shop.settings.held_dir.glob("*"))


async def test_a_refused_workbook_is_searched_and_removed_only_where_it_names_the_person(
    shop: Shop,
) -> None:
    await shop.load("orders.csv", CSV)
    for name, words in {"hers.xlsx": ("id", "EVA-1"), "his.xlsx": ("id", "BOB")}.items():
        row = await shop.load(name, xlsx({"Notes": [words, words]}))
        assert (row.state, row.reason) == ("quarantined", "unknown_columns")
    await erase(shop, "EVA-1")
    assert [row.stored_path is None for row in await shop.ledger()] == [False, True, False]
