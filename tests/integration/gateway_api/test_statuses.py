"""Changing what a status of a loaded file means, through the API and the page."""

import re

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
    """Import 1 has two orders that count and one that does not."""
    shop = Shop(settings, sessions, redis)
    words = ("closed", "closed", "on hold")
    lines = (f"O{n},C1,2024-01-10,5,EUR,{word}\n" for n, word in enumerate(words))
    await shop.load("a.csv", ORDERS_HEADER + "".join(lines))
    return shop


async def carried_out(shop: Shop) -> None:
    await Undoer(shop.settings, shop.sessions, shop.redis).carry_out()


async def test_a_status_is_changed_and_remembered(shop: Shop, client: httpx.AsyncClient) -> None:
    body = {"answers": {"status.closed": "cancelled"}, "remember": True}
    answer = await client.post("/imports/1/statuses", json=body)
    assert (answer.status_code, answer.headers["location"]) == (202, "/imports/1")
    assert answer.json()["correction"] == body
    await carried_out(shop)
    row = (await client.get("/imports/1")).json()
    assert (row["correction"], row["answers"]) == (None, {"status.closed": "cancelled"})
    assert row["notes"]["statuses"][0] == {
        "word": "closed", "rows": 2, "status": "cancelled", "is_counted": False}  # fmt: skip
    [profile] = (await client.get("/profiles")).json()["profiles"]
    assert profile["answers"] == {"status.closed": "cancelled"}
    text = (await client.get("/profiles/1/mapping.toml")).text
    assert '[file.statuses]\n"closed" = "cancelled"' in text
    async with shop.sessions() as session:
        found = await run_sql(session, "SELECT action, subject, detail FROM audit_log")
        assert [tuple(row) for row in found] == [
            ("import.correct", "import 1", {"status.closed": "cancelled"})]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "answers", "status"),
    [
        (1, {"status.closed": "no"}, 400),
        (1, {"status.other": "pending"}, 400),
        (1, {}, 400),
        (9, {"status.closed": "pending"}, 404),
    ],
)
async def test_what_cannot_be_changed_is_refused(
    shop: Shop, client: httpx.AsyncClient, number: int, answers: dict[str, str], status: int
) -> None:
    answer = await client.post(f"/imports/{number}/statuses", json={"answers": answers})
    assert answer.status_code == status
    assert status != 400 or answer.json()["allowed"]


def buttons(page: str) -> dict[str, str]:
    """The label of each word's button that is pressed."""
    found = re.findall(r'aria-pressed="true" disabled aria-label="(.+?): (.+?)"', page)
    return {word: label for label, word in found}


async def test_the_page_changes_a_status_with_one_button(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    page = (await client.get("/dashboard/imports/1")).text
    assert buttons(page) == {"closed": "Counts", "on hold": "Not paid"}
    form = {"status.on hold": "completed"}
    sent = await client.post("/dashboard/imports/1/statuses", data=form)
    assert (sent.status_code, sent.headers["location"]) == (303, "/dashboard/imports/1#statuses")
    page = (await client.get("/dashboard/imports/1")).text
    assert "about to be read again" in page
    assert buttons(page) == {"closed": "Counts", "on hold": "Counts"}
    await carried_out(shop)
    page = (await client.get("/dashboard/imports/1")).text
    assert "about to be read again" not in page
    assert "&#39;on hold&#39; was changed to completed" in page
    assert (await client.get("/profiles")).json()["profiles"] == []

    async with shop.sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET stored_path = NULL")
    page = (await client.get("/dashboard/imports/1")).text
    assert "closed" in page
    assert buttons(page) == {}
