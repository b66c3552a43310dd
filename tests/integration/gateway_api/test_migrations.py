"""Flows between two dates: nobody is counted twice, and causes only where they are known."""

from datetime import timedelta

import pytest_asyncio

from rfm_common.db import run_sql
from rfm_common.versions import next_version
from scoring.runs.forecasts import forecast_next
from tests.shop import CALC_DATE, score


@pytest_asyncio.fixture
async def dates(sessions, shop) -> list[str]:
    """Three snapshots, 40 days apart."""
    for days in (40, 80):
        await score(sessions, CALC_DATE + timedelta(days=days))
    return [(CALC_DATE + timedelta(days=days)).date().isoformat() for days in (0, 40, 80)]


def total(flows: list[dict]) -> int:
    return sum(flow["customers"] for flow in flows)


async def test_neighbouring_snapshots_tell_causes(client, dates) -> None:
    answer = (await client.get("/migrations")).json()
    assert (answer["from_date"][:10], answer["to_date"][:10]) == (dates[1], dates[2])
    assert total(answer["flows"]) == 120
    assert {flow["cause"] for flow in answer["flows"]} == {"stayed", "ageing"}
    assert answer["movers"] is None


async def test_any_two_snapshots_are_compared_both_ways(client, dates) -> None:
    there = (await client.get("/migrations", params={"from": dates[0], "to": dates[2]})).json()
    back = (await client.get("/migrations", params={"from": dates[2], "to": dates[0]})).json()
    assert total(there["flows"]) == total(back["flows"]) == 120
    assert {flow["cause"] for flow in there["flows"]} == {None}
    forth = {(f["from_segment"], f["to_segment"]): f for f in there["flows"]}
    for flow in back["flows"]:
        twin = forth[flow["to_segment"], flow["from_segment"]]
        assert twin["customers"] == flow["customers"]
        assert twin["monetary_after"] == flow["monetary_before"]


async def test_movers_are_those_who_changed_the_most_valuable_first(client, dates) -> None:
    params = {"from": dates[0], "to": dates[2], "movers": 1000}
    answer = (await client.get("/migrations", params=params)).json()
    changed = [f for f in answer["flows"] if f["from_segment"] != f["to_segment"]]
    movers = answer["movers"]
    assert len(movers) == total(changed) > 0
    assert all(mover["from_segment"] != mover["to_segment"] for mover in movers)
    money = [mover["monetary_before"] for mover in movers]
    assert money == sorted(money, reverse=True)


async def test_movers_of_one_way_are_asked_for_by_segment_also_as_csv(client, dates) -> None:
    params = {"from": dates[0], "to": dates[2]}
    everyone = (await client.get("/migrations/movers", params=params)).json()["movers"]
    first = everyone[0]
    params |= {"from_segment": first["from_segment"].lower(), "to_segment": first["to_segment"]}
    some = (await client.get("/migrations/movers", params=params)).json()["movers"]
    way = (first["from_segment"], first["to_segment"])
    assert some == [m for m in everyone if (m["from_segment"], m["to_segment"]) == way]
    csv = (await client.get("/migrations/movers.csv", params=params | {"limit": 1})).text
    assert csv.splitlines()[0].startswith("customer_id,from_segment,to_segment")
    assert csv.splitlines()[1].startswith(first["customer_id"])
    params["to_segment"] = "nobody"
    assert (await client.get("/migrations/movers", params=params)).status_code == 404


async def test_movers_have_what_is_expected_of_them_after_the_later_snapshot(
    client, dates, settings, sessions
) -> None:
    params = {"from": dates[0], "to": dates[2]}
    before = (await client.get("/migrations/movers", params=params)).json()["movers"]
    assert {mover["expected_revenue_90"] for mover in before} == {None}
    assert await forecast_next(settings, sessions)
    movers = (await client.get("/migrations/movers", params=params)).json()["movers"]
    asked = {"calc_date": dates[2], "page_size": 1000}
    listed = (await client.get("/customers", params=asked)).json()["customers"]
    expected = {row["customer_id"]: row["expected_revenue_90"] for row in listed}
    for mover in movers:
        assert mover["expected_revenue_90"] == expected[mover["customer_id"]]
    assert [{**mover, "expected_revenue_90": None} for mover in movers] == before


async def test_with_one_snapshot_there_is_nothing_to_compare(reader) -> None:
    answer = await reader.get("/migrations")
    assert answer.status_code == 404
    assert "no scores before" in answer.json()["detail"]


async def test_flows_are_versioned_by_both_runs(client, dates) -> None:
    first = await client.get("/migrations", params={"from": dates[0]})
    etag = {"If-None-Match": first.headers["etag"]}
    assert (
        await client.get("/migrations", params={"from": dates[0]}, headers=etag)
    ).status_code == 304
    assert (
        await client.get("/migrations", params={"from": dates[1]}, headers=etag)
    ).status_code == 200


async def test_any_two_dates_are_compared_once_for_each_version_of_the_data(
    client, dates, sessions
) -> None:
    """Comparing reads four whole tables; erasing somebody, say, makes a new version."""
    params = {"from": dates[0], "to": dates[2]}
    first = (await client.get("/migrations", params=params)).json()
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM customer_clusters WHERE customer_id = 'C0001'")
    assert (await client.get("/migrations", params=params)).json() == first
    async with sessions() as session, session.begin():
        await next_version(session)
    assert total((await client.get("/migrations", params=params)).json()["flows"]) == 119


async def test_few_movers_are_found_as_many_are(client, dates, sessions) -> None:
    """A way that hardly anybody went is read by another plan."""
    params = {"from": dates[0], "to": dates[2], "limit": 1000}
    before = (await client.get("/migrations/movers", params=params)).json()["movers"]
    one = before[0]["customer_id"]
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "UPDATE customer_clusters a SET segment_name = b.segment_name FROM customer_clusters b"
            " WHERE a.customer_id = b.customer_id AND a.customer_id <> :one"
            " AND b.calc_date = (SELECT min(calc_date) FROM scoring_runs)",
            one=one,
        )
        await next_version(session)
    answer = await client.get("/migrations/movers", params=params)
    assert answer.json()["movers"] == before[:1]
