"""The page that says how far the expected figures can be trusted."""

import re

import httpx

from rfm_common.db import Sessions, run_sql
from rfm_common.settings import Settings
from scoring.runs.forecasts import forecast_next
from scoring.runs.judging import judge_next
from tests.integration.gateway_pages.test_pages import read, words

PATH = "/dashboard/trust"


async def judge_all(settings: Settings, sessions: Sessions) -> None:
    while await forecast_next(settings, sessions) or await judge_next(sessions):
        pass


async def test_before_the_first_judgement_it_waits_for_it(shop: httpx.AsyncClient) -> None:
    html = await read(shop, PATH)
    assert "Nothing has been judged yet" in html
    assert "forecast-judged from:body" in html
    assert (await shop.get(f"{PATH}/90/tenths")).status_code == 404


async def test_the_verdict_comes_first_and_then_90_days(
    shop: httpx.AsyncClient, settings: Settings, sessions: Sessions
) -> None:
    await judge_all(settings, sessions)
    report = (await shop.get("/values/trust")).json()
    text = words(await read(shop, PATH, **{"Accept-Language": "en-GB"}))
    assert f"How far to trust this {report['ranking']['sentence']}" in text
    places = [text.index(f" {days} days: ") for days in (90, 30, 180)]
    assert places == sorted(places)
    for cut in report["cuts"]:
        assert cut["trust"]["sentences"][1] in text
    first = report["cuts"][0]["trust"]
    assert f"Orders {round(first['expected_orders'])} {first['actual_orders']:.0f} " in text
    assert "90 days: 2 Apr 2024 to 30 Jun 2024" in text
    assert "fitted on the orders until 30 Jun 2024. The first model." in text


async def test_charts_and_tables_say_the_same(
    shop: httpx.AsyncClient, settings: Settings, sessions: Sessions
) -> None:
    await judge_all(settings, sessions)
    cut = (await shop.get("/values/trust")).json()["cuts"][0]
    expected, came = (await shop.get(f"{PATH}/90/tenths")).json()["data"]
    assert came["y"] == [group["actual_orders"] for group in cut["trust"]["groups"]]
    assert sum(expected["y"]) == cut["trust"]["expected_orders"]
    drawn = (await shop.get(f"{PATH}/90/weeks")).json()["data"]
    assert [list(pair) for pair in zip(drawn[0]["y"], drawn[1]["y"], strict=True)] == cut["weeks"]
    assert (drawn[0]["x"][0], drawn[0]["x"][-1]) == ("2024-04-02", "2024-06-18")
    html = await read(shop, PATH)
    tables = re.findall(r"<table>.*?</table>", html, re.DOTALL)
    rows = [len(re.findall("<tr>", table)) - 1 for table in tables]
    assert rows[:2] == [len(cut["trust"]["groups"]), len(cut["weeks"])]


async def test_a_cut_without_a_past_says_from_when_there_is_one(
    shop: httpx.AsyncClient, settings: Settings, sessions: Sessions
) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM orders WHERE order_date < '2024-05-20'")
    await judge_all(settings, sessions)
    text = words(await read(shop, PATH, **{"Accept-Language": "en-GB"}))
    assert "This shop has no past of 90 days yet" in text
    assert "Nobody had bought by 1 Apr 2024, 90 days before the end" in text
    assert (await shop.get(f"{PATH}/90/weeks")).status_code == 404
    assert (await shop.get(f"{PATH}/30/weeks")).status_code == 200
    assert (await shop.get(f"{PATH}/30/years")).status_code == 404
