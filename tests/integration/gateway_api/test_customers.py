"""Customers in filtered lists and one by one."""

import pytest

from gateway.customers import lists
from gateway.customers.queries import cluster_score, customer_history
from rfm_common.db import run_sql
from scoring.runs.forecasts import forecast_next
from tests.shop import CALC_DATE, score


async def everyone(client, **params) -> list[dict]:
    answer = await client.get("/customers", params={"page_size": 1000, **params})
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["customers"])
    return answer.json()["customers"]


async def test_the_list_holds_everybody_in_order_of_id(reader) -> None:
    ids = [row["customer_id"] for row in await everyone(reader)]
    assert ids == [f"C{n:04}" for n in range(1, 121)]


@pytest.mark.parametrize(
    ("field", "value"),
    [("cluster_id", 2), ("country", "DE"), ("r_score", 5), ("f_score", 1), ("m_score", 3)],
)
async def test_each_filter_keeps_exactly_the_matching(reader, field, value) -> None:
    expected = [row for row in await everyone(reader) if row[field] == value]
    name = "cluster" if field == "cluster_id" else field
    assert await everyone(reader, **{name: value}) == expected
    assert 0 < len(expected) < 120


async def test_filters_add_up(reader) -> None:
    found = await everyone(reader, segment="at-risk", country="FR", q="customer1")
    assert found == [
        row
        for row in await everyone(reader)
        if row["segment_name"] == "At Risk"
        and row["country"] == "FR"
        and "customer1" in row["email"]
    ]


async def test_the_search_takes_its_signs_literally(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(
            session, "UPDATE customers SET email = '100%_\\\\x@b.c' WHERE customer_id = 'C0007'"
        )
    for text in ("100%", "%_", "\\X@B"):
        assert [row["customer_id"] for row in await everyone(client, q=text)] == ["C0007"]
    assert await everyone(client, q="100_") == []
    assert len(await everyone(client, q="c0007")) == 1


@pytest.mark.parametrize("key", ["customer_id", "monetary", "frequency", "recency_days"])
async def test_sorting_goes_both_ways_with_ties_by_id(reader, key) -> None:
    rows = await everyone(reader)
    downwards = sorted(rows, key=lambda row: row["customer_id"])
    downwards.sort(key=lambda row: row[key], reverse=True)
    assert await everyone(reader, sort=f"-{key}") == downwards
    assert await everyone(reader, sort=key) == downwards[::-1]


@pytest.mark.parametrize("sort", ["customer_id", "-monetary", "frequency", "-recency_days"])
@pytest.mark.parametrize("narrowed", [{}, {"segment": "lost"}, {"country": "DE", "q": "customer"}])
async def test_pages_behind_a_customer_miss_and_repeat_nobody(reader, sort, narrowed) -> None:
    """Many have equal values: nobody is lost where a page ends among them."""
    asked = {"sort": sort, "page_size": 7, **narrowed}
    whole = await everyone(reader, sort=sort, **narrowed)
    found: list[dict] = []
    while len(found) < len(whole):
        after = {"after": found[-1]["customer_id"]} if found else {}
        answer = (await reader.get("/customers", params={**asked, **after})).json()
        assert answer["total"] == len(whole)
        found += answer["customers"]
    assert found == whole


@pytest.mark.parametrize("sort", ["customer_id", "-monetary", "monetary", "-recency_days"])
@pytest.mark.parametrize("narrowed", [{}, {"segment": "lost"}, {"cluster": 1}])
async def test_pages_that_are_found_from_the_end_are_those_of_the_list(
    reader, monkeypatch, sort, narrowed
) -> None:
    monkeypatch.setattr(lists, "DEEP", 3)
    whole = await everyone(reader, sort=sort, **narrowed)
    assert len(whole) > 12
    for size in (1, 4, 7):
        pages = [
            await reader.get("/customers", params={
                "sort": sort, "page": number, "page_size": size, **narrowed})
            for number in range(1, 2 - -len(whole) // size)
        ]  # fmt: skip
        assert [row for page in pages for row in page.json()["customers"]] == whole


async def test_nobody_is_behind_a_stranger(reader) -> None:
    answer = await reader.get("/customers", params={"after": "nobody"})
    assert (answer.status_code, answer.json()["field"]) == (404, "after")


async def test_a_beginning_goes_before_any_part(client, shop, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(
            session, "UPDATE customers SET email = 'Anna@b.c' WHERE customer_id = 'C0001'"
        )
        await run_sql(
            session, "UPDATE customers SET email = 'joanna@b.c' WHERE customer_id = 'C0002'"
        )
    assert [row["customer_id"] for row in await everyone(client, q="ANNA")] == ["C0001"]
    assert [row["customer_id"] for row in await everyone(client, q="anna@")] == ["C0001"]
    assert [row["customer_id"] for row in await everyone(client, q="oann")] == ["C0002"]


@pytest.mark.parametrize(
    "narrowed",
    [
        {"cluster": 0}, {"segment": "lost", "cluster": 4}, {"segment": "lost", "cluster": 0},
        {"country": "FR"}, {"country": "Atlantis"}, {"country": "FR", "segment": "at-risk"},
        {"r_score": 1}, {"r_score": 5, "fm_score": 5}, {"r_score": 1, "fm_score": 5},
        {"fm_score": 2, "country": "DE"}, {"fm_score": 2, "segment": "at-risk"}, {"f_score": 3},
    ],
)  # fmt: skip
async def test_the_total_is_that_of_the_list(reader, narrowed) -> None:
    """`everyone` compares them; some totals come from figures stored with the run."""
    await everyone(reader, **narrowed)


async def test_totals_do_without_stored_figures(client, shop, sessions) -> None:
    """Rare countries are not kept, and runs of old may have no figures by country at all."""
    expected = await everyone(client, country="FR", segment="at-risk")
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM country_summaries")
        await run_sql(session, "UPDATE scoring_runs SET summary = summary - 'grid'")
    assert await everyone(client, country="FR", segment="at-risk") == expected
    assert await everyone(client, country="FR", r_score=3)
    assert await everyone(client, r_score=3, fm_score=3)


async def test_unknown_filters_values_are_refused_by_name(reader) -> None:
    for field, value in {"r_score": 6, "sort": "email", "cluster": "two", "page": 0}.items():
        answer = await reader.get("/customers", params={field: value})
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert field in answer.json()["detail"]
    assert (await reader.get("/customers", params={"segment": "x"})).status_code == 404


async def test_a_nul_byte_is_bad_input_not_a_failure(reader) -> None:
    for path in ("/customers?q=%00", "/customers/%00", "/segments/%00/customers"):
        assert (await reader.get(path)).status_code in (400, 404)


async def test_one_customer_has_scores_history_and_orders(client, shop, sessions) -> None:
    earlier = await score(sessions, CALC_DATE.replace(month=4, day=30))
    listed = (await everyone(client, segment="champions"))[0]
    answer = (await client.get(f"/customers/{listed['customer_id']}")).json()
    assert answer["segment"] == "Champions"
    assert {key: answer["rfm"][key] for key in ("recency_days", "frequency", "monetary")} == {
        key: listed[key] for key in ("recency_days", "frequency", "monetary")
    }
    assert [row["run_id"] for row in answer["history"]] == [shop, earlier]
    assert answer["cluster_score"]["distance"] == 0.4
    counted = [order for order in answer["orders"] if order["is_counted"]]
    assert len(counted) == listed["frequency"]
    assert round(sum(order["order_amount"] for order in counted), 2) == listed["monetary"]
    assert answer["orders_total"] == len(answer["orders"])


async def test_one_customer_has_what_to_expect_once_it_is_computed(
    client, shop, settings, sessions
) -> None:
    path = f"/customers/{(await everyone(client, segment='champions'))[0]['customer_id']}"
    assert (await client.get(path)).json()["outlook"] is None
    assert await forecast_next(settings, sessions)
    outlook = (await client.get(path)).json()["outlook"]
    assert 0 < outlook["buys_again_90"] < 1
    orders = [outlook[f"expected_orders_{days}"] for days in (30, 90, 365)]
    assert 0 < orders[0] < orders[1] < orders[2]
    ranged = ("revenue_90_low", "expected_revenue_90", "revenue_90_high")
    low, mean, high = (outlook[name] for name in ranged)
    assert low <= mean <= high
    assert outlook["model"].endswith(".")
    page = (await client.get(f"/dashboard{path}")).text
    assert "What to expect" in page
    assert "Revenue per 90 days" in page
    assert "to 30 Jun 2024" in page
    assert f"about {round(outlook['buys_again_90'] * 100)} order again within 90 days" in page


async def test_figures_that_are_seen_before_their_run_says_so_are_not_shown_yet(
    client, shop, settings, sessions
) -> None:
    """A statement that begins while they are attached sees the table and the run of before."""
    assert await forecast_next(settings, sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE scoring_runs SET forecast = '{}'")
    path = f"/customers/{(await everyone(client, segment='champions'))[0]['customer_id']}"
    assert (await client.get(path)).json()["outlook"] is None
    assert (await client.get(f"/dashboard{path}")).status_code == 200


async def test_the_cluster_of_a_customer_is_found_when_another_run_has_replaced_its_table(
    client, shop, sessions
) -> None:
    customer_id = (await everyone(client, segment="champions"))[0]["customer_id"]
    async with sessions() as session:
        before = (await customer_history(session, customer_id))[0]
    await score(sessions)
    async with sessions() as session:
        assert (await cluster_score(session, before, customer_id))["centroid"]


async def test_a_customer_who_never_bought_has_no_outlook(client, shop, settings, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM orders WHERE customer_id = 'C0001'")
    assert await forecast_next(settings, sessions)
    answer = (await client.get("/customers/C0001")).json()
    assert answer["outlook"] is None
    assert "no counted order" in answer["no_outlook"]
    page = (await client.get("/dashboard/customers/C0001")).text
    assert "Of 100 customers" not in page
    assert answer["no_outlook"] in page


async def test_an_outlook_that_is_not_there_says_why(client, shop, settings, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO customers (customer_id) VALUES ('new')")
    assert "in no scores yet" in (await client.get("/customers/new")).json()["no_outlook"]
    assert "Not scored yet" in (await client.get("/dashboard/customers/new")).text
    for buyer in ("C0033", "C0060"):
        answer = (await client.get(f"/customers/{buyer}")).json()
        assert "a few seconds after each run" in answer["no_outlook"]
        assert answer["no_outlook"] in (await client.get(f"/dashboard/customers/{buyer}")).text
    assert await forecast_next(settings, sessions)
    for buyer in ("C0033", "C0060"):
        answer = (await client.get(f"/customers/{buyer}")).json()
        assert answer["outlook"]
        assert answer["no_outlook"] is None


@pytest.mark.parametrize("figure", ["overdue", "half_back_days"])
async def test_a_figure_that_is_missing_says_why(client, shop, settings, sessions, figure) -> None:
    assert await forecast_next(settings, sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE customer_values SET overdue = 2, half_back_days = 9")
        await run_sql(
            session, f"UPDATE customer_values SET {figure} = NULL WHERE customer_id = 'C0033'"
        )
    [missing] = (await client.get("/customers/C0033")).json()["outlook"]["missing"]
    assert missing["figure"] == figure
    assert missing["why"] in (await client.get("/dashboard/customers/C0033")).text
    answer = (await client.get("/customers/C0060")).json()
    assert answer["outlook"]["missing"] == []


async def test_a_customer_nobody_has_scored_is_shown_without_scores(client, sessions) -> None:
    async with sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO customers (customer_id) VALUES ('new/one ä')")
    answer = (await client.get("/customers/new%2Fone%20%C3%A4")).json()
    assert (answer["segment"], answer["rfm"]) == (None, None)


async def test_an_unknown_customer_is_not_found(reader) -> None:
    answer = await reader.get("/customers/nobody")
    assert answer.status_code == 404
    assert answer.json()["field"] == "customer_id"
    assert (await reader.get("/customers/nobody/orders")).status_code == 404


async def test_orders_come_in_pages_newest_first(reader) -> None:
    whole = (await reader.get("/customers/C0001")).json()["orders"]
    customer_id = "C0001" if len(whole) > 2 else "C0002"
    whole = (await reader.get(f"/customers/{customer_id}")).json()["orders"]
    paged = []
    for page in range(1, len(whole) + 1):
        answer = await reader.get(
            f"/customers/{customer_id}/orders", params={"page": page, "page_size": 1}
        )
        paged += answer.json()["orders"]
    assert paged == whole
    assert whole == sorted(whole, key=lambda order: order["order_date"], reverse=True)


MODEL = """
UPDATE scoring_runs SET
    edges = '{"recency_days": [30, 90, 180, 300], "frequency": [1, 2, 3, 4],
              "monetary": ["50", "100", "200", "400"]}',
    model = '{"transform": "none", "lambdas": null, "mean": [0, 0, 0], "scale": [1, 1, 1],
              "centroids": [[10, 3, 300], [400, 0, 0]], "names": ["Champions", "Lost"]}'
"""


async def test_a_customer_who_moved_is_told_why(client, shop, sessions) -> None:
    before = await everyone(client, segment="champions")
    await score(sessions, CALC_DATE.replace(year=2026))  # two years later nobody has an order
    async with sessions() as session, session.begin():
        await run_sql(session, MODEL)
    why = (await client.get(f"/customers/{before[0]['customer_id']}")).json()["why"]
    assert (why["cause"], why["has_new_order"]) == ("ageing", False)
    assert (why["segment_before"], why["segment_by_old_model"]) == ("Champions", "Lost")
    assert [move["figure"] for move in why["scores"]] == ["recency_days", "frequency", "monetary"]
    assert {move["after"] for move in why["scores"]} == {1}


NEAR = """
UPDATE scoring_runs SET model = jsonb_build_object('transform', 'none', 'lambdas', null,
    'mean', '[0, 0, 0]'::jsonb, 'scale', '[1, 1e9, 1e9]'::jsonb, 'rule', 'promises',
    'margin', 5.0, 'names', '["Champions", "At Risk"]'::jsonb, 'centroids', jsonb_build_array(
        jsonb_build_array(CAST(:border AS int) - 10, 0, 0),
        jsonb_build_array(CAST(:border AS int) + 10, 0, 0)))
"""


@pytest.mark.parametrize(("beyond", "distance"), [(3, 3), (5, 5), (-2, -2), (6, None)])
async def test_a_customer_near_a_border_says_so(client, shop, sessions, beyond, distance) -> None:
    """A day is a standard deviation; the border is so many days off."""
    listed = (await everyone(client, segment="champions"))[0]
    async with sessions() as session, session.begin():
        await run_sql(session, NEAR, border=listed["recency_days"] + beyond)
    path = f"/customers/{listed['customer_id']}"
    near = (await client.get(path)).json()["near"]
    page = (await client.get(f"/dashboard{path}")).text
    if distance is None:
        assert near is None
        assert "border of" not in page
    else:
        assert near == {"segment": "At Risk", "distance": distance, "margin": 5}
        assert "Near the border of" in page or distance < 0
        assert "Past the border of" in page or distance > 0


async def test_without_an_earlier_snapshot_there_is_no_why(reader) -> None:
    assert (await reader.get("/customers/C0001")).json()["why"] is None
