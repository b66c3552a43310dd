"""Why a customer is in another segment, whatever happened to the orders between two dates."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import httpx
import pytest

from rfm_common.db import run_sql
from tests.integration.gateway_api.test_comparable import work
from tests.integration.scoring.shop import ShopOrder, load, score
from tests.integration.scoring.test_runs import AS_OF
from tests.integration.scoring.test_runs import shop as orders

NOW = AS_OF.calc_date
THEN = NOW - timedelta(days=10)


def order(name: str, customer: str, ago: int, amount: str = "300", **more: str) -> ShopOrder:
    """An order so many days before the first snapshot."""
    moment = THEN - timedelta(days=ago)
    return ShopOrder(f"{customer}-{name}", customer, moment, Decimal(amount), **more)


def several(customer: str, ages: Iterable[int], amount: str = "300", **more: str):
    return [order(f"{age}", customer, age, amount, **more) for age in ages]


BEFORE = [
    *several("refunded", (307, 2)), *several("refunded3", (300, 290, 4)),
    *several("cancelled", (320, 9), "80"),
    *several("given", (280, 3)), *several("taken", (250, 240)),
    *several("dear", (8, 5, 3), "5"), *several("cheap", (8, 5, 3), "900"),
    *several("moved", (260, 6)),
    *several("dollars", (60, 40, 7), "900", currency="USD"),
    *several("dollars2", (30, 20, 2), "700", currency="USD"),
    *several("late", (358, 100), "50"), *several("buyer", (300,), "20"),
    *several("ageing", (360,), "40"),
]  # fmt: skip
"""The customers whose orders change, and one who only ages."""
CHANGES = [
    order("2", "refunded", 2, status="refunded"),
    order("4", "refunded3", 4, status="refunded"),
    order("9", "cancelled", 9, "80", status="cancelled"),
    replace(order("3", "given", 3), customer_id="taken"),
    order("3", "dear", 3, "5000"), *[order(str(a), "cheap", a, "1") for a in (8, 5, 3)],
    replace(order("6", "moved", 6), order_date=THEN - timedelta(days=330)),
    order("late", "late", 50, "50"),  # as many as before, for the same amount: one left the window
    *[order(f"new{n}", "buyer", -n, "400") for n in (1, 2, 3)],
]  # fmt: skip


async def fill(sessions, changes: Iterable[ShopOrder] = (), *, rate: str | None = None) -> None:
    """Load, with nothing that asks for a run by itself."""
    rates = [("USD", date(2020, 1, 1), "0.9")] if rate is None else ()
    await load(sessions, changes, rates=rates)
    async with sessions() as session, session.begin():
        if rate:
            await run_sql(session, "UPDATE exchange_rates SET rate = CAST(:r AS numeric)", r=rate)
        await run_sql(session, "UPDATE data_state SET scored_version = data_version")


@pytest.fixture
def euros(settings):
    return settings.model_copy(update={"currency": "EUR"})


async def scored(settings, sessions, redis, **asked: object):
    return await score(settings, sessions, redis, replace(AS_OF, **asked))


async def why(client: httpx.AsyncClient, customer: str) -> tuple[str, bool]:
    found = (await client.get(f"/customers/{customer}")).json()["why"]
    return found["cause"], found["has_new_order"]


async def changes_of(client: httpx.AsyncClient) -> dict[str, str]:
    """The cause by customer, as the export of changes has it."""
    answer = await client.get(
        "/export/segments/all?mode=changes", headers={"Accept": "application/json"}
    )
    return {one["customer_id"]: one["cause"] for one in answer.json()["changes"]}


async def test_each_cause_is_the_one_that_happened(euros, sessions, redis, client) -> None:
    await fill(sessions, [*orders(), *BEFORE])
    await scored(euros, sessions, redis, calc_date=THEN)
    await fill(sessions, CHANGES, rate="0.05")
    async with sessions() as session, session.begin():
        await run_sql(session, "INSERT INTO customers (customer_id) VALUES ('without')")
    await scored(euros, sessions, redis)
    expected = {
        "refunded": "correction", "refunded3": "correction", "cancelled": "correction",
        "given": "correction", "moved": "correction",
        "dear": "correction", "cheap": "correction",
        "dollars": "correction", "dollars2": "correction",
        "taken": "new_order", "buyer": "new_order", "ageing": "ageing",
    }  # fmt: skip
    changed = await changes_of(client)
    assert {one: changed.get(one) for one in expected} == expected
    assert {one: (await why(client, one))[0] for one in expected} == expected
    news = {one: (await why(client, one))[1] for one in ("taken", "buyer", "late", "dear")}
    assert news == {"taken": True, "buyer": True, "late": True, "dear": False}
    assert changed["without"] == "new_customer"
    flows = (await client.get("/migrations")).json()["flows"]
    [new] = [flow for flow in flows if flow["from_segment"] is None]
    assert (new["to_segment"], new["cause"], new["customers"]) == ("Prospects", "new_customer", 1)


@pytest.mark.parametrize(
    "stored",
    [{"counted_statuses": "completed, shipped"}, {"timezone": "Asia/Tokyo"}, {"window_days": 90},
     {"default_k": 4}],
)  # fmt: skip
async def test_what_is_defined_otherwise_is_the_cause(
    euros, sessions, redis, client, stored
) -> None:
    await fill(sessions, [*orders(), *BEFORE, *several("shipped", (5, 3), status="shipped")])
    await scored(euros, sessions, redis, calc_date=THEN)
    await client.patch("/settings", json=stored)
    await client.post("/pipeline/run", json={"calc_date": NOW.isoformat()})
    await work(euros, sessions, redis)
    assert set((await changes_of(client)).values()) == {"definition"}


async def test_another_k_in_between_does_not_break_the_line(
    settings, sessions, redis, client
) -> None:
    await fill(sessions, orders())
    first = await scored(settings, sessions, redis, calc_date=THEN)
    await scored(settings, sessions, redis, calc_date=THEN + timedelta(days=1), k=3)
    await scored(settings, sessions, redis, calc_date=THEN + timedelta(days=1, hours=1), k="auto")
    third = await scored(settings, sessions, redis, calc_date=THEN + timedelta(days=2))
    assert third.model["start"]["run_id"] == first.run_id
    assert third.model["centroids"] == first.model["centroids"]
    moved = [cause for cause in (await changes_of(client)).values() if cause == "model"]
    assert moved == []
