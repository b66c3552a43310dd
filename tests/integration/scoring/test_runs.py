"""What a run leaves behind: repeatable, whole, honest about its limits."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from sqlalchemy.exc import DBAPIError

from rfm_common import bus
from rfm_common.db import run_sql
from rfm_common.errors import ConflictError
from rfm_common.events import RunFinished, RunProgress
from rfm_common.models import RunState, ScoringRun
from rfm_common.runs import RunRequest, month_ends, queue_backfill, queue_run
from rfm_common.snapshots import delete_snapshot
from rfm_common.versions import change_without_file
from scoring.engines import open_engine
from scoring.model import Model
from scoring.runs import jobs, queue
from scoring.runs.compute import compute
from scoring.runs.faults import is_locked_out
from scoring.runs.progress import STEPS, Progress
from scoring.runs.publish import publication
from scoring.runs.upkeep import has_stale_flows, run_maintenance
from scoring.snapshot import writing
from tests.integration.scoring.shop import (
    ShopOrder,
    at,
    caught_up,
    load,
    run_of,
    runs,
    score,
    snapshot,
)

AS_OF = RunRequest(calc_date=at("2026-03-01"))


def shop(seed: int = 1, customers: int = 200, count: int = 1500) -> list[ShopOrder]:
    """Loyal and lapsing customers of a year."""
    rng = random.Random(seed)
    orders = []
    for number in range(count):
        customer = int(customers * rng.random() ** 2)
        age = rng.randrange(1, 1 + 330 * (customer + 1) // customers + 20)
        amount = Decimal(rng.randrange(500, 20_000)) / 100
        orders.append(ShopOrder(f"O{seed}-{number}", f"C{customer:04d}",
                                at("2026-03-01") - timedelta(days=age), amount))  # fmt: skip
    return orders


async def context(settings, sessions, redis) -> jobs.Context:
    return jobs.Context(settings, sessions, redis, open_engine(settings, sessions), "test")


async def test_the_row_repeats_the_run(settings, sessions, redis) -> None:
    """Parameters, constants and centroids of the row give every customer the same cluster."""
    await load(sessions, shop())
    run = await score(settings, sessions, redis, AS_OF)
    rows = await snapshot(sessions, run.calc_date)
    features = np.array([[r["recency_days"], r["frequency"], float(r["monetary"])]
                         for r in rows.values()])  # fmt: skip
    model = Model.stored(run.model)
    again = model.with_firsts(features, model.assign(features).labels)
    assert again.tolist() == [row["cluster_id"] for row in rows.values()]
    assert {"numpy", "scikit-learn", "polars", "scipy"} <= set(run.model["versions"])
    assert run.model["seed"] == run.parameters["seed"]


async def test_customers_who_came_before_their_old_orders_do_not_stay_the_newest_snapshot(
    settings, sessions, redis
) -> None:
    """Without an order a run looks back from today; these orders ended long before the window."""
    await load(sessions, [], customers=["C1", "C2"])
    alone = await score(settings, sessions, redis)
    await load(
        sessions, [ShopOrder(f"O{n}", f"C{n}", at("2019-05-01"), Decimal(n)) for n in range(1, 9)]
    )
    bought = await score(settings, sessions, redis)
    assert alone.is_automatic
    assert bought.calc_date < alone.calc_date
    assert [run.run_id for run in await runs(sessions) if run.is_current] == [bought.run_id]


async def test_two_workers_publish_the_same_moment_at_once(settings, sessions, redis) -> None:
    """The second steps back until the first is done, then takes the place of its snapshot."""
    await load(sessions, shop(1, count=100))
    await score(settings, sessions, redis, AS_OF)
    await load(sessions, shop(2))
    async with sessions() as session, session.begin():
        for k in (3, 4):
            await queue_run(session, settings, replace(AS_OF, k=k), "api")
    first, second = [await claim(sessions) for _ in range(2)]
    async with publication(sessions, first) as one, publication(sessions, second) as other:
        outcomes = [
            await compute(settings, sessions, open_engine(settings, sessions), swap, Progress())
            for swap in (one, other)
        ]
    async with publication(sessions, second) as other:
        async with publication(sessions, first) as one:
            assert await one.publish(outcomes[0])
            with pytest.raises(DBAPIError) as raised:
                await other.publish(outcomes[1])
            assert is_locked_out(raised.value)
        assert await other.publish(outcomes[1])
    shown = [run for run in await runs(sessions) if run.is_current]
    assert [run.run_id for run in shown if run.calc_date == AS_OF.calc_date] == [second.run_id]
    assert len(await snapshot(sessions, AS_OF.calc_date)) == shown[-1].customers_processed


@pytest.mark.parametrize("silence", ["-20 seconds", "3 days"])
async def test_a_run_whose_worker_died_is_taken_whatever_its_clock_said(
    settings, sessions, silence
) -> None:
    """Three days: the clock ran ahead and was set right."""
    async with sessions() as session, session.begin():
        await queue_run(session, settings, AS_OF, "api")
    first = await claim(sessions)
    async with sessions() as session, session.begin():
        assert not await queue.is_waiting(session)
        await run_sql(
            session, f"UPDATE scoring_runs SET heartbeat_at = now() + interval '{silence}'"
        )
        assert await queue.is_waiting(session)
    again = await claim(sessions)
    assert (again.run_id, again.attempt) == (first.run_id, 2)


@pytest.mark.parametrize(
    ("failed", "is_queued"), [("-1 second", False), ("-2 minutes", True), ("3 days", True)]
)
async def test_a_failed_run_is_repeated_after_a_minute_whatever_its_clock_said(
    settings, sessions, failed, is_queued
) -> None:
    async with sessions() as session, session.begin():
        version = await change_without_file(session)
        await queue_run(session, settings, RunRequest(), "import")
        await run_sql(
            session, "UPDATE scoring_runs SET state = 'failed', data_version = :version,"
            f" finished_at = now() + interval '{failed}'", version=version,
        )  # fmt: skip
        assert await queue.queue_if_behind(session, settings) is is_queued


async def claim(sessions) -> queue.Claim:
    async with sessions() as session, session.begin():
        claimed = await queue.claim(session, "test")
    assert claimed
    return claimed


async def test_data_that_was_removed_does_not_stay_the_newest_snapshot(
    settings, sessions, redis
) -> None:
    """Like a demo shop that goes when older orders come: the day from which it looks back moves."""
    for year in (2021, 2019):
        async with sessions() as session, session.begin():
            await run_sql(session, "DELETE FROM orders")
            await change_without_file(session)
        orders = [ShopOrder(f"O{n}", f"C{n}", at(f"{year}-05-01"), Decimal(n)) for n in range(1, 9)]
        await load(sessions, orders)
        last = await score(settings, sessions, redis)
    assert last.calc_date == at("2019-05-01")
    assert [run.run_id for run in await runs(sessions) if run.is_current] == [last.run_id]


@pytest.mark.parametrize("transform", ["log1p", "yeo-johnson", "none"])
async def test_file_order_does_not_matter(settings, sessions, redis, transform) -> None:
    request = replace(AS_OF, transform=transform)
    orders = shop()
    await load(sessions, orders)
    first = await score(settings, sessions, redis, request)
    rows = await snapshot(sessions, first.calc_date)
    async with sessions() as session, session.begin():
        await run_sql(session, "TRUNCATE orders, customers CASCADE")
    await load(sessions, orders[700:][::-1])
    await load(sessions, orders[:700])
    second = await score(settings, sessions, redis, request)
    assert await snapshot(sessions, second.calc_date) == rows
    assert second.model == first.model


@pytest.mark.parametrize("same_worker", [True, False])
async def test_building_on_the_last_snapshot_gives_what_a_full_run_gives(
    settings, sessions, redis, same_worker
) -> None:
    """The worker of that snapshot has its figures in memory and changes its table where they
    differ; another one groups all orders and writes a table of its own."""
    workers = [open_engine(settings, sessions) for _ in range(2)]
    await load(sessions, shop(1))
    await caught_up(sessions)
    first = await score(settings, sessions, redis, AS_OF, workers[0])
    table = await features_table(sessions, first)
    more = [ShopOrder("N1", "C0001", at("2026-02-27"), Decimal("12.34")),
            ShopOrder("N2", "new", at("2026-02-28"), Decimal("1.00"))]  # fmt: skip
    await load(sessions, more, ["never"])
    await caught_up(sessions)
    quick = await score(settings, sessions, redis, AS_OF, workers[not same_worker])
    quickly = await snapshot(sessions, quick.calc_date)
    assert (await features_table(sessions, quick) == table) is same_worker
    async with sessions() as session, session.begin():  # nothing to build on any more
        await run_sql(session, "UPDATE scoring_runs SET summary = '{}'")
    full = await score(settings, sessions, redis, replace(AS_OF, k=None))
    assert await snapshot(sessions, full.calc_date) == quickly
    assert (quick.edges, quick.base_currency) == (full.edges, full.base_currency)
    assert quick.summary | {"grid": []} == full.summary | {"grid": []}
    assert len(quickly) == len({*(one.customer_id for one in [*shop(1), *more])}) + 1


async def features_table(sessions, run: ScoringRun) -> int:
    """Which table holds the figures of a run, whatever its name."""
    async with sessions() as session:
        found = await run_sql(session, "SELECT CAST(to_regclass(:name) AS oid)",
                              name=f"rfm_features_{run.run_id}")  # fmt: skip
        return int(found.scalar_one())


@pytest.mark.parametrize("others_version", [0, 99])
async def test_a_snapshot_that_was_replaced_in_between_is_not_amended(
    settings, sessions, redis, monkeypatch, others_version
) -> None:
    """Another worker publishes the same moment: over older data the run is computed again."""
    worker = open_engine(settings, sessions)
    write = worker.write_features
    await load(sessions, shop(1))
    await caught_up(sessions)
    await score(settings, sessions, redis, AS_OF, worker)
    order = ShopOrder("N1", "C0001", at("2026-02-27"), Decimal("12.34"))
    await load(sessions, [order])
    await caught_up(sessions)

    async def overtaken(target) -> int | None:
        monkeypatch.setattr(worker, "write_features", write)
        other = await score(settings, sessions, redis, replace(AS_OF, k=3))
        async with sessions() as session, session.begin():
            await run_sql(session, "UPDATE scoring_runs SET data_version = :v WHERE run_id = :id",
                          v=others_version, id=other.run_id)  # fmt: skip
        return await write(target)

    monkeypatch.setattr(worker, "write_features", overtaken)
    late = await score(settings, sessions, redis, AS_OF, worker)
    assert late.state is RunState.FINISHED
    assert late.is_current is (others_version == 0)
    assert [run.is_current for run in await runs(sessions)].count(True) == 1
    rows = await snapshot(sessions, late.calc_date)
    bought = [one.amount for one in [*shop(1), order] if one.customer_id == "C0001"]
    assert rows["C0001"]["monetary"] == sum(bought)
    assert len(rows) == late.customers_processed


async def test_a_run_that_amends_ends_when_it_has_published(settings, sessions, redis) -> None:
    """Its transaction is older than that."""
    worker = open_engine(settings, sessions)
    await load(sessions, shop(1))
    await caught_up(sessions)
    await score(settings, sessions, redis, AS_OF, worker)
    await load(sessions, [ShopOrder("N1", "C0001", at("2026-02-27"), Decimal("12.34"))])
    await caught_up(sessions)
    run = await score(settings, sessions, redis, AS_OF, worker)
    assert run.started_at
    assert run.finished_at
    taken = timedelta(seconds=sum(run.timings.values()))
    assert run.finished_at - run.started_at >= taken


async def test_a_changed_order_is_noticed_by_the_next_run(settings, sessions, redis) -> None:
    """An update may take an order away from somebody: then everything is computed anew."""
    await load(sessions, [ShopOrder("O1", "old", at("2026-02-01"), Decimal(10))], ["b", "c", "d"])
    await score(settings, sessions, redis, AS_OF)
    await load(sessions, [ShopOrder("O1", "new", at("2026-02-01"), Decimal(10))])
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE imports SET rows_new = 0, rows_updated = 1"
                      " WHERE import_id = (SELECT max(import_id) FROM imports)")  # fmt: skip
    run = await score(settings, sessions, redis, AS_OF)
    rows = await snapshot(sessions, run.calc_date)
    assert (rows["old"]["frequency"], rows["new"]["frequency"]) == (0, 1)


async def test_no_data_is_a_finished_run_that_says_so(settings, sessions, redis) -> None:
    run = await score(settings, sessions, redis)
    assert (run.state, run.customers_processed, run.clusters_created) == (RunState.FINISHED, 0, 0)
    assert run.message == "There are no customers yet."
    assert [warning["code"] for warning in run.warnings] == ["no_customers"]
    assert (run.edges, run.model) == ({}, {})


async def test_customers_without_orders_are_scored_like_any_other(
    settings, sessions, redis
) -> None:
    await load(sessions, customers=["C1", "C2", "C3"])
    run = await score(settings, sessions, redis)
    rows = await snapshot(sessions, run.calc_date)
    assert {(row["recency_days"], row["frequency"], row["r_score"], row["f_score"],
             row["m_score"]) for row in rows.values()} == {(366, 0, 1, 1, 1)}  # fmt: skip
    assert {row["segment_name"] for row in rows.values()} == {"Prospects"}
    assert run.clusters_created == 0
    assert "Nobody ordered" in run.metrics["verdict"]
    assert "no_orders" in {warning["code"] for warning in run.warnings}


async def test_more_clusters_than_different_customers(settings, sessions, redis) -> None:
    orders = [ShopOrder(f"O{n}", f"C{n}", at("2026-02-01"), Decimal(10 * (n % 3 + 1)))
              for n in range(9)]  # fmt: skip
    await load(sessions, orders)
    run = await score(settings, sessions, redis, replace(AS_OF, k=8))
    assert (run.k, run.clusters_created) == (3, 3)
    assert "k_reduced" in [warning["code"] for warning in run.warnings]


async def test_old_data_falls_back_to_the_newest_order_and_says_so(
    settings, sessions, redis
) -> None:
    await load(sessions, [ShopOrder("O1", "C1", at("2020-05-01 10:00"), Decimal(1))])
    run = await score(settings, sessions, redis)
    assert run.calc_date == at("2020-05-01 10:00")
    assert "calc_date_fallback" in [warning["code"] for warning in run.warnings]


async def test_a_run_of_the_day_replaces_the_one_before(settings, sessions, redis) -> None:
    now = datetime.now(UTC) - timedelta(days=3)
    for number in range(3):
        await load(sessions, [ShopOrder(f"O{number}", f"C{number}", now, Decimal(5))])
        await score(settings, sessions, redis)
    done = await runs(sessions)
    assert [run.is_current for run in done] == [False, False, True]
    assert len(await snapshot(sessions, done[-1].calc_date)) == 3
    async with sessions() as session:
        counts = await run_sql(session, "SELECT count(*) FROM rfm_features")
        assert counts.scalar_one() == 3
        sampled = await run_sql(session, "SELECT DISTINCT run_id FROM run_samples")
        assert sampled.scalars().all() == [done[-1].run_id]


async def test_a_shown_snapshot_gets_the_indexes_of_lists(settings, sessions, redis) -> None:
    await load(sessions, shop())
    run = await score(settings, sessions, redis, AS_OF)
    table = f"rfm_features_{run.run_id}"
    async with sessions() as session:
        found = await run_sql(
            session, "SELECT indexname FROM pg_indexes WHERE tablename = :name", name=table
        )
        names = set(found.scalars())
    assert {f"{table}_{name}" for name in writing.LISTED} < names


async def test_a_manual_run_with_other_parameters_does_not_claim_to_have_caught_up(
    settings, sessions, redis
) -> None:
    await load(sessions, shop())
    async with sessions() as session, session.begin():
        await queue_run(session, settings, RunRequest(k=3), "api")
    assert await jobs.drain(await context(settings, sessions, redis)) == 2
    manual, automatic = await runs(sessions)
    assert (manual.is_automatic, automatic.is_automatic) == (False, True)
    async with sessions() as session:
        versions = await run_sql(session, "SELECT data_version, scored_version FROM data_state")
        assert tuple(versions.one()) == (1, 1)


async def test_a_preview_tells_what_a_run_would_give_and_changes_nothing(
    settings, sessions, redis
) -> None:
    await load(sessions, shop())
    shown = await score(settings, sessions, redis, AS_OF)
    rows = await snapshot(sessions, shown.calc_date)
    asked = replace(AS_OF, k=3)
    preview = await score(settings, sessions, redis, replace(asked, preview=True))
    assert (preview.state, preview.is_current, preview.k) == (RunState.FINISHED, False, 3)
    assert len(preview.metrics["clusters"]) == 3
    assert await snapshot(sessions, shown.calc_date) == rows
    assert (await run_of(sessions, shown.run_id)).is_current
    events = [event for _, event in await bus.read(redis, "0-0", count=1000)]
    told = {event.run_id: event.preview for event in events if isinstance(event, RunFinished)}
    assert (told[shown.run_id], told[preview.run_id]) == (False, True)
    published = await score(settings, sessions, redis, asked)
    assert published.is_current
    assert published.model["centroids"] == preview.model["centroids"]
    assert published.metrics["clusters"] == preview.metrics["clusters"]


async def test_equal_requests_that_wait_are_one_run(settings, sessions, redis) -> None:
    async with sessions() as session, session.begin():
        first = await queue_run(session, settings, RunRequest(k=4), "api")
        second = await queue_run(session, settings, RunRequest(k=4), "cli")
        other = await queue_run(session, settings, RunRequest(k=5), "cli")
    assert first.run_id == second.run_id != other.run_id


async def test_the_end_is_announced_with_the_publication(settings, sessions, redis) -> None:
    await load(sessions, shop())
    run = await score(settings, sessions, redis)
    events = [event for _, event in await bus.read(redis, "0-0", count=1000)]
    [finished] = [event for event in events if isinstance(event, RunFinished)]
    assert (finished.run_id, finished.customers, finished.data_version) == (
        run.run_id, run.customers_processed, 1,
    )  # fmt: skip
    steps = [event.step for event in events if isinstance(event, RunProgress)]
    assert steps == sorted(steps, key=list(STEPS).index)


async def test_the_past_waits_for_every_other_run(settings, sessions, redis) -> None:
    async with sessions() as session, session.begin():
        for trigger in ("backfill", "backfill", "data", "api"):
            await run_sql(session, """
                INSERT INTO scoring_runs (state, trigger, window_days, engine)
                VALUES ('queued', :trigger, 365, 'local')
                """, trigger=trigger)  # fmt: skip
    assert [(await claim(sessions)).trigger for _ in range(4)] == [
        "data", "api", "backfill", "backfill"
    ]  # fmt: skip


@pytest.mark.slow
async def test_backfill_shows_the_past_with_the_present_model(settings, sessions, redis) -> None:
    await load(sessions, shop())
    newest = await score(settings, sessions, redis)
    assert newest.calc_date
    dates = month_ends(settings, newest.calc_date, 18)  # orders begin in April 2025
    dates = [date for date in dates if date > at("2025-05-01")]
    async with sessions() as session, session.begin():
        queued = await queue_backfill(session, settings, months=len(dates))
    await jobs.drain(await context(settings, sessions, redis))
    filled = [await run_of(sessions, run.run_id) for run in queued]
    assert [run.calc_date for run in filled] == dates
    assert all(run.model["centroids"] == newest.model["centroids"] for run in filled)
    assert all(run.model["frozen"] for run in filled)
    known = [run.customers_processed or 0 for run in filled]
    assert known == sorted(known)  # nobody is known before the first order
    assert known[0] < known[-1]

    chained = [filled[0], *filled[1:], await run_of(sessions, newest.run_id)]
    for before, after in pairwise(chained):
        assert after.previous_run_id == before.run_id
    async with sessions() as session:
        flows = await run_sql(session, "SELECT sum(customers) FROM segment_flows"
                              " WHERE run_id = :run", run=newest.run_id)  # fmt: skip
        assert flows.scalar_one() == newest.customers_processed


async def test_there_is_no_past_without_a_model(settings, sessions) -> None:
    async with sessions() as session, session.begin():
        with pytest.raises(ConflictError, match="score once"):
            await queue_backfill(session, settings)


async def test_an_older_result_does_not_replace_a_newer_one(settings, sessions, redis) -> None:
    """Two workers, one moment: the snapshot with the newer data stays."""
    await load(sessions, shop(1))
    done = await score(settings, sessions, redis, AS_OF)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE scoring_runs SET data_version = 99")
    late = await score(settings, sessions, redis, replace(AS_OF, k=3))
    assert (late.state, late.is_current) == (RunState.FINISHED, False)
    assert (await run_of(sessions, done.run_id)).is_current


async def test_a_run_that_takes_its_workers_along_is_given_up(settings, sessions, redis) -> None:
    async with sessions() as session, session.begin():
        run = await queue_run(session, settings, RunRequest(k=3), "api")
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE scoring_runs SET attempt = :n", n=queue.MAX_ATTEMPTS)
    await jobs.drain(await context(settings, sessions, redis))
    ended = await run_of(sessions, run.run_id)
    assert (ended.state, ended.error) == (RunState.FAILED, "given up after 5 attempts")


async def test_a_failed_automatic_run_is_not_repeated_at_once(settings, sessions, redis) -> None:
    await load(sessions, shop())
    async with sessions() as session, session.begin():
        await run_sql(session, "ALTER TABLE segment_stats ADD CHECK (customer_count < 0)")
    await jobs.drain(await context(settings, sessions, redis))
    [run] = await runs(sessions)
    assert run.state is RunState.FAILED
    assert "CheckViolation" in (run.error or "")
    assert await jobs.drain(await context(settings, sessions, redis)) == 0
    async with sessions() as session, session.begin():  # a minute passes
        await run_sql(session, "ALTER TABLE segment_stats DROP CONSTRAINT"
                      " segment_stats_customer_count_check")  # fmt: skip
        await run_sql(session, "UPDATE scoring_runs SET finished_at = now() - interval '2 min'")
    assert await jobs.drain(await context(settings, sessions, redis)) == 1
    assert (await runs(sessions))[-1].state is RunState.FINISHED


BY_COUNTRY = """
SELECT coalesce(country, '') AS country, cluster_id, segment_name, count(*) AS customer_count,
       sum(frequency) AS order_count, sum(monetary) AS monetary, sum(recency_days) AS recency_sum,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY recency_days) AS median_recency_days
FROM rfm_features JOIN customer_clusters USING (customer_id, calc_date)
JOIN customers USING (customer_id) WHERE calc_date = :moment GROUP BY 1, 2, 3 ORDER BY 1, 2
"""
STORED = """
SELECT country, cluster_id, segment_name, customer_count, order_count, monetary, recency_sum,
       median_recency_days
FROM segment_countries WHERE run_id = :run_id ORDER BY country COLLATE "C", cluster_id
"""


async def test_figures_by_country_follow_the_customers(settings, sessions, redis) -> None:
    """Also when the run builds on the snapshot before and only the country is new."""
    await load(sessions, shop())
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE customers SET country = 'DE' WHERE customer_id < 'C0100'")
    for country in ("FR", "=1+1"):
        async with sessions() as session, session.begin():
            changed = "UPDATE customers SET country = :country WHERE customer_id > 'C0150'"
            await run_sql(session, changed, country=country)
        run = await score(settings, sessions, redis, AS_OF)
        async with sessions() as session:
            stored = (await run_sql(session, STORED, run_id=run.run_id)).all()
            counted = (await run_sql(session, BY_COUNTRY, moment=run.calc_date)).all()
            summaries = await run_sql(
                session, "SELECT country, summary FROM country_summaries WHERE run_id = :run_id",
                run_id=run.run_id,
            )  # fmt: skip
            customers = {row[0]: row[1]["customers"] for row in summaries.all()}
        assert stored == counted
        assert customers.keys() == {"", "DE", country}
        assert sum(customers.values()) == run.customers_processed


async def test_a_snapshot_whose_neighbour_is_deleted_is_compared_with_the_one_before(
    settings, sessions, redis
) -> None:
    await load(sessions, shop())
    first, second, third = [
        await score(settings, sessions, redis, RunRequest(calc_date=at(day)))
        for day in ("2026-02-01", "2026-02-11", "2026-02-21")
    ]
    assert third.previous_run_id == second.run_id
    async with sessions() as session, session.begin():
        await delete_snapshot(session, second.run_id, "local")
    async with sessions() as session:
        assert await has_stale_flows(session)
    await run_maintenance(settings, sessions)
    now = await run_of(sessions, third.run_id)
    assert now.previous_run_id == first.run_id
    assert now.metrics["moved"]
    async with sessions() as session:
        assert not await has_stale_flows(session)
