"""Scores of another window, k or rule are never replaced or compared without a word."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rfm_common.db import run_sql
from rfm_common.runs import RunRequest
from scoring.engines import open_engine
from scoring.runs import jobs
from tests.integration.scoring.shop import at, load, score
from tests.integration.scoring.test_runs import shop as orders

DAY = at("2026-03-01")
AS_OF = RunRequest(calc_date=DAY)
BODY = {"calc_date": DAY.isoformat()}
PAGES = ("", "/segments", "/segments/champions", "/migrations", "/report")
LISTS = ("/migrations", "/migrations/movers", "/export/segments/all?mode=changes")


async def fill(sessions) -> None:
    """The orders of a year, and nothing that asks for a run by itself."""
    await load(sessions, orders())
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE data_state SET scored_version = data_version")


async def work(settings, sessions, redis) -> None:
    """What the worker does with what waits."""
    engine = open_engine(settings, sessions)
    await jobs.drain(jobs.Context(settings, sessions, redis, engine, "test"))


@pytest.mark.parametrize(
    "case",
    [
        ({"window_days": 90}, "a window of 365 days", "a window of 90 days"),
        ({"k": 3}, "5 clusters", "3 clusters"),
        ({"k": 3, "transform": "none"},
         "5 clusters and the transform log1p", "3 clusters and the transform none"),
    ],
)  # fmt: skip
async def test_a_run_says_what_it_replaces(settings, sessions, redis, client, case) -> None:
    asked, *words = case
    await fill(sessions)
    shown = await score(settings, sessions, redis, AS_OF)
    accepted = (await client.post("/pipeline/run", json=BODY | asked)).json()
    await work(settings, sessions, redis)
    run = (await client.get(f"/runs/{accepted['run_id']}")).json()
    assert accepted["replaced"] == run["replaced"]
    assert run["replaced"] == {
        "run_id": shown.run_id, "window_days": 365, "k": 5, "rule": "promises",
        "message": f"Replaces the scores of run {shown.run_id}, which were calculated with"
        f" {words[0]}; these are calculated with {words[1]}.",
    }  # fmt: skip
    for page in (f"/dashboard/runs/{run['run_id']}", "/dashboard"):
        assert run["replaced"]["message"] in (await client.get(page)).text


async def test_a_run_of_the_same_kind_has_nothing_to_say(settings, sessions, redis, client) -> None:
    await fill(sessions)
    await score(settings, sessions, redis, AS_OF)
    for body in (BODY, BODY | {"k": "auto", "preview": True}, BODY | {"window_days": 365, "k": 5}):
        accepted = (await client.post("/pipeline/run", json=body)).json()
        assert "replaced" not in accepted
        await work(settings, sessions, redis)
        assert (await client.get(f"/runs/{accepted['run_id']}")).json()["replaced"] is None


async def test_the_answer_after_the_end_says_it_too(settings, sessions, redis, client) -> None:
    await fill(sessions)
    await score(settings, sessions, redis, AS_OF)
    headers = {"Idempotency-Key": "once", "Prefer": "wait=20"}
    await client.post(
        "/pipeline/run", json=BODY | {"window_days": 30}, headers=headers | {"Prefer": ""}
    )
    await work(settings, sessions, redis)
    ended = await client.post("/pipeline/run", json=BODY | {"window_days": 30}, headers=headers)
    assert ended.status_code == 200
    assert ended.json()["replaced"]["window_days"] == 365


async def test_dates_of_another_window_are_compared_with_a_word(
    settings, sessions, redis, client
) -> None:
    await fill(sessions)
    first = await score(settings, sessions, redis, replace(AS_OF, calc_date=DAY - timedelta(9)))
    await score(settings, sessions, redis, replace(AS_OF, window_days=90))
    sentence = (
        "The earlier scores were calculated with a window of 365 days, the later ones with a"
        " window of 90 days; part of the difference comes from that."
    )
    for page in PAGES:
        assert sentence in (await client.get(f"/dashboard{page}")).text, page
    for path in LISTS:
        answer = await client.get(path, headers={"Accept": "application/json"})
        assert answer.json()["definition_change"] == sentence, path
    asked = {"compare": first.calc_date.isoformat()}
    compared = (await client.get("/segments", params=asked)).json()["compare"]
    assert compared["definition_change"] == sentence
    html = (await client.get("/dashboard")).text
    assert "changed on 1 Mar 2026" in html
    assert not any(f'class="change {mood}"' in html for mood in ("good", "bad"))


async def test_dates_of_the_same_definition_are_compared_without(
    settings, sessions, redis, client
) -> None:
    await fill(sessions)
    await score(settings, sessions, redis, replace(AS_OF, calc_date=DAY - timedelta(9)))
    run = await score(settings, sessions, redis, AS_OF)
    for page in PAGES:
        assert "were calculated with" not in (await client.get(f"/dashboard{page}")).text, page
    for path in LISTS:
        answer = await client.get(path, headers={"Accept": "application/json"})
        assert answer.json()["definition_change"] is None, path
    trend = (await client.get(f"/dashboard/charts/trend?run={run.run_id}")).json()
    assert trend["layout"]["shapes"] == []
