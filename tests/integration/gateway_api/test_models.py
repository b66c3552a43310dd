"""Versions of the model: numbers that stay, and which one is in force."""

import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from tests.integration.scoring.shop import ShopOrder, load, run_of, runs, snapshot
from tests.integration.scoring.shop import score as carry_out

DAY = datetime.now(UTC).replace(hour=12, minute=0) - timedelta(days=4)
SPREE = 40
"""Times what people spent before: enough for another model."""


def orders(seed: int, ending: int = 0, factor: int = 1, customers: int = 80) -> list[ShopOrder]:
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

    async def drain(self) -> None:
        """Carry out what waits."""
        engine = open_engine(self.settings, self.sessions)
        await jobs.drain(jobs.Context(self.settings, self.sessions, self.redis, engine, "test"))

    async def with_two_models(self) -> ScoringRun:
        """Model 1, and three days later model 2; the run of the latter."""
        await self.load()
        await self.score()
        await self.load(2, ending=3, factor=SPREE)
        return await self.score(3)


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
    assert only["reason"] == "no earlier model to start from"
    assert only["segments"] == first.model["names"]


async def test_another_model_has_the_next_number_and_the_reason(client, trade) -> None:
    changed = await trade.with_two_models()
    assert changed.model["model_changed"]
    assert await listed(client) == [(2, "published", True), (1, "published", False)]
    newest = (await client.get("/models/2")).json()
    assert newest["reason"] == changed.model["reason"] == changed.metrics["reason"]
    assert newest["centroids"] == changed.model["centroids"]
    assert [one["segment_name"] for one in newest["clusters"]] == changed.model["names"]
    assert sum(one["customers"] for one in newest["clusters"]) > 50
    assert (await client.get(f"/runs/{changed.run_id}")).json()["model_version"] == 2


@pytest.mark.slow
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


@pytest.mark.slow
async def test_months_that_are_filled_in_have_the_model_they_were_given(client, trade) -> None:
    await trade.load()
    await trade.score(k="auto")
    async with trade.sessions() as session, session.begin():
        await queue_backfill(session, trade.settings, months=2)
    await trade.drain()
    assert [run.model_version for run in await runs(trade.sessions)] == [1, 1, 1]
    assert await listed(client) == [(1, "published", True)]


async def test_without_customers_there_is_no_model(client, trade) -> None:
    run = await trade.score()
    assert run.model_version is None
    assert await listed(client) == []
    assert (await client.get("/models/1")).status_code == 404
    assert (await client.get("/models.csv")).text.startswith("version,state,in_force,")


async def test_the_page_lists_them_and_leads_to_each(client, trade) -> None:
    changed = await trade.with_two_models()
    html = (await client.get("/dashboard/clusters")).text
    assert "Model 1</a>" in html
    assert 'href="/dashboard/models/2">Model 2</a>' in html
    assert html.count("In force") == 1
    assert changed.model["reason"] in html


async def publish(client: httpx.AsyncClient, trade: Shop, version: int) -> ScoringRun:
    """Publish a version; the run that scored with it."""
    accepted = await client.post(f"/models/{version}/publish")
    assert accepted.status_code == 202, accepted.text
    assert accepted.headers["location"] == f"/runs/{accepted.json()['run_id']}"
    await trade.drain()
    return await run_of(trade.sessions, accepted.json()["run_id"])


async def test_an_older_model_is_published_with_the_scores_of_today(client, trade) -> None:
    await trade.with_two_models()
    [first, *_] = await runs(trade.sessions)
    run = await publish(client, trade, 1)
    assert (run.is_current, run.model_version) == (True, 1)
    assert (run.metrics["reason"], run.metrics["offer"] != "") == (
        "a person chose this model",
        True,
    )
    for part in ("mean", "scale", "centroids", "names"):
        assert run.model[part] == first.model[part]
    assert await listed(client) == [(2, "published", False), (1, "published", True)]
    assert (await client.get("/segments")).json()["run_id"] == run.run_id
    model = (await client.get("/models/1")).json()
    assert (model["is_pinned"], model["decided_by"]) == (True, "local")
    [entry] = (await client.get("/audit")).json()["entries"]
    assert (entry["action"], entry["subject"]) == ("model.publish", "model 1")


async def test_what_a_person_published_stays_though_a_fit_would_replace_it(client, trade) -> None:
    """The same day and the next mornings; what a fit would have done is told."""
    await trade.with_two_models()
    await publish(client, trade, 1)
    for run in (await trade.score(4, calc_date=None), await trade.score(5)):
        assert (run.model_version, run.metrics["reason"]) == (1, "a person chose this model")
        assert run.metrics["offer"].startswith("fitted ")
    assert await listed(client) == [(2, "published", False), (1, "published", True)]


async def test_a_model_that_is_unpinned_is_replaced_for_a_reason(client, trade) -> None:
    await trade.with_two_models()
    await publish(client, trade, 1)
    await trade.score(5)
    unpinned = await client.post("/models/1/unpin")
    assert (unpinned.status_code, unpinned.json()["is_pinned"]) == (200, False)
    assert (await client.get("/audit?action=model.unpin")).json()["total"] == 1
    after = await trade.score(6)
    assert after.model["model_changed"]
    assert after.model["start"]["names"] == (await client.get("/models/1")).json()["segments"]
    assert after.metrics["offer"] == ""
    again = await client.post("/models/1/unpin")
    assert (again.status_code, "is not pinned" in again.json()["detail"]) == (409, True)


async def test_one_model_of_a_line_is_pinned_and_other_lines_are_free(client, trade) -> None:
    await trade.with_two_models()
    await trade.score(3, k=4)
    await publish(client, trade, 1)
    await publish(client, trade, 2)
    found = (await client.get("/models")).json()["models"]
    assert [one["is_pinned"] for one in found] == [False, True, False]
    other = await trade.score(5, k=4)
    assert other.metrics["reason"] != "a person chose this model"


async def test_a_model_that_automatic_runs_would_not_use_is_refused(client, trade, api) -> None:
    await trade.load()
    await trade.score()
    await trade.score(1, k=4)
    refused = await client.post("/models/2/publish")
    assert refused.status_code == 409
    assert "model 2 is for k = 4, transform log1p and rule promises" in refused.json()["detail"]
    async with api(trade.settings.model_copy(update={"default_k": 4, "cdn": "off"})) as other:
        assert (await other.post("/models/2/publish")).status_code == 202
    assert (await client.post("/models/3/publish")).status_code == 404


@pytest.mark.slow
async def test_a_pinned_model_of_auto_needs_no_sweep(trade, api) -> None:
    await trade.load()
    first = await trade.score(k="auto")
    assert first.sweep
    async with api(trade.settings.model_copy(update={"default_k": "auto", "cdn": "off"})) as other:
        assert (await other.post("/models/1/publish")).status_code == 202
    kept = await trade.score(5, k="auto")
    assert (kept.model_version, kept.sweep) == (1, [])


async def test_the_page_of_a_model_publishes_and_unpins(client, trade) -> None:
    await trade.with_two_models()
    page = (await client.get("/dashboard/models/1")).text
    assert "instead of model 2" in page
    assert "Clusters of model 1" in page
    assert "Model 2, in force" in page
    done = await client.post("/dashboard/models/1", data={"do": "publish"})
    assert (done.status_code, done.headers["location"]) == (303, "/dashboard/runs/3")
    await trade.drain()
    assert "In force, pinned" in (await client.get("/dashboard/clusters")).text
    assert "by local" in (await client.get("/dashboard/models/1")).text
    done = await client.post("/dashboard/models/1", data={"do": "unpin"})
    assert done.headers["location"] == "/dashboard/models/1"
    assert "Pin model 1" in (await client.get("/dashboard/models/1")).text
    assert (await client.get("/dashboard/models/9")).status_code == 404


async def propose(client: httpx.AsyncClient, trade: Shop) -> ScoringRun:
    """The run that proposes a model."""
    accepted = await client.post("/models/proposal")
    assert accepted.status_code == 202, accepted.text
    await trade.drain()
    return await run_of(trade.sessions, accepted.json()["run_id"])


async def test_a_proposal_publishes_nothing_and_says_who_would_move(client, trade) -> None:
    await trade.with_two_models()
    kept = await publish(client, trade, 1)
    run = await propose(client, trade)
    assert (run.is_current, run.model_version) == (False, 3)
    assert (await client.get("/segments")).json()["run_id"] == kept.run_id
    assert await listed(client) == [
        (3, "proposed", False), (2, "published", False), (1, "published", True),
    ]  # fmt: skip
    model = (await client.get("/models/3")).json()
    proposal = model["proposal"]
    assert proposal["model_version"] == 1
    assert proposal["customers"] == run.summary["active_customers"]
    assert proposal["moved"] == sum(move["customers"] for move in proposal["moves"]) > 0
    assert all(move["from_segment"] != move["to_segment"] for move in proposal["moves"])
    assert model["reason"].startswith("fitted ")


async def test_what_a_proposal_says_of_its_moves_is_what_publishing_it_does(client, trade) -> None:
    await trade.with_two_models()
    await publish(client, trade, 1)
    before = await segments_of_all(trade)
    moved = (await propose(client, trade)).metrics["proposal"]["moved"]
    run = await publish(client, trade, 3)
    after = await segments_of_all(trade)
    assert sum(after[one] != before[one] for one in before) == moved
    assert run.model_version == 3
    assert (await listed(client))[0] == (3, "published", True)
    assert not (await client.get("/models/1")).json()["is_pinned"]


async def segments_of_all(trade: Shop) -> dict[str, str]:
    """The segment of each customer in the snapshot of today."""
    today = max(run.calc_date for run in await runs(trade.sessions) if run.calc_date)
    return {name: row["segment_name"]
            for name, row in (await snapshot(trade.sessions, today)).items()}  # fmt: skip


async def test_a_refused_proposal_is_not_offered_again_for_the_same_cause(client, trade) -> None:
    """Not on the next mornings either; for another cause it is."""
    await trade.with_two_models()
    await publish(client, trade, 1)
    proposed = await propose(client, trade)
    refused = (await client.post("/models/3/refuse")).json()
    assert (refused["state"], refused["decided_by"]) == ("refused", "local")
    assert refused["decided_at"]
    morning = await trade.score(5)
    assert (morning.model_version, morning.metrics["offer"]) == (1, "")
    async with trade.sessions() as session, session.begin():
        await run_sql(
            session,
            'UPDATE scoring_runs SET model = model || \'{"cause": "another"}\' WHERE run_id = :run',
            run=proposed.run_id,
        )
    assert (await trade.score(6)).metrics["offer"] != ""
    actions = [entry["action"] for entry in (await client.get("/audit")).json()["entries"]]
    assert actions == ["model.refuse", "model.publish"]


async def test_refusing_pins_the_model_in_force(client, trade) -> None:
    await trade.with_two_models()
    await trade.load(3, ending=4, factor=SPREE // 2)
    await propose(client, trade)
    await trade.score(1)  # an older date, of which another model is in force
    assert (3, "proposed", False) in await listed(client)
    await client.post("/models/3/refuse")
    model = (await client.get("/models/2")).json()
    assert (model["is_pinned"], model["decided_by"]) == (True, "local")
    assert (await trade.score(5)).model_version == 2
    again = await client.post("/models/3/refuse")
    assert (again.status_code, "it is refused" in again.json()["detail"]) == (409, True)


@pytest.mark.slow
async def test_a_second_proposal_takes_the_place_of_the_first(client, trade) -> None:
    await trade.with_two_models()
    await trade.load(3, ending=4, factor=SPREE // 2)
    await propose(client, trade)
    await trade.load(4, ending=4, factor=3)
    await propose(client, trade)
    assert [one[1] for one in await listed(client)][:2] == ["proposed", "outdated"]
    assert (await client.post("/models/3/refuse")).status_code == 409
    assert (await client.post("/models/3/publish")).status_code == 202


async def test_where_a_new_fit_changes_nothing_there_is_no_proposal(client, trade) -> None:
    await trade.load()
    await trade.score(calc_date=None)
    run = await propose(client, trade)
    assert (run.model_version, run.metrics["proposal"]["moved"]) == (None, 0)
    page = await client.get(f"/dashboard/models/proposal?run={run.run_id}", follow_redirects=True)
    assert "A proposal that changes nothing" in page.text


async def test_a_model_that_was_left_may_be_proposed_and_refused(client, trade) -> None:
    """The same data give the same model, which has its number already."""
    await trade.load()
    await trade.score()
    await trade.load(2, ending=3, factor=SPREE)
    await trade.score(calc_date=None)
    await publish(client, trade, 1)
    assert (await propose(client, trade)).model_version == 2
    assert (await listed(client))[0] == (2, "proposed", False)
    proposed = (await client.get("/models/2")).json()["proposal"]
    assert (proposed["model_version"], proposed["moved"] > 0) == (1, True)
    await trade.load(4, ending=4, factor=3)
    await propose(client, trade)
    assert [one[:2] for one in await listed(client)][:2] == [(3, "proposed"), (2, "published")]
    await client.post("/models/3/refuse")
    assert (await propose(client, trade)).model_version == 3
    assert (await listed(client))[0] == (3, "refused", False)


async def test_nothing_is_proposed_before_the_first_model(client) -> None:
    refused = await client.post("/models/proposal")
    assert (refused.status_code, "score once" in refused.json()["detail"]) == (409, True)


async def test_the_page_of_a_proposal_refuses_it(client, trade) -> None:
    await trade.with_two_models()
    await publish(client, trade, 1)
    run = await propose(client, trade)
    page = await client.get(f"/dashboard/models/proposal?run={run.run_id}", follow_redirects=True)
    assert page.url.path == "/dashboard/models/3"
    moved = run.metrics["proposal"]["moved"]
    ids = re.findall(r'\sid="([^"]+)"', page.text)
    assert set(re.findall(r'aria-labelledby="([^"]+)"', page.text)) <= set(ids)
    assert len(ids) == len(set(ids))
    assert f"<p>{moved} of {run.summary['active_customers']} customers" in page.text
    done = await client.post("/dashboard/models/3", data={"do": "refuse"})
    assert done.headers["location"] == "/dashboard/models/3"
    assert "Refused by local" in (await client.get("/dashboard/models/3")).text
    assert (await client.get("/dashboard/models/proposal?run=99")).status_code == 404
