"""Undoing an import through the API, the page and the command line."""

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from ingest.keeping.undoing import Undoer
from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop


@pytest_asyncio.fixture
async def shop(settings: Settings, sessions: Sessions, redis: Redis, client) -> Shop:
    """Import 2 overwrites one of the two orders of import 1 and brings another."""
    shop = Shop(settings, sessions, redis)
    await shop.load("a.csv", ORDERS_HEADER + "O1,C1,2024-01-10,5,EUR,\nO2,C1,2024-01-10,6,EUR,\n")
    await shop.load("b.csv", ORDERS_HEADER + "O1,C1,2024-01-10,50,EUR,\nO3,C2,2024-01-10,7,EUR,\n")
    return shop


async def carried_out(shop: Shop) -> None:
    await Undoer(shop.settings, shop.sessions, shop.redis).carry_out()


async def test_what_an_undo_would_change_is_told(shop: Shop, client: httpx.AsyncClient) -> None:
    ahead = (await client.get("/imports/2/undo")).json()
    assert ahead == {"rows": 2, "files": 1, "missing": []}
    assert (await client.get("/imports/1/undo")).json()["rows"] == 1
    assert (await client.get("/imports/9/undo")).status_code == 404


async def test_an_undo_is_asked_for_and_done(shop: Shop, client: httpx.AsyncClient) -> None:
    answer = await client.post("/imports/2/undo")
    assert (answer.status_code, answer.headers["location"]) == (202, "/imports/2")
    assert (answer.json()["undo"], answer.json()["state"]) == ("asked", "loaded")
    await carried_out(shop)
    row = (await client.get("/imports/2")).json()
    assert (row["undo"], row["state"]) == (None, "undone")
    again = await client.post("/imports/2/undo")
    assert (again.status_code, again.json()["detail"]) == (409, "import 2 is undone already")
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT action, subject, detail FROM audit_log")
        assert [tuple(row) for row in found] == [("import.undo", "import 2", {"how": "asked"})]


@pytest.mark.parametrize("forced", [False, True])
async def test_the_page_undoes_and_says_why_not(
    shop: Shop, client: httpx.AsyncClient, forced: bool
) -> None:
    page = (await client.get("/dashboard/imports/2")).text
    assert "2 orders are as this file left them" in page
    assert 'name="force"' not in page
    async with shop.sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET stored_path = NULL WHERE import_id = 1")
    page = (await client.get("/dashboard/imports/2")).text
    assert 'name="force"' in page
    assert "import 1 (a.csv)" in page

    form = {"force": "yes"} if forced else {"other": ""}
    sent = await client.post("/dashboard/imports/2/undo", data=form)
    assert (sent.status_code, sent.headers["location"]) == (303, "/dashboard/imports/2")
    assert "about to be undone" in (await client.get("/dashboard/imports/2")).text
    await carried_out(shop)
    page = (await client.get("/dashboard/imports/2")).text
    assert ("Undone: " if forced else "Not undone: up to 1 orders") in page


async def test_a_file_that_somebody_decided_about_asks_again(shop: Shop, client) -> None:
    assert (await client.post("/imports/2/read-again")).status_code == 409
    assert "decide again" not in (await client.get("/dashboard/imports/2")).text
    dates = "order_id,customer_id,order_date,order_amount\nO8,C1,03/04/2024,5\nO9,C2,05/04/2024,7\n"
    await shop.load("c.csv", dates)
    for answer in ("mdy", "dmy"):
        body = {"answers": {"date_order": answer}}
        assert (await client.post("/imports/3/decision", json=body)).status_code == 202
        await look(shop)
        assert (await client.get("/imports/3")).json()["state"] == "loaded"
        assert "decide again" in (await client.get("/dashboard/imports/3")).text
        sent = await client.post("/imports/3/read-again")
        assert (sent.status_code, sent.json()["undo"]) == (202, "read_again")
        await carried_out(shop)
        await look(shop)
        assert (await client.get("/imports/3")).json()["state"] == "needs_decision"


async def look(shop: Shop) -> None:
    for item in await shop.importer.decided():
        await shop.importer.bring_in(item)
