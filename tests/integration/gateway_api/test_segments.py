"""Segments and their customers: figures that add up, pages that are complete, clear refusals."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from gateway.kit.outlook import FIGURES
from rfm_common.db import run_sql
from scoring.runs.forecasts import forecast_next
from tests.shop import CALC_DATE, SEGMENTS, score


async def test_segments_add_up_to_the_whole_shop(client, shop) -> None:
    answer = (await client.get("/segments")).json()
    rows = answer["segments"]
    assert answer["run_id"] == shop
    assert answer["calc_date"] == "2024-06-30T23:59:59.999999Z"
    assert {row["segment_name"] for row in rows} == set(SEGMENTS)
    assert sum(row["customer_count"] for row in rows) == 120
    assert round(sum(row["customer_share"] for row in rows), 6) == 1
    assert round(sum(row["monetary_share"] for row in rows), 6) == 1


async def test_what_segments_are_expected_to_bring_is_null_until_it_is_computed(
    client, shop, settings, sessions
) -> None:
    before = await client.get("/segments")
    assert before.json()["expected"]["state"] == "computing"
    assert {row["expected_revenue_90"] for row in before.json()["segments"]} == {None}
    assert await forecast_next(settings, sessions)
    known = {"If-None-Match": before.headers["etag"]}
    answer = (await client.get("/segments", headers=known)).json()
    rows, expected = answer["segments"], answer["expected"]
    assert expected["state"] == "ready"
    money = sum(row["expected_revenue_90"] for row in rows)
    assert abs(money - expected["expected_revenue_90"]) < 0.01
    orders = sum(row["expected_orders_90"] for row in rows)
    assert abs(orders - expected["expected_orders_90"]) < 0.001
    assert round(sum(row["expected_revenue_90_share"] for row in rows), 6) == 1
    for row in rows:
        each = row["expected_revenue_90"] / row["customer_count"]
        assert abs(row["avg_expected_revenue_90"] - each) < 0.001


async def test_a_shop_that_expects_nothing_has_shares_of_nothing(client, shop, sessions) -> None:
    nothing = (
        '{"totals": {"customers": 0}, "model": {}, "clusters": [{"cluster_id": 0,'
        ' "expected_orders_90": 0, "expected_revenue_90": "0.0000"}]}'
    )
    async with sessions() as session, session.begin():
        await run_sql(session, f"UPDATE scoring_runs SET forecast = '{nothing}'")
    answer = (await client.get("/segments")).json()
    assert (answer["expected"]["state"], answer["expected"]["expected_revenue_90"]) == (
        "impossible", None,
    )  # fmt: skip
    shares = {row["cluster_id"]: row["expected_revenue_90_share"] for row in answer["segments"]}
    assert shares == {0: 0} | dict.fromkeys(range(1, 5))


async def test_money_is_an_exact_number(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE segment_stats SET monetary = 100 WHERE cluster_id = 0")
        await run_sql(
            session,
            "UPDATE segment_stats SET monetary = 123456789012345678.1234 WHERE cluster_id = 1",
        )
    text = (await client.get("/segments")).text
    assert '"monetary":100.00,' in text
    assert '"monetary":123456789012345678.1234,' in text


async def test_the_pages_of_a_segment_hold_each_customer_once(reader) -> None:
    found, page = [], 1
    while (
        len(found)
        < (
            answer := (
                await reader.get(
                    "/segments/champions/customers", params={"page": page, "page_size": 7}
                )
            ).json()
        )["total"]
    ):
        found += answer["customers"]
        page += 1
    assert answer["segment_name"] == "Champions"
    assert len({row["customer_id"] for row in found}) == answer["total"] > 7
    assert found == sorted(found, key=lambda row: (-row["monetary"], row["customer_id"]))
    assert {row["segment_name"] for row in found} == {"Champions"}
    assert found[0].keys() == {
        "customer_id", "email", "country", "recency_days", "frequency", "monetary",
        "segment_name", "cluster_id", "r_score", "f_score", "m_score", *FIGURES,
    }  # fmt: skip


async def test_a_page_after_the_last_is_empty(reader) -> None:
    answer = await reader.get("/segments/Champions/customers", params={"page": 9999})
    assert answer.status_code == 200
    assert answer.json()["customers"] == []


async def test_a_segment_goes_by_its_name_or_its_slug_in_any_case(reader) -> None:
    for name in ("At Risk", "at risk", "AT-RISK", "at-risk"):
        answer = await reader.get(f"/segments/{name}/customers")
        assert answer.json()["segment_name"] == "At Risk"


async def test_an_unknown_segment_names_those_that_exist(reader) -> None:
    answer = await reader.get("/segments/Whales/customers")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert sorted(answer.json()["available"]) == sorted(SEGMENTS)
    assert "Champions" in answer.json()["detail"]


async def test_a_date_means_the_latest_snapshot_of_that_day(client, shop, sessions) -> None:
    morning = await score(sessions, CALC_DATE - timedelta(hours=12))
    by_day = (await client.get("/segments", params={"calc_date": "2024-06-30"})).json()
    by_moment = (
        await client.get("/segments", params={"calc_date": "2024-06-30T11:59:59.999999"})
    ).json()
    with_zone = (await client.get("/segments?calc_date=2024-06-30T13:59:59.999999+02:00")).json()
    assert by_day["run_id"] == shop
    assert by_moment["run_id"] == with_zone["run_id"] == morning


async def test_a_day_to_come_does_not_hide_the_runs_of_today(client, shop, sessions) -> None:
    """Whoever scores 2099 once must still see what is dropped tomorrow."""
    ahead = await score(sessions, datetime(2099, 12, 31, tzinfo=UTC))
    shown = (await client.get("/segments")).json()
    health = (await client.get("/health")).json()
    person = (await client.get("/customers/C0001")).json()
    asked = (await client.get("/segments", params={"calc_date": "2099-12-31"})).json()
    assert (shown["run_id"], asked["run_id"]) == (shop, ahead)
    assert health["latest_calc_date"] == shown["calc_date"] == person["rfm"]["calc_date"]


async def test_an_unknown_date_names_those_that_exist(reader) -> None:
    answer = await reader.get("/segments", params={"calc_date": "2019-01-01"})
    assert answer.status_code == 404
    assert answer.json()["available"] == ["2024-06-30T23:59:59.999999+00:00"]


async def test_before_the_first_run_there_is_nothing_yet(client) -> None:
    answer = await client.get("/segments")
    assert answer.status_code == 404
    assert "nothing has been scored yet" in answer.json()["detail"]


async def test_what_is_no_date_is_refused_by_name(reader) -> None:
    answer = await reader.get("/segments", params={"calc_date": "yesterday"})
    assert answer.status_code == 400
    assert answer.json()["field"] == "calc_date"
    assert "yesterday" in answer.json()["detail"]


async def test_page_and_size_are_limited_by_name(reader) -> None:
    answer = await reader.get(
        "/segments/Champions/customers", params={"page": 0, "page_size": 1001}
    )
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {"page", "page_size"}


async def test_segments_are_compared_with_another_date(client, shop, sessions) -> None:
    await score(sessions, CALC_DATE + timedelta(days=60))
    answer = (await client.get("/segments", params={"compare": "2024-06-30"})).json()
    changes = answer["compare"]["segments"]
    assert answer["compare"]["run_id"] == shop
    assert sum(row["customers_change"] for row in changes) == 0
    assert any(row["customers_change"] for row in changes)
    for row in changes:
        after = [r for r in answer["segments"] if r["segment_name"] == row["segment_name"]]
        assert row["customers_after"] == sum(r["customer_count"] for r in after)
        change = Decimal(str(row["monetary_after"])) - Decimal(str(row["monetary_before"]))
        assert Decimal(str(row["monetary_change"])) == change


async def test_lists_are_csv_by_suffix_and_by_accept(reader) -> None:
    by_suffix = await reader.get("/segments.csv")
    by_accept = await reader.get("/segments", headers={"Accept": "text/csv"})
    assert by_suffix.headers["content-type"] == "text/csv; charset=utf-8"
    assert by_suffix.text == by_accept.text
    rows = list(csv.DictReader(io.StringIO(by_suffix.text)))
    assert {row["segment_name"] for row in rows} == set(SEGMENTS)


async def test_a_snapshot_that_the_client_has_is_not_sent_again(client, shop, sessions) -> None:
    first = await client.get("/segments")
    etag = first.headers["etag"]
    again = await client.get("/segments", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    as_csv = await client.get("/segments.csv", headers={"If-None-Match": etag})
    assert as_csv.status_code == 200
    await score(sessions)
    assert (await client.get("/segments", headers={"If-None-Match": etag})).status_code == 200


async def test_a_snapshot_says_how_it_was_made(client, shop, sessions) -> None:
    """Also a model from before there was a choice: it is classic."""
    async with sessions() as session, session.begin():
        model = """jsonb_build_object('centroids', jsonb_build_array(), 'transform', 'log1p')"""
        query = f"UPDATE scoring_runs SET model = {model} WHERE run_id = :run"
        await run_sql(session, query, run=shop)
    found = (await client.get("/segments")).json()
    run = (await client.get(f"/runs/{shop}")).json()
    for answer in (found, run):
        assert (answer["rule"], answer["transform"], answer["k"]) == ("classic", "log1p", 5)
        assert answer["window_days"] == 365
