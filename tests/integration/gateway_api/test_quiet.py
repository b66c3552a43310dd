"""Customers of value who are going quiet, over the API."""

import csv
import io

from rfm_common.db import run_sql


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


async def test_a_snapshot_from_before_the_list_has_none(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE scoring_runs SET summary = summary - 'slipping'")
        await run_sql(session, "DELETE FROM quiet_customers")
    found = (await client.get("/going-quiet")).json()
    assert (found["total"], found["monetary_before"], found["customers"]) == (0, 0, [])
