"""Versions of the model: numbers that stay, and which one is in force."""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from redis.asyncio import Redis

from rfm_common.db import Sessions, run_sql
from rfm_common.models import ScoringRun
from rfm_common.runs import RunRequest, queue_backfill
from rfm_common.settings import Settings
from scoring.engines import open_engine
from scoring.runs import jobs
from tests.integration.scoring.shop import ShopOrder, at, load, runs
from tests.integration.scoring.shop import score as carry_out

DAY = at("2026-03-01")
SPREE = 40
"""Times what people spent before: enough for another model."""


def orders(seed: int, ending: int = 0, factor: int = 1, customers: int = 150) -> list[ShopOrder]:
    """Loyal and lapsing customers of the year that ends so many days after DAY."""
    rng = random.Random(seed)
    found = []
    for number in range(customers * 6):
        who = int(customers * rng.random() ** 2)
        age = rng.randrange(1, 20 + 330 * (who + 1) // customers) - ending
        amount = Decimal(rng.randrange(500, 20_000) * factor ** (who % 3)) / 100
        found.append(ShopOrder(f"O{seed}-{number}", f"C{who:04d}", DAY - timedelta(age), amount))
    return found


class Shop:
    """A shop that is scored day by day."""

    def __init__(self, settings: Settings, sessions: Sessions, redis: Redis) -> None:
        self.settings, self.sessions, self.redis = settings, sessions, redis

    async def load(self, seed: int = 1, **how: int) -> None:
        """A file of orders, for which no run starts by itself."""
        await load(self.sessions, orders(seed, **how))
        async with self.sessions() as session, session.begin():
            await run_sql(session, "UPDATE data_state SET scored_version = data_version")

    async def score(self, day: int = 0, **asked: object) -> ScoringRun:
        """The run of that many days after DAY."""
        request = replace(RunRequest(calc_date=DAY + timedelta(day)), **asked)  # type: ignore[arg-type]
        return await carry_out(self.settings, self.sessions, self.redis, request)


@pytest.fixture
def trade(settings: Settings, sessions: Sessions, redis: Redis) -> Shop:
    """The shop, empty."""
    return Shop(settings, sessions, redis)


async def listed(client: httpx.AsyncClient) -> list[tuple[int, str, bool]]:
    """Number, state and whether it is in force, newest first."""
    found = (await client.get("/models")).json()["models"]
    return [(one["version"], one["state"], one["in_force"]) for one in found]


async def test_a_model_that_stays_keeps_its_number(client, trade) -> None:
    await trade.load()
    first, second = await trade.score(), await trade.score(1)
    assert (first.model_version, second.model_version) == (1, 1)
    assert not second.model["model_changed"]
    assert await listed(client) == [(1, "published", True)]
    [only] = (await client.get("/models")).json()["models"]
    assert (only["k"], only["is_auto"], only["run_id"]) == (5, False, first.run_id)
    assert only["reason"] == "the first model of its kind"
    assert only["segments"] == first.model["names"]


async def test_another_model_has_the_next_number_and_the_reason(client, trade) -> None:
    await trade.load()
    await trade.score()
    await trade.load(2, ending=3, factor=SPREE)
    changed = await trade.score(3)
    assert changed.model["model_changed"]
    assert await listed(client) == [(2, "published", True), (1, "published", False)]
    newest = (await client.get("/models/2")).json()
    assert newest["reason"] == changed.model["reason"] == changed.metrics["reason"]
    assert newest["centroids"] == changed.model["centroids"]
    assert [one["segment_name"] for one in newest["clusters"]] == changed.model["names"]
    assert sum(one["customers"] for one in newest["clusters"]) > 100
    assert (await client.get(f"/runs/{changed.run_id}")).json()["model_version"] == 2


async def test_each_k_transform_and_auto_is_a_line_of_its_own(client, trade) -> None:
    await trade.load()
    for asked in ({}, {"k": 4}, {"transform": "none"}, {"k": "auto"}):
        await trade.score(len(asked), **asked)
    found = (await client.get("/models")).json()["models"]
    # Those of the second day replaced each other; the last one is shown.
    assert [one["in_force"] for one in found] == [True, False, False, True]
    assert [one["is_auto"] for one in found] == [True, False, False, False]
    assert [one["transform"] for one in found][1:] == ["none", "log1p", "log1p"]


async def test_a_preview_makes_no_version(client, trade) -> None:
    await trade.load()
    await trade.score()
    preview = await trade.score(k=4, preview=True)
    assert preview.model_version is None
    assert await listed(client) == [(1, "published", True)]


async def test_months_that_are_filled_in_have_the_model_they_were_given(client, trade) -> None:
    await trade.load()
    await trade.score(k="auto")
    async with trade.sessions() as session, session.begin():
        await queue_backfill(session, trade.settings, months=2)
    engine = open_engine(trade.settings, trade.sessions)
    await jobs.drain(jobs.Context(trade.settings, trade.sessions, trade.redis, engine, "test"))
    assert [run.model_version for run in await runs(trade.sessions)] == [1, 1, 1]
    assert await listed(client) == [(1, "published", True)]


async def test_without_customers_there_is_no_model(client, trade) -> None:
    run = await trade.score()
    assert run.model_version is None
    assert await listed(client) == []
    assert (await client.get("/models/1")).status_code == 404
    assert (await client.get("/models.csv")).text.startswith("version,state,in_force,")


async def test_the_page_lists_them_and_leads_to_each(client, trade) -> None:
    await trade.load()
    await trade.score()
    await trade.load(2, ending=3, factor=SPREE)
    changed = await trade.score(3)
    html = (await client.get("/dashboard/clusters")).text
    assert "Model 1</a>" in html
    assert f'href="/dashboard/clusters?run={changed.run_id}">Model 2</a>' in html
    assert html.count("In force") == 1
    assert changed.model["reason"] in html
