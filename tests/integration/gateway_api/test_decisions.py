"""Deciding about a file that waits, through the API and through the form of its page."""

import re
import tomllib
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from tests.integration.ingest.dropping import ORDERS_HEADER, Shop


@pytest_asyncio.fixture
async def held(
    settings: Settings, sessions: Sessions, redis: Redis, client: httpx.AsyncClient
) -> AsyncGenerator[Shop]:
    """Import 1 waits: a quarter of its rows is bad."""
    shop = Shop(settings, sessions, redis)
    good = "".join(f"O{n},C{n},2024-01-10,9.99,EUR,completed\n" for n in range(12))
    bad = "".join(f"B{n},C1,2024-02-31,1,EUR,completed\n" for n in range(4))
    row = await shop.load("orders.csv", ORDERS_HEADER + good + bad)
    assert row.state == "needs_decision"
    yield shop


async def look(shop: Shop) -> str:
    for item in await shop.importer.decided():
        await shop.importer.bring_in(item)
    return str((await shop.ledger())[0].state)


async def test_a_file_that_waits_shows_its_question(held: Shop, client) -> None:
    found = (await client.get("/imports", params={"state": "needs_decision"})).json()
    assert [row["import_id"] for row in found["imports"]] == [1]
    row = (await client.get("/imports/1")).json()
    [question] = row["questions"]
    assert (question["about"], question["proposal"]) == ("rejects", "load_good")
    assert row["message"] == question["text"]
    preview = (await client.get("/imports/1/preview")).json()
    assert preview["ways"][0]["numbers"]["amounts"] == {"EUR": 119.88}
    assert preview["ways"][0]["rows"][0]["cells"]["customer_id"] == "C0"
    assert (await client.get("/health")).json()["pending_imports"] == 0


async def test_an_answer_sends_the_file_on_its_way(held: Shop, client) -> None:
    answer = await client.post("/imports/1/decision", json={"answers": {"rejects": "load_good"}})
    assert (answer.status_code, answer.headers["location"]) == (202, "/imports/1")
    assert answer.json()["state"] == "reading"
    [entry] = (await client.get("/audit")).json()["entries"]
    assert (entry["action"], entry["subject"]) == ("import.decide", "import 1")
    assert await look(held) == "loaded_with_rejects"
    again = await client.post("/imports/1/decision", json={"answers": {"rejects": "load_good"}})
    assert (again.status_code, again.json()["import_id"]) == (409, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"answers": {"rejects": "perhaps"}}, "answers.rejects"),
        ({"answers": {"encoding": "utf-8"}}, "answers.encoding"),
        ({"answers": {}}, "answers.rejects"),
    ],
)
async def test_an_answer_that_is_no_choice_names_the_field(held: Shop, client, body, field) -> None:
    answer = await client.post("/imports/1/decision", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert answer.json()["allowed"]
    assert (await held.ledger())[0].state == "needs_decision"


async def test_a_body_that_is_no_decision_is_refused(held: Shop, client) -> None:
    for body in ({}, {"answers": ["rejects"]}, {"answers": {}, "do": 1}):
        assert (await client.post("/imports/1/decision", json=body)).status_code == 400
    body = {"answers": {"rejects": "load_good"}}
    assert (await client.post("/imports/9/decision", json=body)).status_code == 404


async def test_the_page_asks_with_a_plain_form(held: Shop, client) -> None:
    page = (await client.get("/dashboard/imports/1")).text
    assert "4 of 16 rows have a problem: import the other 12?" in page
    assert "119.88" in page
    [checked] = re.findall(r'value="([^"]+)" checked', page)
    assert checked == "load_good"
    listed = (await client.get("/dashboard/imports")).text
    assert "Needs your decision" in listed
    assert "1 file waits" in (await client.get("/dashboard")).text
    part = await client.get("/dashboard/imports/1/preview", params={"answer.rejects": "load_good"})
    assert "119.88" in part.text

    posted = await client.post(
        "/dashboard/imports/1/decision", data={"answer.rejects": checked, "do": "import"}
    )
    assert (posted.status_code, posted.headers["location"]) == (303, "/dashboard/imports/1")
    assert await look(held) == "loaded_with_rejects"
    page = (await client.get("/dashboard/imports/1")).text
    assert 'id="decision"' not in page


async def test_the_page_refuses_a_file(held: Shop, client) -> None:
    posted = await client.post("/dashboard/imports/1/decision", data={"do": "refuse"})
    assert posted.status_code == 303
    assert await look(held) == "quarantined"
    assert (await client.get("/imports/1")).json()["reason"] == "declined"
    assert "every row was there already" not in (await client.get("/dashboard/imports/1")).text


PROFILE = """
INSERT INTO file_profiles (name, fingerprint, kind, headers, mapping, questions, answers, import_id)
VALUES ('till', 'ab', 'orders', '["Beleg", "Kunde"]',
        '{"columns": {"order_id": "Beleg", "customer_id": "Ku\\"nde"}, "line_items": true}',
        '[{"about": "date_order", "text": "?", "choices": [{"value": "dmy", "label": "day"},
           {"value": "mdy", "label": "month"}]}]', '{"date_order": "dmy"}', 7)
"""


async def test_profiles_are_listed_renamed_answered_anew_and_forgotten(
    client, sessions: Sessions
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, PROFILE.replace(":", "\\:"))
    [profile] = (await client.get("/profiles")).json()["profiles"]
    assert (profile["name"], profile["answers"]) == ("till", {"date_order": "dmy"})
    changed = await client.patch(
        "/profiles/1", json={"name": "Till", "answers": {"date_order": "mdy"}}
    )
    assert changed.json()["answers"] == {"date_order": "mdy"}
    wrong = await client.patch("/profiles/1", json={"answers": {"date_order": "x"}})
    assert (wrong.status_code, wrong.json()["allowed"]) == (400, ["dmy", "mdy"])
    text = (await client.get("/profiles/1/mapping.toml")).text
    [rule] = tomllib.loads(text)["file"]
    assert rule["columns"] == {"order_id": "Beleg", "customer_id": 'Ku"nde'}
    assert rule["line_items"]
    assert '[file.answers]\n"date_order" = "mdy"' in text

    listed = (await client.get("/dashboard/profiles")).text
    assert "Till" in listed
    assert "<strong>month</strong>" in listed
    page = (await client.get("/dashboard/profiles/1")).text
    assert '<option value="mdy" selected>month</option>' in page
    form = {"name": "Shop", "answer.date_order": "dmy", "do": "save"}
    assert (await client.post("/dashboard/profiles/1", data=form)).status_code == 303
    profile = (await client.get("/profiles/1")).json()
    assert (profile["name"], profile["answers"]) == ("Shop", {"date_order": "dmy"})
    wrong = await client.post("/dashboard/profiles/1", data=form | {"answer.date_order": "x"})
    assert wrong.status_code == 400
    assert (await client.post("/dashboard/profiles/1", data={"do": "remove"})).status_code == 303
    assert (await client.get("/dashboard/profiles/1")).status_code == 404
    assert (await client.delete("/profiles/1")).status_code == 404


async def test_a_profile_is_forgotten(client, sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, PROFILE.replace(":", "\\:"))
    assert (await client.delete("/profiles/1")).status_code == 204
    assert (await client.get("/profiles/1")).status_code == 404
