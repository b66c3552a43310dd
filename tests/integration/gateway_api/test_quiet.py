"""Customers of value who are going quiet, over the API."""

import csv
import io
import re

from rfm_common.db import run_sql
from rfm_common.erasure import erase_rows
from rfm_common.models import Erasure
from scoring.runs.forecasts import forecast_next
from scoring.runs.judging import judge_next


async def test_whoever_spent_most_comes_first_and_pages_fit_together(reader) -> None:
    whole = (await reader.get("/going-quiet?page_size=1000")).json()
    money = [row["monetary_before"] for row in whole["customers"]]
    assert money == sorted(money, reverse=True)
    assert len(money) == whole["total"] > 2
    assert abs(sum(money) - whole["monetary_before"]) < 0.01
    second = (await reader.get("/going-quiet?page_size=2&page=2")).json()
    assert second["customers"] == whole["customers"][2:4]


async def test_csv_has_all_of_them(reader) -> None:
    total = (await reader.get("/going-quiet")).json()["total"]
    text = (await reader.get("/going-quiet.csv")).text
    assert len(list(csv.DictReader(io.StringIO(text)))) == total


async def test_a_country_narrows_rows_and_sums(reader) -> None:
    whole = (await reader.get("/going-quiet?page_size=1000")).json()["customers"]
    country = next(row["country"] for row in whole if row["country"])
    found = (await reader.get(f"/going-quiet?country={country}")).json()
    assert found["customers"] == [row for row in whole if row["country"] == country]
    assert found["total"] == len(found["customers"])


async def test_whoever_stays_away_with_the_largest_loss_comes_first_once_it_is_known(
    client, shop, settings, sessions
) -> None:
    before = (await client.get("/going-quiet?page_size=1000")).json()
    assert before["ranked_by"] == "monetary_before"
    assert {row["expected_loss_90"] for row in before["customers"]} == {None}
    assert await forecast_next(settings, sessions)
    unproven = (await client.get("/going-quiet?page_size=1000")).json()
    assert unproven["ranked_by"] == "monetary_before"
    assert [row["customer_id"] for row in unproven["customers"]] == [
        row["customer_id"] for row in before["customers"]
    ]
    assert min(row["expected_loss_90"] for row in unproven["customers"]) >= 0
    await judged_best(sessions, "value")
    after = (await client.get("/going-quiet?page_size=1000")).json()
    rows = after["customers"]
    assert after["ranked_by"] == "expected_loss_90"
    assert rows == sorted(rows, key=lambda row: (-row["expected_loss_90"], row["customer_id"]))
    assert {row["customer_id"] for row in rows} == {
        row["customer_id"] for row in before["customers"]
    }
    second = (await client.get("/going-quiet?page_size=2&page=2")).json()["customers"]
    assert second == rows[2:4]
    country = next(row["country"] for row in rows if row["country"])
    found = (await client.get(f"/going-quiet?country={country}")).json()["customers"]
    assert found == [row for row in rows if row["country"] == country]
    lines = list(csv.DictReader(io.StringIO((await client.get("/going-quiet.csv")).text)))
    assert [line["customer_id"] for line in lines] == [row["customer_id"] for row in rows]
    assert float(lines[0]["expected_loss_90"]) == rows[0]["expected_loss_90"]


async def judged_best(sessions, best: str) -> None:
    """As if the shop's past had shown that."""
    while await judge_next(sessions):
        pass
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "UPDATE value_judgements SET judgement ="
            " jsonb_set(judgement, '{trust,best}', to_jsonb(CAST(:best AS text)))",
            best=best,
        )


async def test_where_a_plain_ranking_is_better_it_is_used_and_said(
    client, shop, settings, sessions
) -> None:
    assert await forecast_next(settings, sessions)
    await judged_best(sessions, "value")
    first = await client.get("/going-quiet")
    assert (
        "The largest expected loss comes first."
        in (await client.get("/dashboard/going-quiet")).text
    )
    await judged_best(sessions, "scores")
    again = await client.get("/going-quiet", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.json()["ranked_by"]) == (200, "monetary_before")
    page = (await client.get("/dashboard/going-quiet")).text
    assert "Whoever spent most before comes first, and not the largest expected loss." in page
    assert "Usually orders" in page
    overview = (await client.get("/dashboard")).text
    assert "Spent before</th>" in overview
    assert "comes first, and not the largest expected loss: <a" in overview
    assert "Expected loss</th>" not in overview


async def test_each_has_the_gap_of_their_own_orders(client, shop, settings, sessions) -> None:
    """Of days with orders up to the snapshot; whoever has two such days has one gap, no rhythm."""
    assert await forecast_next(settings, sessions)
    rows = (await client.get("/going-quiet?page_size=1000")).json()["customers"]
    async with sessions() as session:
        days = (await run_sql(session, """
            SELECT customer_id, array_agg(DISTINCT order_date::date) AS days FROM orders
            WHERE status = 'completed' GROUP BY customer_id""")).all()  # fmt: skip
    bought = {name: sorted(found) for name, found in days}
    for row in rows:
        mine = bought[row["customer_id"]]
        if len(mine) < 3:
            assert (row["usual_gap_days"], row["overdue"]) == (None, None)
            continue
        gap = (mine[-1] - mine[0]).days / (len(mine) - 1)
        assert abs(row["usual_gap_days"] - gap) < 0.06
        assert abs(row["overdue"] - row["recency_days"] / gap) < 0.001


async def test_page_and_list_agree(client, shop, settings, sessions) -> None:
    page = (await client.get("/dashboard/going-quiet")).text
    assert "Usually orders" not in page
    assert "Whoever spent most comes first" in page
    assert await forecast_next(settings, sessions)
    page = (await client.get("/dashboard/going-quiet")).text
    rows = (await client.get("/going-quiet?page_size=50")).json()["customers"]
    shown = re.findall(r'<th scope="row"><a href="/dashboard/customers/(\w+)">', page)
    assert shown == [row["customer_id"] for row in rows]
    assert f"every {round(rows[0]['usual_gap_days'])} d" in page
    assert "At Risk" in page


async def test_an_erased_customer_is_not_among_them(client, shop, settings, sessions) -> None:
    assert await forecast_next(settings, sessions)
    before = (await client.get("/going-quiet")).json()
    gone = before["customers"][0]["customer_id"]
    async with sessions() as session, session.begin():
        erasure = Erasure(customer_id=gone, subject_hash=b"1", actor="test")
        await erase_rows(session, erasure)
    after = (await client.get("/going-quiet")).json()
    assert after["total"] == before["total"] - 1
    assert gone not in {row["customer_id"] for row in after["customers"]}


async def test_a_snapshot_from_before_the_list_has_none(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE scoring_runs SET summary = summary - 'slipping'")
        await run_sql(session, "DELETE FROM quiet_customers")
    found = (await client.get("/going-quiet")).json()
    assert (found["total"], found["monetary_before"], found["customers"]) == (0, 0, [])
