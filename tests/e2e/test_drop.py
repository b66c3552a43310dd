"""The product in one story: files drop, and the API has the figures that anybody would write."""

import random
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest
import pytest_asyncio

from tests.conftest import fresh
from tests.running import drop, eventually, product

CALC_DATE = datetime(2024, 1, 15)  # noqa: DTZ001 - read in the shop's zone, as a user types it
CUSTOMERS = 60


def customers_csv() -> str:
    rows = [
        f"C{n:03},customer{n}@example.com,{['US', 'DE', 'FR'][n % 3]},2023-01-{n % 28 + 1:02}"
        for n in range(1, CUSTOMERS + 1)
    ]
    return "\n".join(["customer_id,email,country,created_at", *rows, ""])


def orders_csv(seed: int = 7, first: int = 1, count: int = 400) -> str:
    chance = random.Random(seed)
    rows = []
    for n in range(first, first + count):
        customer = int(CUSTOMERS * chance.random() ** 2) + 1
        day = CALC_DATE - timedelta(days=int(420 * chance.random() ** 1.5))
        status = chance.choices(["completed", "cancelled"], [9, 1])[0]
        amount = f"{chance.lognormvariate(4, 1):.2f}"
        rows.append(f"O{n:04},C{customer:03},{day:%Y-%m-%d},{amount},EUR,{status}")
    return "\n".join(["order_id,customer_id,order_date,order_amount,currency,status", *rows, ""])


def expected_rfm(folder: Path) -> dict[str, tuple[int, int, float]]:
    """R, F, M by customer, the way anybody would write it."""
    orders = pl.concat([pl.read_csv(file, try_parse_dates=True) for file in folder.glob("*.csv")])
    customers = pl.DataFrame({"customer_id": [f"C{n:03}" for n in range(1, CUSTOMERS + 1)]})
    date = pl.col("order_date")
    counted = orders.filter(
        pl.col("status") == "completed", date.is_between(CALC_DATE - timedelta(365), CALC_DATE)
    )
    rfm = counted.group_by("customer_id").agg(
        recency=(pl.lit(CALC_DATE.date()) - date.max()).dt.total_days(),
        frequency=pl.len(),
        monetary=pl.col("order_amount").sum().round(2),
    )
    whole = customers.join(rfm, on="customer_id", how="left").fill_null(strategy="zero")
    no_order = pl.col("frequency") == 0
    whole = whole.with_columns(
        recency=pl.when(no_order).then(366).otherwise(pl.col("recency"))
    ).sort("customer_id")
    return {row[0]: row[1:] for row in whole.iter_rows()}


async def api_rfm(client: httpx.AsyncClient, calc_date: str) -> dict[str, tuple[int, int, float]]:
    """R, F, M by customer, page by page through the API."""
    found = {}
    segments = (await client.get("/segments", params={"calc_date": calc_date})).json()["segments"]
    for name in {segment["segment_name"] for segment in segments}:
        page = await client.get(
            f"/segments/{name}/customers", params={"calc_date": calc_date, "page_size": 1000}
        )
        for row in page.json()["customers"]:
            figures = (row["recency_days"], row["frequency"], float(row["monetary"]))
            found[row["customer_id"]] = figures
    return dict(sorted(found.items()))


@pytest_asyncio.fixture(scope="module")
async def client(template, tmp_path_factory) -> AsyncGenerator[httpx.AsyncClient]:
    """A running product that has scored the two files; the orders came first, as they may."""
    folder = tmp_path_factory.mktemp("drop")
    async with (
        fresh(template, folder / "data") as settings,
        product(settings) as running,
    ):
        drop(settings.input_dir, "orders.csv", orders_csv())
        drop(settings.input_dir, "customers.csv", customers_csv())
        await eventually(lambda: scored(running), what="the files are scored")
        yield running


async def test_dropped_files_become_the_figures_of_the_api(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    asked = {"calc_date": CALC_DATE.isoformat(), "window_days": 365, "k": 5}
    answer = await client.post("/pipeline/run", json=asked, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["customers_processed"] == CUSTOMERS

    (tmp_path / "orders.csv").write_text(orders_csv())
    assert await api_rfm(client, CALC_DATE.isoformat()) == expected_rfm(tmp_path)

    segments = (await client.get("/segments", params={"calc_date": "2024-01-15"})).json()
    assert sum(row["customer_count"] for row in segments["segments"]) == CUSTOMERS


async def scored(client: httpx.AsyncClient) -> bool:
    health = (await client.get("/health")).json()
    return 0 < health["data_version"] == health["scored_version"] and not health["pending_imports"]


@pytest.mark.parametrize(
    "body", [{"calc_date": "2024-01-14T00:00:00", "window_days": 365, "k": 5}, None]
)
async def test_scoring_can_be_asked_for_by_hand(client: httpx.AsyncClient, body) -> None:
    queued = (
        await client.post("/pipeline/run", json=body)
        if body
        else await client.post("/pipeline/run")
    )
    assert queued.status_code == 202
    assert queued.headers["location"] == f"/runs/{queued.json()['run_id']}"
    assert {"run_id", "status", "calc_date", "window_days", "k"} <= queued.json().keys()

    done = await client.post("/pipeline/run", json=body, headers={"Prefer": "wait=60"})
    assert done.status_code == 200
    assert done.json()["clusters_created"] == 5
    run = (await client.get(f"/runs/{done.json()['run_id']}")).json()
    expected = datetime(2024, 1, 14, tzinfo=UTC) if body else None
    assert expected is None or datetime.fromisoformat(run["calc_date"]) == expected
