"""The judgements of the shop's past as the API tells them."""

from datetime import timedelta

import pytest

from gateway.values.queries import ranking
from rfm_common.db import run_sql
from scoring.runs.forecasts import forecast_next
from scoring.runs.judging import judge_next
from tests.shop import CALC_DATE, add_orders, open_shop, score


async def judge_all(settings, sessions) -> None:
    while await forecast_next(settings, sessions) or await judge_next(sessions):
        pass


@pytest.fixture
async def judged(settings, sessions, shop) -> int:
    await judge_all(settings, sessions)
    return shop


async def test_before_the_first_it_says_when_there_is_one(client, shop) -> None:
    answer = await client.get("/values/trust")
    assert answer.status_code == 404
    assert "a few seconds after the first scores" in answer.json()["detail"]


async def test_cuts_with_their_figures(client, judged) -> None:
    body = (await client.get("/values/trust")).json()
    assert (body["run_id"], body["base_currency"]) == (judged, "EUR")
    assert [cut["days"] for cut in body["cuts"]] == [90, 30, 180]
    for cut in body["cuts"]:
        trust = cut["trust"]
        assert cut["missing"] is None
        assert cut["came_until"] == "2024-06-30"
        assert trust["customers"] == sum(group["customers"] for group in trust["groups"])
        for name in ("orders", "revenue"):
            total = sum(group[f"actual_{name}"] for group in trust["groups"])
            assert total == pytest.approx(trust[f"actual_{name}"])
        assert [one["name"] for one in trust["rankings"]] == [
            "value", "revenue", "scores", "recency"
        ]  # fmt: skip
        assert len(cut["weeks"]) == cut["days"] // 7
        assert cut["model"]["why"]
    first = body["cuts"][0]
    assert first["known_until"] == "2024-04-01"
    assert body["ranking"] == {
        "by": first["trust"]["best"], "is_proven": first["trust"]["is_clear"],
        "sentence": first["trust"]["sentences"][0],
    }  # fmt: skip


async def test_a_judgement_of_an_earlier_version_is_still_read(client, sessions, judged) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE value_judgements"
                      " SET judgement = judgement #- '{trust,is_clear}'")  # fmt: skip
    assert (await client.get("/values/trust")).json()["cuts"][0]["trust"]["is_clear"]
    html = {"Accept": "text/html"}
    for page in ("/dashboard", "/dashboard/going-quiet", "/dashboard/trust"):
        assert (await client.get(page, headers=html)).status_code == 200


async def test_the_figures_are_those_of_the_orders(client, sessions, judged) -> None:
    """Counted by hand: who had bought by the end of 1 April, and their days and money since."""
    async with sessions() as session:
        days, money = (await run_sql(session, """
            WITH counted AS (SELECT * FROM orders WHERE status = 'completed')
            SELECT count(DISTINCT (customer_id, order_date::date)), sum(order_amount)
            FROM counted WHERE order_date > '2024-04-02' AND order_date < '2024-07-01'
              AND customer_id IN (SELECT customer_id FROM counted WHERE order_date < '2024-04-02')
            """)).one()  # fmt: skip
    trust = (await client.get("/values/trust")).json()["cuts"][0]["trust"]
    assert trust["actual_orders"] == days
    assert trust["actual_revenue"] == pytest.approx(float(money))


async def test_a_young_shop_hears_from_when_on(client, settings, sessions) -> None:
    await open_shop(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM orders WHERE order_date < '2024-05-20'")
        first = (await run_sql(session, "SELECT min(order_date)::date FROM orders"
                               " WHERE status = 'completed'")).scalar_one()  # fmt: skip
    await judge_all(settings, sessions)
    body = (await client.get("/values/trust")).json()
    by_days = {cut["days"]: cut for cut in body["cuts"]}
    assert by_days[30]["trust"]
    assert by_days[90]["trust"] is None
    assert f"from {first + timedelta(days=91)} on" in by_days[90]["missing"]
    assert body["ranking"] == {
        "by": "revenue", "is_proven": False,
        "sentence": "This shop has no past of 90 days yet on which to judge what is expected, so"
        " lists are ranked by revenue so far.",
    }  # fmt: skip


async def test_without_a_counted_order_it_says_so(client, settings, sessions) -> None:
    await add_orders(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE orders SET status = 'cancelled'")
    await score(sessions, CALC_DATE)
    await judge_all(settings, sessions)
    cuts = (await client.get("/values/trust")).json()["cuts"]
    assert {cut["missing"] for cut in cuts} == {"Nobody had an order that counts by 2024-06-30."}


async def test_lists_are_ranked_by_what_is_proven(sessions, judged) -> None:
    """120 customers, whose next orders have nothing to do with the last: any ranking may win."""
    async with sessions() as session, session.begin():
        for best in ("value", "scores"):
            await run_sql(
                session,
                "UPDATE value_judgements SET judgement ="
                " jsonb_set(judgement, '{trust,best}', to_jsonb(CAST(:best AS text)))",
                best=best,
            )
            assert (await ranking(session)).by == best
        await run_sql(session, "DELETE FROM value_judgements")
        assert (await ranking(session)).by == "revenue"
        assert "not been judged" in (await ranking(session)).sentence
