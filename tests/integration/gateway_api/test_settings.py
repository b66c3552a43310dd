"""The lasting settings: stored, checked, told with their source, and used without a restart."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from rfm_common.db import run_sql
from rfm_common.settings import Settings
from tests.integration.gateway_api.test_comparable import AS_OF, DAY, fill, work
from tests.integration.scoring.shop import ShopOrder, load, run_of, score
from tests.running import eventually


def named(answer: httpx.Response) -> dict[str, dict]:
    assert answer.status_code == 200, answer.text
    return {row["name"]: row for row in answer.json()["settings"]}


async def test_defaults_are_told_as_such(client) -> None:
    listed = named(await client.get("/settings"))
    assert {name: row["value"] for name, row in listed.items()} == {
        "window_days": 365, "default_k": 5, "timezone": "UTC", "currency": None,
        "counted_statuses": [],
    }  # fmt: skip
    assert {row["source"] for row in listed.values()} == {"default"}
    assert [row["variable"] for row in listed.values()] == [
        "RFM_WINDOW_DAYS", "DEFAULT_K", "RFM_TIMEZONE", "RFM_CURRENCY", "RFM_COUNTED_STATUSES",
    ]  # fmt: skip
    assert (await client.get("/settings")).json()["pending"] is None


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("window_days", 90, 90),
        ("window_days", "3650", 3650),
        ("default_k", "auto", "auto"),
        ("default_k", 50, 50),
        ("timezone", "America/New_York", "America/New_York"),
        ("currency", "usd", "USD"),
        ("counted_statuses", "Paid,  SENT ", ["paid", "sent"]),
        ("counted_statuses", ["Sent", "paid"], ["paid", "sent"]),
    ],
)
async def test_a_change_is_kept_told_and_audited(client, name, given, kept) -> None:
    before = named(await client.get("/settings"))[name]["value"]
    answer = await client.patch("/settings", json={name: given})
    assert answer.json()["changes"] == [{"name": name, "before": before, "after": kept}]
    row = named(await client.get("/settings"))[name]
    assert (row["value"], row["source"], row["changed_by"]) == (kept, "stored", "local")
    assert row["changed_at"]
    entries = (await client.get("/audit", params={"action": "settings.change"})).json()["entries"]
    assert [(one["actor"], one["subject"], one["detail"]) for one in entries] == [
        ("local", name, {"from": before, "to": kept})
    ]
    again = await client.patch("/settings", json={name: given})
    assert again.json()["changes"] == []
    assert (await client.patch("/settings", json={name: None})).json()["changes"] == [
        {"name": name, "before": kept, "after": before}
    ]
    assert named(await client.get("/settings"))[name]["source"] == "default"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"window_days": 0}, "window_days: must be a whole number of days from 1 to 3650, not 0."),
        ({"window_days": 3651}, "from 1 to 3650"),
        ({"window_days": "a year"}, "from 1 to 3650, not 'a year'."),
        ({"window_days": 90.5}, "window_days"),
        ({"window_days": True}, "window_days"),
        ({"default_k": 51}, "default_k: must be a whole number from 1 to 50, or auto, not 51."),
        ({"default_k": "many"}, "or auto"),
        ({"timezone": "Europe/Berln"}, "not 'Europe/Berln'. Did you mean Europe/Berlin?"),
        ({"timezone": "america/new_york"}, "Did you mean America/New_York?"),
        ({"timezone": "Europe"}, "not 'Europe'."),
        (
            {"timezone": "../../etc/passwd"},
            "timezone: must be a name of the IANA time zone database",
        ),
        ({"timezone": ""}, "timezone: must be a name of the IANA time zone database"),
        ({"currency": "EURO"}, "currency: must be the three letters of a currency"),
        ({"currency": "EUX"}, "such as EUR, not 'EUX'."),
        ({"currency": "€"}, "currency"),
        (
            {"counted_statuses": 5},
            "must be words separated by commas, such as completed, shipped, not 5",
        ),
        ({"window": 90}, "window"),
    ],
)
async def test_what_is_not_allowed_is_refused_by_name(reader, body, words) -> None:
    answer = await reader.patch("/settings", json={"default_k": 4, **body})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    listed = named(await reader.get("/settings"))
    assert {row["source"] for row in listed.values()} == {"default"}


async def test_the_environment_wins_and_says_so(api, settings: Settings, sessions) -> None:
    async with api(settings) as client:
        await client.patch("/settings", json={"window_days": 30, "default_k": 4})
    fixed = settings.model_copy(update={"window_days": 180, "timezone": "Asia/Tokyo"})
    async with api(fixed) as client:
        listed = named(await client.get("/settings"))
        assert (listed["window_days"]["value"], listed["window_days"]["source"]) == (
            180, "environment",
        )  # fmt: skip
        assert (listed["default_k"]["value"], listed["default_k"]["source"]) == (4, "stored")
        refused = await client.patch("/settings", json={"default_k": 6, "window_days": 90})
        assert (refused.status_code, refused.json()["field"]) == (409, "window_days")
        assert "RFM_WINDOW_DAYS in the environment" in refused.json()["detail"]
        assert named(await client.get("/settings"))["default_k"]["value"] == 4


async def test_another_gateway_notices_a_change_by_itself(api, settings: Settings) -> None:
    async with api(settings) as here, api(settings) as there:
        assert (await there.post("/pipeline/run")).json()["window_days"] == 365
        await here.patch("/settings", json={"window_days": 77})

        async def knows() -> bool:
            return (await there.post("/pipeline/run")).json()["window_days"] == 77

        await eventually(knows, what="the other gateway scores with the new window")


async def test_a_stored_zone_that_is_not_known_any_more_is_left_out(client, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "INSERT INTO settings (name, value, changed_by) VALUES"
            " ('timezone', '\"Mars/Olympus\"', 'x'), ('window_days', '90', 'x'), ('k', '1', 'x')",
        )
    listed = named(await client.get("/settings"))
    assert listed["timezone"]["value"] == "UTC"
    assert listed["window_days"]["value"] == 90


async def test_the_next_run_uses_what_is_stored(settings, sessions, redis, client) -> None:
    await fill(sessions)
    await score(settings, sessions, redis, AS_OF)
    changed = await client.patch("/settings", json={"window_days": 90, "default_k": 3})
    assert changed.json()["pending"] == (
        "The newest scores were calculated with a window of 365 days and 5 clusters; the settings"
        " now say a window of 90 days and 3 clusters. The next run recalculates all scores."
        " Customers whom this moves to another segment get the cause “definition”."
    )
    accepted = (await client.post("/pipeline/run")).json()
    assert (accepted["window_days"], accepted["k"]) == (90, 3)
    await work(settings, sessions, redis)
    run = await run_of(sessions, accepted["run_id"])
    assert (run.window_days, run.k, run.is_automatic) == (90, 3, True)


async def test_the_worker_reads_them_with_the_run_that_data_asks_for(
    settings, sessions, redis, client
) -> None:
    names = ["shipped", "returned", "completed"]
    for number, status in enumerate(names * 4):
        at = DAY - timedelta(days=number, hours=1)
        await load(sessions, [ShopOrder(f"O{number}", f"C{number}", at, Decimal(5), "EUR", status)])
    asked = {
        "counted_statuses": "shipped", "timezone": "Asia/Tokyo", "currency": "EUR",
        "default_k": 2,
    }  # fmt: skip
    await client.patch("/settings", json=asked)
    await work(settings, sessions, redis)
    [run] = (await client.get("/runs")).json()["runs"]
    found = await run_of(sessions, run["run_id"])
    assert found.summary["measured"]["counted_statuses"] == ["shipped"]
    assert found.summary["measured"]["timezone"] == "Asia/Tokyo"
    assert (found.summary["orders"], found.k, found.base_currency) == (4, 2, "EUR")
    assert (await client.get("/settings")).json()["pending"] is None


async def test_a_change_is_the_cause_of_what_it_moves(settings, sessions, redis, client) -> None:
    await fill(sessions)
    await score(settings, sessions, redis, replace(AS_OF, calc_date=DAY - timedelta(9)))
    await client.patch("/settings", json={"window_days": 60})
    body = {"calc_date": DAY.isoformat()}
    assert (await client.post("/pipeline/run", json=body)).json()["window_days"] == 60
    await work(settings, sessions, redis)
    flows = (await client.get("/migrations")).json()["flows"]
    moved = {flow["cause"] for flow in flows if flow["from_segment"] != flow["to_segment"]}
    assert moved == {"definition"}
