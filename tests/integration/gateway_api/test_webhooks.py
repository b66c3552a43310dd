"""Webhooks end to end: a finished run, signed messages, retries, replay, and who is refused."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import pytest_asyncio

from gateway.kit.outlook import FIGURES, find_figures
from gateway.kit.snapshots import latest_snapshot
from gateway.web.app import create_app
from gateway.web.security.rules import rule_of
from gateway.webhooks import announcing
from gateway.webhooks.announcing import announce_all, announce_next
from gateway.webhooks.delivering import (
    Courier,
    claim_one,
    deliver_due,
    due_endpoints,
    forget_old,
)
from gateway.webhooks.endpoints import Wanted, add_endpoint, check_settings, take_settings
from gateway.webhooks.sending import open_client
from gateway.webhooks.service import delivering
from gateway.webhooks.signing import new_secret
from rfm_common import bus
from rfm_common.db import Sessions, run_sql
from rfm_common.errors import InvalidInputError
from rfm_common.events import RunFinished
from rfm_common.models import Scope, WebhookEndpoint
from rfm_common.settings import Settings
from scoring.runs.forecasts import forecast_next
from tests.integration.gateway_api.conftest import running
from tests.receiver import Receiver, receiving
from tests.running import eventually
from tests.shop import CALC_DATE, open_shop, score

NEXT_DAY = CALC_DATE + timedelta(days=1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The receiver of the tests is on this machine."""
    return settings.model_copy(update={"webhook_allow_private": "on", "cdn": "off"})


@pytest_asyncio.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as made:
        yield made


@pytest_asyncio.fixture
async def courier(sessions) -> AsyncGenerator[Courier]:
    """One that does not pause between its three attempts."""
    async with open_client() as client:
        yield Courier(sessions=sessions, client=client, allow_private=True, pauses=(0, 0))


async def register(sessions: Sessions, url: str, **wanted: object) -> WebhookEndpoint:
    async with sessions() as session, session.begin():
        return await add_endpoint(session, Wanted(url=url, **wanted))  # type: ignore[arg-type]


async def sql(sessions: Sessions, statement: str, **values: object) -> list[tuple[object, ...]]:
    async with sessions() as session, session.begin():
        found = await run_sql(session, statement, **values)
        return [tuple(row) for row in found.all()] if found.returns_rows else []


async def place(sessions: Sessions, run_id: int, **segments: str) -> None:
    """Put customers into segments of a snapshot."""
    for customer, segment in segments.items():
        await sql(
            sessions,
            f"UPDATE customer_clusters_{run_id} SET segment_name = :segment"
            " WHERE customer_id = :customer",
            segment=segment,
            customer=customer,
        )


async def deliver_all(courier: Courier) -> None:
    """Until nothing is due any more."""
    while due := await due_endpoints(courier.sessions):
        for endpoint_id in due:
            await deliver_due(courier, endpoint_id)


async def same_again(sessions: Sessions, run_id: int, like: int) -> None:
    """Make a snapshot tell the same as another one."""
    await sql(
        sessions,
        f"UPDATE customer_clusters_{run_id} a SET segment_name = b.segment_name"
        f" FROM customer_clusters_{like} b WHERE b.customer_id = a.customer_id",
    )


def told(receiver: Receiver) -> list[tuple[str, str | None, str | None]]:
    """Who was told to have gone from where to where, in the order of arrival."""
    return [
        (one["customer_id"], one["from"], one["to"])
        for message in receiver.of("customer.segment_changed")
        for one in message.data["customers"]
    ]


async def test_a_finished_run_is_told_in_signed_messages(sessions, receiver, courier) -> None:
    before = await open_shop(sessions)
    await announce_all(sessions)  # nobody listens yet
    endpoint = await register(sessions, receiver.url)
    after = await score(sessions, NEXT_DAY)
    await same_again(sessions, after, before)
    await place(sessions, before, C0001="Lost", C0002="Lost")
    await place(sessions, after, C0001="Champions", C0002="At Risk")

    assert await announce_all(sessions) == 1
    await deliver_all(courier)

    [finished] = receiver.of("run.finished")  # whichever arrived first
    [changed] = receiver.of("customer.segment_changed")
    assert all(one.is_signed_with(endpoint.secret) for one in receiver.received)
    assert not finished.is_signed_with(new_secret())
    assert finished.headers["content-type"] == "application/json"
    assert finished.data["run_id"] == after
    assert finished.data["customers"] == 120
    assert told(receiver) == [("C0001", "Lost", "Champions"), ("C0002", "Lost", "At Risk")]
    assert (changed.data["run_id"], changed.data["batch"]) == (after, 1)
    assert changed.data["customers"][0].keys() == {
        "customer_id", "from", "to", "cause", "monetary",
    }  # fmt: skip
    assert b"example.com" not in changed.body  # no e-mails


WITH_OUTLOOK = {"events": ["customer.segment_changed"], "with_outlook": True}


async def moved(sessions: Sessions) -> int:
    """A shop with a run of the next day that put two customers elsewhere."""
    before = await open_shop(sessions)
    await sql(sessions, "DELETE FROM orders WHERE customer_id = 'C0002'")
    after = await score(sessions, NEXT_DAY)
    await same_again(sessions, after, before)
    await place(sessions, after, C0001="Champions", C0002="Elsewhere")
    await place(sessions, before, C0001="Lost", C0002="Lost")
    return after


async def test_who_wants_it_is_told_what_customers_are_expected_to_buy(
    sessions, settings, receiver, courier
) -> None:
    async with receiving() as other:
        await announce_all(sessions)
        await register(sessions, receiver.url, **WITH_OUTLOOK)
        await register(sessions, other.url, events=["customer.segment_changed"])
        after = await moved(sessions)
        await sql(sessions, "INSERT INTO webhook_runs (run_id) SELECT run_id FROM scoring_runs"
                            " WHERE run_id <> :after", after=after)  # fmt: skip
        assert await announce_all(sessions) == 0, "the figures are not there yet"
        assert await forecast_next(settings, sessions)
        assert await announce_all(sessions) == 1
        await deliver_all(courier)
        [plain], [rich] = other.received, receiver.received
    assert plain.data.keys() | {"has_outlook"} == rich.data.keys()
    assert rich.data["has_outlook"] is True
    bought, never = customers = rich.data["customers"]
    outlook = bought.pop("outlook")
    assert outlook.keys() == set(FIGURES)
    assert never.pop("outlook") is None
    assert customers == plain.data["customers"]
    async with sessions() as session:
        known = await find_figures(session, await latest_snapshot(session), ["C0001"])
    assert outlook["overdue"] == known["C0001"]["overdue"]


async def test_messages_do_not_wait_for_figures_that_do_not_come(
    sessions, receiver, courier
) -> None:
    await announce_all(sessions)
    await register(sessions, receiver.url, **WITH_OUTLOOK)
    await moved(sessions)
    await sql(sessions, "UPDATE scoring_runs SET finished_at = now() - interval '3 minutes'")
    assert await announce_all(sessions) == 2
    await deliver_all(courier)
    [told_late] = [one for one in receiver.received if len(one.data["customers"]) == 2]
    assert told_late.data["has_outlook"] is False
    assert [one["outlook"] for one in told_late.data["customers"]] == [None, None]


async def test_nobody_waits_for_the_figures_of_a_snapshot_that_was_replaced(
    sessions, settings, receiver
) -> None:
    await announce_all(sessions)
    await register(sessions, receiver.url, **WITH_OUTLOOK)
    await open_shop(sessions)
    assert await announce_all(sessions) == 0
    await score(sessions)
    assert await announce_all(sessions) == 1, "the first one's"
    assert await forecast_next(settings, sessions)
    assert await announce_all(sessions) == 1


async def test_many_changes_come_in_batches(sessions, receiver, courier, monkeypatch) -> None:
    monkeypatch.setattr(announcing, "BATCH", 50)
    before = await open_shop(sessions)
    await register(sessions, receiver.url, events=["customer.segment_changed"])
    after = await score(sessions, NEXT_DAY)
    await sql(sessions, f"UPDATE customer_clusters_{before} SET segment_name = 'Elsewhere'")
    await announce_all(sessions)
    await deliver_all(courier)
    messages = sorted(receiver.received, key=lambda one: one.data["batch"])
    assert [len(one.data["customers"]) for one in messages] == [50, 50, 20]
    assert {one.data["run_id"] for one in messages} == {after}
    assert len({customer for customer, *_ in told(receiver)}) == 120


async def test_a_date_that_is_scored_again_tells_only_what_is_new(
    sessions, receiver, courier
) -> None:
    """Its earlier snapshots are gone by then, and so the messages themselves are remembered."""
    before = await open_shop(sessions)
    await register(sessions, receiver.url, events=["customer.segment_changed"])
    await place(sessions, before, C0001="Lost", C0002="Lost", C0003="Lost")

    async def score_with(**segments: str) -> list[tuple[str, str | None, str | None]]:
        receiver.received.clear()
        run_id = await score(sessions, NEXT_DAY)
        await same_again(sessions, run_id, before)
        await place(sessions, run_id, **segments)
        await announce_all(sessions)
        await deliver_all(courier)
        return told(receiver)

    assert await score_with(C0001="Champions") == [("C0001", "Lost", "Champions")]
    assert await score_with(C0001="Champions") == []
    assert await score_with(C0001="At Risk", C0002="At Risk") == [
        ("C0001", "Champions", "At Risk"),
        ("C0002", "Lost", "At Risk"),
    ]
    assert await score_with() == [("C0001", "At Risk", "Lost"), ("C0002", "At Risk", "Lost")]


async def test_a_run_that_was_replaced_before_it_was_told_is_told_by_the_next(
    sessions, receiver, courier
) -> None:
    before = await open_shop(sessions)
    await announce_all(sessions)
    await register(sessions, receiver.url)
    first = await score(sessions, NEXT_DAY)
    second = await score(sessions, NEXT_DAY)
    await same_again(sessions, second, before)
    await place(sessions, second, C0007="Elsewhere")
    await announce_all(sessions)
    await deliver_all(courier)
    assert {one.data["run_id"] for one in receiver.of("run.finished")} == {first, second}
    assert [to for _, _, to in told(receiver)] == ["Elsewhere"]


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ("trigger = 'backfill', is_automatic = false", []),
        ("parameters = '{\"preview\": true}', is_automatic = false, is_current = false", []),
        ("trigger = 'api', is_automatic = false", ["run.finished"]),
    ],
    ids=["the past", "a trial", "other parameters"],
)
async def test_what_is_no_news_about_customers(
    sessions, receiver, courier, change, messages
) -> None:
    before = await open_shop(sessions)
    await announce_all(sessions)
    await register(sessions, receiver.url)
    run_id = await score(sessions, NEXT_DAY)
    await place(sessions, before, C0001="Elsewhere")
    await sql(sessions, f"UPDATE scoring_runs SET {change} WHERE run_id = :id", id=run_id)
    await announce_all(sessions)
    await deliver_all(courier)
    assert [one.message["type"] for one in receiver.received] == messages


async def test_each_run_is_told_once_however_often_announcing_is_killed(sessions, settings) -> None:
    """Several gateways at once, whose connections are cut again and again."""
    before = await open_shop(sessions)
    await announce_all(sessions)
    ids = [(await register(sessions, f"http://127.0.0.1:9/{n}")).endpoint_id for n in range(3)]
    runs = []
    for days in range(1, 5):
        runs.append(await score(sessions, CALC_DATE + timedelta(days=days)))
        await place(sessions, runs[-1], C0001=f"Segment {days}")
        await place(sessions, before, C0001="Elsewhere")

    async def announce() -> None:
        while True:
            try:
                if not await announce_next(sessions):
                    return
            except Exception:
                await asyncio.sleep(0)

    gateways = [asyncio.create_task(announce()) for _ in range(3)]
    kills = 0
    while not all(task.done() for task in gateways):
        killed = await sql(
            sessions,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND state <> 'idle'",
        )
        kills += len(killed)
        await asyncio.sleep(0.02 * min(kills, 20))
    await asyncio.gather(*gateways)

    assert kills > 0
    expected = [(endpoint, run, kind) for endpoint in ids for run in runs
                for kind in ("customer.segment_changed", "run.finished")]  # fmt: skip
    assert sorted(expected) == sorted(await sql(
        sessions,
        "SELECT endpoint_id, run_id, type FROM webhook_deliveries"
        " JOIN webhook_messages USING (message_id)",
    ))  # fmt: skip


async def one_message(sessions: Sessions, url: str) -> WebhookEndpoint:
    """An endpoint that a message waits for."""
    endpoint = await register(sessions, url, events=["run.finished"])
    await score_first(sessions)
    return endpoint


async def score_first(sessions: Sessions) -> None:
    await open_shop(sessions, customers=3)
    await announce_all(sessions)


async def state_of(sessions: Sessions) -> tuple[object, ...]:
    [state] = await sql(
        sessions,
        "SELECT d.state, d.attempts, e.is_enabled, e.failing_since IS NOT NULL"
        " FROM webhook_deliveries d JOIN webhook_endpoints e USING (endpoint_id)",
    )
    return state


async def test_a_failed_attempt_is_repeated_under_the_same_id(sessions, courier, client) -> None:
    async with receiving([500, 503]) as receiver:
        receiver.text = "an answer with a \0 and " + "x" * 5000
        endpoint = await one_message(sessions, receiver.url)
        await deliver_due(courier, endpoint.endpoint_id or 0)
        assert await state_of(sessions) == ("pending", 1, True, True)
        await deliver_all(courier)
    assert await state_of(sessions) == ("delivered", 3, True, False)
    assert len({one.id for one in receiver.received}) == 1
    assert all(one.is_signed_with(endpoint.secret) for one in receiver.received)

    listed = (await client.get(f"/webhooks/{endpoint.endpoint_id}/deliveries")).json()
    [delivery] = listed["deliveries"]
    assert (listed["total"], delivery["state"], delivery["attempts"]) == (1, "delivered", 3)
    assert [entry["status"] for entry in delivery["log"]] == [200, 503, 500]
    assert all(entry["milliseconds"] >= 0 for entry in delivery["log"])
    assert delivery["log"][0]["answer"].startswith("an answer with a \ufffd and xx")
    assert len(delivery["log"][0]["answer"]) <= 1000


async def test_what_failed_for_good_can_be_replayed(sessions, courier, client) -> None:
    async with receiving([500, 500, 500]) as receiver:
        endpoint = await one_message(sessions, receiver.url)
        await deliver_all(courier)
        assert await state_of(sessions) == ("failed", 3, True, True)
        base = f"/webhooks/{endpoint.endpoint_id}/deliveries"
        [delivery] = (await client.get(base, params={"state": "failed"})).json()["deliveries"]
        assert delivery["next_attempt_at"] is None
        replayed = await client.post(f"{base}/{delivery['delivery_id']}/replay")
        assert (replayed.status_code, replayed.json()["state"]) == (202, "pending")
        assert (await client.get("/audit?action=webhook.replay")).json()["total"] == 1
        await deliver_all(courier)
        assert await state_of(sessions) == ("delivered", 1, True, False)
        detail = (await client.get(f"{base}/{delivery['delivery_id']}")).json()
    assert detail["payload"] == receiver.received[-1].message
    assert len(detail["log"]) == 4
    assert {one.id for one in receiver.received} == {delivery["message_id"]}


async def test_nobody_there_is_a_failed_attempt(sessions, courier, client) -> None:
    async with receiving() as receiver:
        url = receiver.url
    await one_message(sessions, url)
    await deliver_all(courier)
    assert await state_of(sessions) == ("failed", 3, True, True)
    [[error]] = await sql(sessions, "SELECT DISTINCT error FROM webhook_attempts")
    assert "ConnectError" in str(error)


async def test_redirects_are_not_followed(sessions, courier) -> None:
    async with receiving() as elsewhere, receiving([302] * 3) as receiver:
        receiver.head = f"Location: {elsewhere.url}\r\nSet-Cookie: a=b\r\n"
        await one_message(sessions, receiver.url)
        await deliver_all(courier)
    assert (len(receiver.received), elsewhere.received) == (3, [])
    assert "cookie" not in receiver.received[-1].headers
    assert await sql(sessions, "SELECT DISTINCT status FROM webhook_attempts") == [(302,)]


async def test_410_disables_until_somebody_enables_it(sessions, courier, client) -> None:
    async with receiving([410]) as receiver:
        endpoint = await one_message(sessions, receiver.url)
        await deliver_all(courier)
        assert await state_of(sessions) == ("failed", 1, False, True)
        shown = (await client.get(f"/webhooks/{endpoint.endpoint_id}")).json()
        assert shown["disabled_reason"] == "it answered 410 Gone"

        await score(sessions, NEXT_DAY)
        await announce_all(sessions)  # while it is disabled nothing is written for it
        await client.patch(f"/webhooks/{endpoint.endpoint_id}", json={"is_enabled": True})
        await score(sessions, NEXT_DAY + timedelta(days=1))
        await announce_all(sessions)
        await deliver_all(courier)
    assert len(receiver.received) == 2
    shown = (await client.get(f"/webhooks/{endpoint.endpoint_id}")).json()
    assert (shown["is_enabled"], shown["disabled_reason"], shown["failing_since"]) == (
        True, None, None,
    )  # fmt: skip


async def test_an_endpoint_that_fails_for_days_is_disabled(sessions, courier) -> None:
    async with receiving([500, 500]) as receiver:
        await one_message(sessions, receiver.url)
        await sql(
            sessions, "UPDATE webhook_endpoints SET failing_since = now() - interval '6 days'"
        )
        await deliver_all(courier)
    assert await state_of(sessions) == ("pending", 1, False, True)
    assert len(receiver.received) == 1


async def test_a_killed_couriers_delivery_comes_due_again(sessions, receiver, courier) -> None:
    endpoint = await one_message(sessions, receiver.url)
    async with sessions() as session, session.begin():
        claimed = await claim_one(session, 1)  # and then it dies
    assert claimed.attempts == 1
    assert await due_endpoints(sessions) == []
    await sql(sessions, "UPDATE webhook_deliveries SET next_attempt_at = now()")  # a minute later
    assert await deliver_due(courier, endpoint.endpoint_id or 0) == 1
    assert await state_of(sessions) == ("delivered", 2, True, False)


async def test_a_delivery_due_by_a_clock_that_ran_ahead_is_not_waited_for(
    sessions, receiver, courier
) -> None:
    """No pause is longer than two days: what is due later was noted by a wrong clock."""
    endpoint = await one_message(sessions, receiver.url)
    for days, due in ((1, []), (3, [endpoint.endpoint_id])):
        await sql(sessions, f"UPDATE webhook_deliveries SET next_attempt_at = now() + '{days} day'")
        assert await due_endpoints(sessions) == due
    assert await deliver_due(courier, endpoint.endpoint_id or 0) == 1
    assert await state_of(sessions) == ("delivered", 1, True, False)


async def test_several_couriers_do_not_send_twice(sessions, receiver, courier) -> None:
    endpoint = await register(sessions, receiver.url, events=["run.finished"])
    await open_shop(sessions, customers=3)
    for days in range(1, 6):
        await score(sessions, CALC_DATE + timedelta(days=days))
    await announce_all(sessions)
    await asyncio.gather(*(deliver_due(courier, endpoint.endpoint_id or 0) for _ in range(6)))
    assert len(receiver.received) == len({one.id for one in receiver.received}) == 6


async def test_old_messages_are_forgotten(sessions, receiver, courier) -> None:
    await one_message(sessions, receiver.url)
    await deliver_all(courier)
    assert await forget_old(sessions, 30) == 0
    await sql(sessions, "UPDATE webhook_messages SET created_at = now() - interval '31 days'")
    assert await forget_old(sessions, 30) == 1
    for table in ("webhook_messages", "webhook_deliveries", "webhook_attempts"):
        assert await sql(sessions, f"SELECT 1 FROM {table}") == []


async def test_a_secret_is_shown_once_and_can_be_replaced(
    client, sessions, receiver, courier
) -> None:
    made = await client.post("/webhooks", json={"url": receiver.url, "description": "the CRM"})
    assert (made.status_code, made.headers["location"]) == (201, "/webhooks/1")
    assert made.headers["cache-control"] == "no-store"
    old = made.json()["secret"]
    for path in ("/webhooks", "/webhooks/1", "/webhooks/1/deliveries"):
        assert "whsec_" not in (await client.get(path)).text
    new = (await client.post("/webhooks/1/secret")).json()["secret"]
    await score_first(sessions)
    await deliver_all(courier)
    await sql(sessions, "UPDATE webhook_endpoints SET previous_secret_until = now()")  # a day later
    await score(sessions, NEXT_DAY)
    await announce_all(sessions)
    await deliver_all(courier)
    first, second = receiver.of("run.finished")
    assert [one.is_signed_with(new) for one in (first, second)] == [True, True]
    assert [one.is_signed_with(old) for one in (first, second)] == [True, False]
    actions = [row[0] for row in await sql(sessions, "SELECT action FROM audit_log ORDER BY 1")]
    assert actions == ["webhook.create", "webhook.secret"]
    assert "whsec_" not in str(await sql(sessions, "SELECT * FROM audit_log"))


async def test_an_endpoint_can_be_tried(client, sessions) -> None:
    async with receiving([200, 500]) as receiver:
        made = (await client.post("/webhooks", json={"url": receiver.url})).json()
        good = (await client.post("/webhooks/1/test")).json()
        bad = (await client.post("/webhooks/1/test")).json()
    assert receiver.received[0].is_signed_with(made["secret"])
    assert receiver.received[0].message["type"] == "webhook.test"
    assert (good["delivered"], good["status"], good["answer"]) == (True, 200, "thanks")
    assert (bad["delivered"], bad["status"]) == (False, 500)
    states = await sql(sessions, "SELECT state FROM webhook_deliveries ORDER BY delivery_id")
    assert states == [("delivered",), ("failed",)]  # one attempt, no more


async def test_an_endpoint_is_changed_and_removed(client, sessions, receiver) -> None:
    await client.post("/webhooks", json={"url": receiver.url})
    changed = await client.patch(
        "/webhooks/1", json={"events": ["run.finished"], "is_enabled": False}
    )
    assert changed.json()["events"] == ["run.finished"]
    assert changed.json()["disabled_reason"] == "it was switched off"
    assert changed.json()["url"] == receiver.url
    assert (await client.get("/webhooks")).json()["webhooks"] == [changed.json()]
    assert (await client.delete("/webhooks/1")).status_code == 204
    assert (await client.get("/webhooks/1")).status_code == 404
    assert (await client.delete("/webhooks/1")).status_code == 404
    told = [entry["action"] for entry in (await client.get("/audit")).json()["entries"]]
    assert told == ["webhook.delete", "webhook.change", "webhook.create"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"url": "http://127.0.0.1:80/"}, "not in the internet"),
        ({"url": "http://localhost/"}, "not in the internet"),
        ({"url": "https://169.254.169.254/latest"}, "not in the internet"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://user:secret@example.com/"}, "url"),
        ({}, "url"),
        ({"url": "https://8.8.8.8/", "events": ["run.failed"]}, "events"),
        ({"url": "https://8.8.8.8/", "events": []}, "events"),
        ({"url": "https://8.8.8.8/", "secret": "mine"}, "secret"),
        ({"url": "https://8.8.8.8/", "description": 7}, "description"),
    ],
)
async def test_a_bad_registration_is_refused(api, settings, body, word) -> None:
    async with api(settings.model_copy(update={"webhook_allow_private": "off"})) as client:
        refused = await client.post("/webhooks", json=body)
    assert (refused.status_code, refused.headers["content-type"]) == (
        400, "application/problem+json",
    )  # fmt: skip
    assert word in refused.text
    assert "secret@" not in refused.text


async def test_what_does_not_exist_is_404(client) -> None:
    for method, path in (
        ("GET", "/webhooks/9"), ("PATCH", "/webhooks/9"), ("DELETE", "/webhooks/9"),
        ("POST", "/webhooks/9/test"), ("POST", "/webhooks/9/secret"),
        ("GET", "/webhooks/9/deliveries"), ("GET", "/webhooks/9/deliveries/1"),
        ("POST", "/webhooks/9/deliveries/1/replay"),
    ):  # fmt: skip
        body = {} if method == "PATCH" else None
        answer = await client.request(method, path, json=body)
        assert (answer.status_code, method, path) == (404, method, path)


async def test_an_endpoint_says_whether_it_wants_expected_figures(client, receiver) -> None:
    made = await client.post("/webhooks", json={"url": receiver.url})
    assert made.json()["with_outlook"] is False
    for wish in (True, False):
        changed = await client.patch("/webhooks/1", json={"with_outlook": wish})
        assert changed.json()["with_outlook"] is wish
        assert (await client.patch("/webhooks/1", json={})).json()["with_outlook"] is wish
    made = await client.post("/webhooks", json={"url": receiver.url, "with_outlook": True})
    assert made.json()["with_outlook"] is True


async def test_there_is_a_limit(client, sessions, receiver) -> None:
    await sql(sessions, "INSERT INTO webhook_endpoints (url, events, secret)"
              " SELECT 'https://example.com', '{}', 'x' FROM generate_series(1, 50)")  # fmt: skip
    assert (await client.post("/webhooks", json={"url": receiver.url})).status_code == 409


async def test_the_settings_name_one_endpoint(client, sessions, settings, receiver) -> None:
    secret = new_secret()
    named = Settings(_env_file=None, webhook_url=receiver.url, webhook_secret=secret)  # type: ignore[call-arg]
    for url in (receiver.url, f"{receiver.url}/moved"):
        async with sessions() as session, session.begin():
            await take_settings(session, named.model_copy(update={"webhook_url": url}))
    [shown] = (await client.get("/webhooks")).json()["webhooks"]
    assert (shown["url"], shown["from_settings"], shown["is_enabled"]) == (
        f"{receiver.url}/moved", True, True,
    )  # fmt: skip
    for answer in (
        await client.delete("/webhooks/1"),
        await client.patch("/webhooks/1", json={"description": "x"}),
        await client.post("/webhooks/1/secret"),
    ):
        assert answer.status_code == 409
    assert (await client.post("/webhooks/1/test")).json()["delivered"]
    assert receiver.received[0].is_signed_with(secret)
    async with sessions() as session, session.begin():
        await take_settings(session, settings)
    assert (await client.get("/webhooks/1")).json()["is_enabled"] is False


@pytest.mark.parametrize("secret", ["", "hush", "whsec_c2hvcnQ="])
def test_settings_without_a_good_secret_stop_the_start(secret: str) -> None:
    wrong = Settings(_env_file=None, webhook_url="https://example.com", webhook_secret=secret)  # type: ignore[call-arg]
    with pytest.raises(InvalidInputError, match="whsec_"):
        check_settings(wrong)


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncGenerator[None]:
    async with running(create_app(settings, delivering)):
        yield


async def test_two_running_gateways_tell_each_run_once(sessions, settings, receiver, redis) -> None:
    endpoint = await register(sessions, receiver.url, events=["run.finished"])
    async with gateway(settings), gateway(settings):
        await open_shop(sessions, customers=3)
        await bus.publish(redis, RunFinished(run_id=1))

        async def arrived() -> bool:
            return bool(receiver.received)

        await eventually(arrived, what="the event wakes a gateway")
    assert [one.is_signed_with(endpoint.secret) for one in receiver.received] == [True]


async def test_a_gateway_forgets_what_grew_old_while_none_ran(
    sessions, settings, receiver, redis
) -> None:
    await one_message(sessions, receiver.url)
    await sql(sessions, "UPDATE webhook_messages SET created_at = now() - interval '31 days'")

    async def forgotten() -> bool:
        return await sql(sessions, "SELECT 1 FROM webhook_messages") == []

    async with gateway(settings):
        await eventually(forgotten, what="the old message goes")


async def test_the_audit_log_is_listed(client, sessions, receiver, shop) -> None:
    await client.post("/webhooks", json={"url": receiver.url})
    await client.get("/export/segments/all")
    listed = (await client.get("/audit")).json()
    assert (listed["total"], listed["page"]) == (2, 1)
    assert [entry["action"] for entry in listed["entries"]] == ["export.segment", "webhook.create"]
    exported = listed["entries"][0]
    assert (exported["actor"], exported["subject"], exported["rows"]) == ("local", "all", 120)
    assert exported["detail"]["run_id"] == shop
    narrowed = (await client.get("/audit?action=webhook.create&page_size=1")).json()
    assert [entry["subject"] for entry in narrowed["entries"]] == ["webhook 1"]
    assert (await client.get("/audit?by=nobody")).json()["total"] == 0
    lines = (await client.get("/audit.csv")).text.splitlines()
    assert lines[0] == "audit_id,at,actor,action,subject,rows,detail"
    assert len(lines) == 3
    assert json.loads((await client.get("/audit")).text)["page_size"] == 100


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_webhooks_and_the_audit_log_are_for_administrators(method: str) -> None:
    for path in ("/webhooks", "/webhooks/{endpoint_id}", "/audit", "/audit.csv"):
        assert rule_of(method, path).scope is Scope.ADMIN
    assert rule_of("GET", "/export/segments/{name}").scope is Scope.EXPORT
