"""What customers are expected to buy, in lists: sorted, narrowed, and whole while it comes."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from gateway.kit.outlook import FIGURES
from rfm_common.db import open_sessions
from rfm_common.snapshots import SORTABLE
from scoring.runs.forecasts import forecast_next
from tests.conftest import fresh
from tests.integration.gateway_api.conftest import served
from tests.integration.gateway_api.test_customers import everyone
from tests.shop import CALC_DATE, open_shop, score

NEVER = float("inf")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def valued(template, tmp_path_factory) -> AsyncGenerator[httpx.AsyncClient]:
    """A client over a shop whose snapshot has its figures, for tests that change nothing."""
    async with fresh(template, tmp_path_factory.mktemp("valued")) as made:
        apart = made.redis_url.get_secret_value().removesuffix("/0") + "/1"
        settings = made.model_copy(update={"cdn": "off", "redis_url": SecretStr(apart)})
        async with open_sessions(made, "test") as sessions:
            await open_shop(sessions)
            assert await forecast_next(made, sessions)
        async with served(settings) as client:
            yield client


def weight(row: dict[str, Any], key: str) -> float:
    """What the list is sorted by: nothing is less than 0, and a day that is missing is never."""
    if row[key] is not None:
        return row[key]
    return NEVER if key == "half_back_days" else -1


async def test_rows_have_the_figures_of_the_customer(valued) -> None:
    rows = {row["customer_id"]: row for row in await everyone(valued)}
    for customer_id in ("C0001", "C0033", "C0120"):
        outlook = (await valued.get(f"/customers/{customer_id}")).json()["outlook"]
        expected = {name: outlook and outlook[name] for name in FIGURES}
        assert {name: rows[customer_id][name] for name in FIGURES} == expected
    assert sum(row["expected_revenue_90"] is not None for row in rows.values()) > 60


@pytest.mark.parametrize("key", SORTABLE)
@pytest.mark.parametrize("path", ["/customers", "/segments/champions/customers"])
async def test_sorting_goes_both_ways_with_ties_by_id(valued, key, path) -> None:
    async def listed(**asked: Any) -> list[dict]:
        answer = await valued.get(path, params={"page_size": 1000, **asked})
        assert answer.json()["has_outlook"] is True
        return answer.json()["customers"]

    downwards = sorted(await listed(), key=lambda row: (-weight(row, key), row["customer_id"]))
    assert len(downwards) > 5
    assert await listed(sort=f"-{key}") == downwards
    assert await listed(sort=key) == downwards[::-1]


@pytest.mark.parametrize("sort", [f"-{SORTABLE[1]}", "buys_again_90", "-overdue", "half_back_days"])
@pytest.mark.parametrize("narrowed", [{}, {"segment": "at-risk"}, {"q": "customer1"}])
async def test_pages_behind_a_customer_miss_and_repeat_nobody(valued, sort, narrowed) -> None:
    whole = await everyone(valued, sort=sort, **narrowed)
    found: list[dict] = []
    while len(found) < len(whole):
        after = {"after": found[-1]["customer_id"]} if found else {}
        asked = {"sort": sort, "page_size": 9, **narrowed, **after}
        found += (await valued.get("/customers", params=asked)).json()["customers"]
    assert found == whole


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [("expected_revenue_90", 20, 90.5), ("buys_again_90", 0.1, 0.6), ("overdue", 0, 2),
     ("half_back_days", 0, 400), ("expected_orders_90", 0.05, 1), ("expected_loss_90", 0.01, 30),
     ("expected_revenue_365", 50, 1e6)],
)  # fmt: skip
async def test_bounds_keep_exactly_those_between(valued, key, least, most) -> None:
    rows = [row for row in await everyone(valued) if row[key] is not None]
    above = [row for row in rows if row[key] >= least]
    assert await everyone(valued, **{f"min_{key}": least}) == above
    assert await everyone(valued, **{f"max_{key}": most}) == [r for r in rows if r[key] <= most]
    between = [row for row in above if row[key] <= most]
    assert between
    bounds = {f"min_{key}": least, f"max_{key}": most}
    assert await everyone(valued, **bounds) == between
    narrowed = {"segment": "champions", "country": "DE", "q": "customer", "fm_score": 5}
    expected = [row for row in await everyone(valued, **narrowed) if row in between]
    assert await everyone(valued, **narrowed, **bounds) == expected


async def test_a_bound_is_the_number_that_is_written(valued) -> None:
    """A binary fraction would be a little beside the amount."""
    one = next(row for row in await everyone(valued) if row["expected_revenue_90"])
    bound = {"min_expected_revenue_90": one["expected_revenue_90"]}
    assert one in await everyone(valued, **bound, max_expected_revenue_90=bound.popitem()[1])


async def test_a_segment_is_narrowed_and_paged_by_what_is_expected(valued) -> None:
    asked = {"sort": "-buys_again_90", "min_expected_revenue_90": 10, "page_size": 3}
    answer = (await valued.get("/segments/champions/customers", params=asked)).json()
    rows = [row for row in await everyone(valued, segment="champions")
            if row["expected_revenue_90"] >= 10]  # fmt: skip
    assert answer["total"] == len(rows) > 6
    after = answer["customers"][-1]["customer_id"]
    more = await valued.get("/segments/champions/customers", params={**asked, "after": after})
    rows.sort(key=lambda row: (-row["buys_again_90"], row["customer_id"]))
    assert answer["customers"] + more.json()["customers"] == rows[:6]


@pytest.mark.parametrize(
    ("name", "value"),
    [("min_overdue", "-1"), ("max_buys_again_90", "1.5"), ("min_half_back_days", "soon"),
     ("min_expected_revenue_90", "nan"), ("max_expected_revenue_90", "inf")],
)  # fmt: skip
async def test_a_bound_that_is_none_is_refused_by_name(valued, name, value) -> None:
    answer = await valued.get("/customers", params={name: value})
    assert answer.status_code == 400
    assert name in answer.json()["detail"]


async def test_csv_has_the_figures_too(valued) -> None:
    text = (await valued.get("/customers.csv", params={"sort": "-expected_revenue_90"})).text
    head, first, *_ = text.splitlines()
    assert head.endswith(",".join(FIGURES))
    assert len(first.split(",")) == len(head.split(","))


@pytest.mark.parametrize(
    "asked", [{"sort": "-expected_revenue_90"}, {"sort": "overdue"}, {"min_buys_again_90": 0.2}]
)
async def test_an_order_that_is_not_computed_yet_is_refused_and_never_another_one(
    client, shop, asked
) -> None:
    for path in ("/customers", "/customers.csv", "/segments/lost/customers"):
        answer = await client.get(path, params=asked)
        assert answer.status_code == 409
        assert "not computed yet" in answer.json()["detail"]


async def test_answers_get_another_version_when_figures_are_attached(
    client, shop, settings, sessions
) -> None:
    paths = ("/customers", "/segments/champions/customers")
    before = {path: await client.get(path) for path in paths}
    for path, answer in before.items():
        assert answer.json()["has_outlook"] is False
        assert {answer.json()["customers"][0][name] for name in FIGURES} == {None}
        unchanged = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert unchanged.status_code == 304
    assert await forecast_next(settings, sessions)
    for path, answer in before.items():
        after = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert after.status_code == 200
        assert after.json()["has_outlook"] is True


async def test_a_snapshot_in_the_place_of_one_with_figures_has_none_yet(
    client, shop, settings, sessions
) -> None:
    assert await forecast_next(settings, sessions)
    await score(sessions, CALC_DATE.replace(month=5))
    assert await forecast_next(settings, sessions)
    await score(sessions)
    snapshots = (await client.get("/snapshots")).json()["snapshots"]
    assert [one["has_outlook"] for one in snapshots] == [False, True]
    assert (await client.get("/customers")).json()["has_outlook"] is False
    earlier = {"calc_date": "2024-05-30", "sort": "-expected_revenue_90"}
    assert (await client.get("/customers", params=earlier)).json()["has_outlook"] is True
