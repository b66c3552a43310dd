"""Asking for runs: what is accepted, what is refused by name, and that nothing runs twice."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.db import run_sql
from rfm_common.events import RunFailed, RunQueued
from rfm_common.settings import Settings
from tests.shop import open_shop


async def finish_soon(sessions, run_id: int, state: str = "finished") -> None:
    """What a worker would do, half a second later."""
    await asyncio.sleep(0.5)
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "UPDATE scoring_runs SET state = :state, calc_date = now(), customers_processed = 120,"
            " clusters_created = 5, message = 'done' WHERE run_id = :run_id",
            run_id=run_id,
            state=state,
        )


@pytest.mark.parametrize("content", [None, b"", b"{}", b"null"])
async def test_a_run_needs_no_body(client, redis: Redis, content) -> None:
    answer = await client.post("/pipeline/run", content=content)
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/runs/{body['run_id']}"
    assert (body["status"], body["window_days"], body["k"]) == ("queued", 365, 5)
    assert [event for _, event in await bus.read(redis, "0-0")] == [
        RunQueued(run_id=body["run_id"], trigger="api")
    ]


async def test_parameters_are_kept_as_asked(client) -> None:
    asked = {"calc_date": "2024-01-15T00:00:00", "window_days": 90, "k": "auto"}
    answer = (await client.post("/pipeline/run", json=asked)).json()
    assert answer["calc_date"] == "2024-01-15T00:00:00Z"
    assert (answer["window_days"], answer["k"]) == (90, "auto")
    run = (await client.get(f"/runs/{answer['run_id']}")).json()
    assert run["status"] == "queued"
    assert run["parameters"] == {
        "calc_date": "2024-01-15T00:00:00+00:00", "window_days": 90, "k": "auto",
        "transform": "log1p", "rule": "promises", "seed": 42,
    }  # fmt: skip


@pytest.mark.parametrize("date", ["latest", "2024-01-15", "2024-01-15T10:00:00+05:30"])
async def test_dates_come_in_three_forms(client, shop, date) -> None:
    answer = await client.post("/pipeline/run", json={"calc_date": date})
    assert answer.status_code == 202
    assert answer.json()["calc_date"].startswith("2024-0")


@pytest.mark.parametrize("date", ["2024-01-15", "2024-W03-1"])
async def test_a_date_alone_is_scored_at_its_end(client, date) -> None:
    answer = (await client.post("/pipeline/run", json={"calc_date": date})).json()
    assert answer["calc_date"] == "2024-01-15T23:59:59.999999Z"


async def test_today_may_be_asked_for_and_tomorrow_not(client) -> None:
    today = datetime.now(UTC).date()
    asked = await client.post("/pipeline/run", json={"calc_date": today.isoformat()})
    assert asked.status_code == 202
    for day in (today + timedelta(days=1), f"{today + timedelta(days=1)}T00:00:00Z", "2099-12-31"):
        refused = await client.post("/pipeline/run", json={"calc_date": str(day)})
        assert (refused.status_code, refused.json()["field"]) == (400, "calc_date")
        assert "in the future" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"k": 0}, "k"),
        ({"k": 51}, "k"),
        ({"k": "many"}, "k"),
        ({"k": 2.5}, "k"),
        ({"k": True}, "k"),
        ({"window_days": 0}, "window_days"),
        ({"window_days": 3651}, "window_days"),
        ({"window_days": "365"}, "window_days"),
        ({"calc_date": "soon"}, "calc_date"),
        ({"calc_date": "0001-01-01"}, "calc_date"),
        ({"calc_date": 20240115}, "calc_date"),
        ({"transform": "sqrt"}, "transform"),
        ({"windowdays": 90}, "windowdays"),
    ],
)
async def test_bad_input_is_refused_by_name(reader, body, named) -> None:
    before = (await reader.get("/runs")).json()["total"]
    answer = await reader.post("/pipeline/run", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert (await reader.get("/runs")).json()["total"] == before


@pytest.mark.parametrize("content", [b"{", b"[]", b'"k"', b"\xff\xfe", b"5"])
async def test_what_is_no_json_object_is_refused(reader, content) -> None:
    answer = await reader.post("/pipeline/run", content=content)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_same_request_while_one_waits_is_the_same_run(client) -> None:
    first = (await client.post("/pipeline/run")).json()
    second = (await client.post("/pipeline/run")).json()
    other = (await client.post("/pipeline/run", json={"k": 4})).json()
    assert first["run_id"] == second["run_id"] != other["run_id"]


async def test_a_key_names_one_run_even_after_it_has_ended(client, sessions) -> None:
    headers = {"Idempotency-Key": "monday"}
    answers = await asyncio.gather(
        *(client.post("/pipeline/run", json={"k": 4}, headers=headers) for _ in range(5))
    )
    [run_id] = {answer.json()["run_id"] for answer in answers}
    await finish_soon(sessions, run_id)
    again = await client.post("/pipeline/run", json={"k": 4}, headers=headers)
    assert (again.json()["run_id"], again.json()["status"]) == (run_id, "finished")
    other = await client.post("/pipeline/run", json={"k": 3}, headers=headers)
    assert other.status_code == 409
    assert other.json()["run_id"] == run_id


async def test_prefer_wait_answers_when_the_run_has_ended(client, sessions) -> None:
    run_id = (await client.post("/pipeline/run")).json()["run_id"]
    worker = asyncio.create_task(finish_soon(sessions, run_id))
    answer = await client.post("/pipeline/run", headers={"Prefer": "wait=20"})
    await worker
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=20"
    body = answer.json()
    assert (body["run_id"], body["status"], body["message"]) == (run_id, "finished", "done")
    assert (body["customers_processed"], body["clusters_created"]) == (120, 5)


async def test_prefer_wait_gives_up_in_time(client) -> None:
    answer = await client.post("/pipeline/run", headers={"Prefer": "respond-async, wait=1"})
    assert answer.status_code == 202
    assert "customers_processed" not in answer.json()


async def test_files_that_are_not_loaded_yet_are_named(client, settings: Settings) -> None:
    (settings.input_dir / "late.csv").write_text("order_id\n")
    (settings.input_dir / ".upload.part").write_text("order_id\n")
    answer = await client.post("/pipeline/run")
    assert answer.json()["waiting_files"] == ["late.csv"]


async def test_a_waiting_run_is_called_off_at_once(client, redis: Redis) -> None:
    run_id = (await client.post("/pipeline/run")).json()["run_id"]
    answer = await client.post(f"/runs/{run_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert [event for _, event in await bus.read(redis, "0-0")][-1] == RunFailed(
        run_id=run_id, state="cancelled"
    )
    again = await client.post(f"/runs/{run_id}/cancel")
    assert again.status_code == 409
    assert "cancelled" in again.json()["detail"]


async def test_a_running_run_is_asked_to_stop(client, sessions) -> None:
    run_id = (await client.post("/pipeline/run")).json()["run_id"]
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE scoring_runs SET state = 'running'")
    answer = (await client.post(f"/runs/{run_id}/cancel")).json()
    assert (answer["status"], answer["cancel_requested"]) == ("running", True)


async def test_the_history_is_newest_first_and_narrowed_by_status(client, shop) -> None:
    queued = (await client.post("/pipeline/run")).json()["run_id"]
    whole = (await client.get("/runs")).json()
    assert [run["run_id"] for run in whole["runs"]] == [queued, shop]
    finished = (await client.get("/runs", params={"status": "finished"})).json()
    assert (finished["total"], finished["runs"][0]["run_id"]) == (1, shop)
    assert (await client.get("/runs.csv")).text.startswith("run_id,status,")


async def test_an_unknown_run_is_not_found(client) -> None:
    for path in ("/runs/7", "/runs/99999999999999999999"):
        assert (await client.get(path)).status_code in (400, 404)
    assert (await client.post("/runs/7/cancel")).status_code == 404


@pytest_asyncio.fixture
async def model(shop: int, sessions) -> int:
    """The run of a shop, with orders of two years, whose model can be used again."""
    async with sessions() as session, session.begin():
        await run_sql(session, """UPDATE scoring_runs SET model = '{"transform": "log1p"}'""")
    return shop


@pytest.mark.parametrize(("content", "months"), [(None, 23), (b"{}", 23), (b'{"months": 3}', 3)])
async def test_the_past_is_queued_month_by_month(
    client, redis: Redis, model: int, content, months: int
) -> None:
    answer = await client.post("/pipeline/backfill", content=content)
    assert answer.status_code == 202
    body = answer.json()
    assert body["message"] == f"past months to fill in: {months}, with the model of run {model}"
    dates = [run["calc_date"] for run in body["runs"]]
    assert dates == sorted(dates)
    assert dates[-3:] == [f"2024-{day}T23:59:59.999999Z" for day in ("03-31", "04-30", "05-31")]
    assert [event for _, event in await bus.read(redis, "0-0")] == [
        RunQueued(run_id=run["run_id"], trigger="backfill") for run in body["runs"]
    ]
    run = (await client.get(f"/runs/{body['runs'][0]['run_id']}")).json()
    assert (run["status"], run["trigger"]) == ("queued", "backfill")
    assert (run["parameters"]["model_run_id"], run["parameters"]["as_of"]) == (model, True)


async def test_months_before_the_first_order_are_left_out(client, model) -> None:
    runs = (await client.post("/pipeline/backfill", json={"months": 120})).json()["runs"]
    assert len(runs) == 23
    assert runs[0]["calc_date"].startswith("2022-07-")


async def test_a_shop_without_a_past_has_nothing_to_fill_in(client, sessions, model) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM orders WHERE order_date < '2024-06-01'")
    answer = await client.post("/pipeline/backfill")
    assert (answer.status_code, answer.json()["runs"]) == (202, [])
    assert "nothing to fill in" in answer.json()["message"]


async def test_a_past_that_waits_already_is_not_queued_again(client, model) -> None:
    first = (await client.post("/pipeline/backfill", json={"months": 2})).json()["runs"]
    longer = (await client.post("/pipeline/backfill", json={"months": 3})).json()["runs"]
    assert (len(longer), longer[1:]) == (3, first)


@pytest.mark.parametrize("has_run", [False, True], ids=["no run", "a run without a model"])
async def test_there_is_no_past_without_a_model(client, sessions, has_run) -> None:
    if has_run:
        await open_shop(sessions)
        async with sessions() as session, session.begin():
            await run_sql(session, "UPDATE scoring_runs SET model = '{}'")
    answer = await client.post("/pipeline/backfill")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "score once" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"months": 0}, "months"),
        ({"months": 121}, "months"),
        ({"months": "24"}, "months"),
        ({"months": 2.5}, "months"),
        ({"months": True}, "months"),
        ({"months": None}, "months"),
        ({"month": 3}, "month"),
        ([3], "array"),
    ],
)
async def test_a_backfill_that_makes_no_sense_is_refused_by_name(
    client, model, body, named
) -> None:
    answer = await client.post("/pipeline/backfill", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert (await client.get("/runs")).json()["total"] == 1


async def test_the_past_is_queued_while_redis_is_away(api, settings: Settings, model) -> None:
    away = Settings(redis_url="redis://127.0.0.1:1/0").redis_url
    async with api(settings.model_copy(update={"redis_url": away})) as client:
        answer = await client.post("/pipeline/backfill", json={"months": 3})
        assert (answer.status_code, len(answer.json()["runs"])) == (202, 3)
        assert (await client.get("/runs", params={"status": "queued"})).json()["total"] == 3
