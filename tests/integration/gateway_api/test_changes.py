"""`GET /export/segments/{name}?mode=changes`: who came, who went, and why."""

import csv
import io
import json
from datetime import timedelta

import pytest
import pytest_asyncio

from rfm_common.db import Sessions, run_sql
from tests.shop import CALC_DATE, SEGMENTS, score

MODEL = {
    "transform": "none",
    "mean": [0, 0, 0],
    "scale": [1, 1, 1],
    "centroids": [[0, 9, 900], [40, 6, 300], [200, 4, 500], [250, 1, 60], [366, 0, 0]],
    "names": SEGMENTS,
}
"""What the first was measured with; the other with one centre elsewhere."""
MOVES = {
    # customer: standing before and after (segment, recency, frequency, monetary); None: absent
    "C0001": (("At Risk", 200, 4, 500), ("Champions", 0, 9, 900), "new_order"),
    "C0002": (("At Risk", 200, 4, 500), ("Lost", 366, 0, 0), "correction"),
    "C0003": (("At Risk", 200, 4, 500), ("Hibernating", 230, 4, 500), "model"),
    "C0004": (None, ("Champions", 0, 9, 900), "new_customer"),
    "C0005": (("Lost", 366, 0, 0), None, "left"),
}


async def put(sessions: Sessions, run_id: int, customer: str, standing: object) -> None:
    async with sessions() as session, session.begin():
        for table in ("rfm_features", "customer_clusters"):
            kept = "TRUE" if standing is None else "FALSE"
            await run_sql(
                session,
                f"DELETE FROM {table}_{run_id} WHERE customer_id = :id AND {kept}",
                id=customer,
            )
        if standing is None:
            return
        segment, recency, frequency, monetary = standing  # type: ignore[misc]
        await run_sql(
            session,
            f"UPDATE rfm_features_{run_id} SET recency_days = :recency, frequency = :frequency,"
            " monetary = :monetary WHERE customer_id = :id",
            recency=recency, frequency=frequency, monetary=monetary, id=customer,
        )  # fmt: skip
        await run_sql(
            session,
            f"UPDATE customer_clusters_{run_id} SET segment_name = :segment"
            " WHERE customer_id = :id",
            segment=segment,
            id=customer,
        )


@pytest_asyncio.fixture
async def two_runs(sessions, shop) -> tuple[int, int]:
    """Two snapshots, thirty days apart, of which only the customers of MOVES differ."""
    later = await score(sessions, CALC_DATE + timedelta(days=30))
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "UPDATE scoring_runs SET model = CAST(:model AS jsonb)",
            model=json.dumps(MODEL),
        )
        await run_sql(
            session,
            "UPDATE scoring_runs SET model = jsonb_set(model, '{centroids, 2, 0}', '150')"
            " WHERE run_id = :later",
            later=later,
        )
        await run_sql(
            session,
            f"UPDATE customer_clusters_{later} a SET segment_name = b.segment_name"
            f" FROM customer_clusters_{shop} b WHERE b.customer_id = a.customer_id",
        )
    for customer, (before, after, _) in MOVES.items():
        await put(sessions, shop, customer, before)
        await put(sessions, later, customer, after)
    return shop, later


async def test_the_feed_names_from_to_and_cause(client, two_runs) -> None:
    answer = await client.get("/export/segments/all", params={"mode": "changes"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == [
        "customer_id", "email", "country", "from_segment", "to_segment", "cause",
        "monetary_before", "monetary_after",
    ]  # fmt: skip
    assert {row["customer_id"]: (row["from_segment"], row["to_segment"], row["cause"])
            for row in rows} == {
        customer: (before[0] if before else "", after[0] if after else "", cause)
        for customer, (before, after, cause) in MOVES.items()
    }  # fmt: skip
    assert (rows[0]["monetary_before"], rows[0]["monetary_after"]) == ("500.00", "900.00")
    assert answer.headers["x-row-count"] == "5"
    assert (
        'filename="all-changes-2024-06-30-2024-07-30.csv"'
        in (answer.headers["content-disposition"])
    )
    [entry] = (await client.get("/audit?action=export.changes")).json()["entries"]
    assert (entry["rows"], entry["subject"]) == (5, "all")


async def test_json_is_the_same(client, two_runs) -> None:
    answer = await client.get(
        "/export/segments/all?mode=changes", headers={"Accept": "application/json"}
    )
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert (body["segment_name"], body["total"]) == ("all", 5)
    assert body["from_date"] < body["to_date"]
    assert [change["customer_id"] for change in body["changes"]] == sorted(MOVES)
    assert body["changes"][3] == {
        "customer_id": "C0004", "email": "customer4@example.com",
        "country": body["changes"][3]["country"], "from_segment": None,
        "to_segment": "Champions", "cause": "new_customer",
        "monetary_before": None, "monetary_after": 900.00,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "customers"),
    [("champions", ["C0001", "C0004"]), ("at-risk", ["C0001", "C0002", "C0003"])],
)
async def test_a_segment_lists_who_came_and_who_left(client, two_runs, name, customers) -> None:
    answer = await client.get(f"/export/segments/{name}", params={"mode": "changes"})
    assert [line.split(",")[0] for line in answer.text.splitlines()[1:]] == customers


@pytest.mark.parametrize(
    ("since", "status", "rows"),
    [
        ("2024-06-30", 200, "5"),
        ("2024-07-15", 200, "5"),  # the newest snapshot by then
        ("2024-07-30", 200, "0"),
        ("2031-01-01", 200, "0"),
        ("2024-06-29", 404, None),  # nothing was scored by then
        ("soon", 400, None),
    ],
)
async def test_since_is_a_date(client, two_runs, since, status, rows) -> None:
    answer = await client.get("/export/segments/all", params={"since": since})
    assert (answer.status_code, answer.headers.get("x-row-count")) == (status, rows)
    if status != 200:
        assert answer.json()["field"] == "since"


async def test_an_earlier_date_can_be_the_end(client, two_runs) -> None:
    answer = await client.get(
        "/export/segments/all", params={"since": "2024-06-30", "calc_date": "2024-06-30"}
    )
    assert answer.headers["x-row-count"] == "0"


async def test_a_segment_that_is_gone_still_has_changes(client, two_runs, sessions) -> None:
    before, _ = two_runs
    async with sessions() as session, session.begin():
        await run_sql(
            session,
            "UPDATE segment_stats SET segment_name = 'Loyal Customers'"
            " WHERE run_id = :run_id AND segment_name = 'Champions'",
            run_id=before,
        )
        await run_sql(session, f"UPDATE customer_clusters_{before} SET segment_name ="
                      " 'Loyal Customers' WHERE segment_name = 'Champions'")  # fmt: skip
    answer = await client.get("/export/segments/loyal-customers?mode=changes")
    assert int(answer.headers["x-row-count"]) > 0
    assert {line.split(",")[3] for line in answer.text.splitlines()[1:]} == {"Loyal Customers"}
    assert (await client.get("/export/segments/whales?mode=changes")).status_code == 404


async def test_formulas_are_neutralised_there_too(client, two_runs, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE customers SET email = '=1+1' WHERE customer_id = 'C0001'")
    answer = await client.get("/export/segments/all?mode=changes")
    assert answer.text.splitlines()[1].split(",")[1] == "'=1+1"


async def test_since_contradicts_the_full_mode(client, two_runs) -> None:
    answer = await client.get("/export/segments/all?mode=full&since=2024-06-30")
    assert (answer.status_code, answer.json()["field"]) == (400, "since")
