"""Workers die at every step; afterwards the scores have caught up and nothing is half done."""

import asyncio
import random
import signal
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from rfm_common import bus
from rfm_common.db import Sessions, run_sql
from rfm_common.models import RunState
from rfm_common.runs import RunRequest, queue_run
from rfm_common.settings import Settings
from rfm_common.snapshots import VALUES
from scoring import listener
from scoring.engines import open_engine
from scoring.runs import jobs, judging, queue
from scoring.worker import POLL, ScoringWorker
from tests.faults.scoring.doomed import AFTERWARDS, AT_LAST, BUILDING, POINTS
from tests.faults.scoring.fleet import fleet, stopped_at
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
from tests.running import eventually, start_script, stop
from tests.whole import reading

DOOMED = Path(__file__).with_name("doomed.py")


def orders(number: int, count: int = 200) -> list[ShopOrder]:
    rng = random.Random(number)
    return [
        ShopOrder(f"O{number}-{line}", f"C{rng.randrange(40 * number)}",
                  at(f"2026-{rng.randrange(1, 11):02d}-10"), Decimal(rng.randrange(1, 9999)) / 100)
        for line in range(count)
    ]  # fmt: skip


async def leftovers(sessions: Sessions) -> list[str]:
    """Tables of runs that no snapshot owns."""
    async with sessions() as session:
        found = await run_sql(
            session,
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition"
            r" AND relname ~ '^(rfm_features|customer_clusters|customer_values)_\d'",
        )
        return [str(row[0]) for row in found.all()]


async def shown(sessions: Sessions) -> list[int]:
    return [run.run_id for run in await runs(sessions) if run.is_current]


@pytest.mark.timeout(300)
async def test_killed_at_every_step(settings, sessions, redis) -> None:
    """A worker dies at each step, all at one time; two sound ones bring everything to an end."""
    async with reading(sessions) as reader, fleet(settings, sessions, redis, 0) as workers:
        await load(sessions, orders(1))
        await drain(settings, sessions, redis)
        await load(sessions, orders(2))
        async with sessions() as session, session.begin():
            for k in range(2, 2 + len(POINTS)):
                await queue_run(session, settings, RunRequest(k=k), "api")
        dying = [await start_script(DOOMED, settings, point) for point in POINTS]
        assert {await process.wait() for process in dying} == {-signal.SIGKILL}
        seen = reader.reads
        await workers.add()
        await workers.add()
        await workers.settle(120)  # ten runs
        assert reader.reads > seen > 0

        async def clean() -> bool:
            return await leftovers(sessions) == []

        await eventually(clean, what="tables of killed runs are removed")
    done = await runs(sessions)
    assert {run.state for run in done} == {RunState.FINISHED}
    assert sum(run.attempt for run in done) >= len(done) + len(POINTS)  # each death costs one
    [current] = [run for run in done if run.is_current]
    assert current.customers_processed == await count(sessions)


@pytest.mark.timeout(400)
async def test_killed_at_every_step_of_a_run_that_builds_on_the_one_before(
    settings, sessions, redis
) -> None:
    """Readers see all of the snapshot before or all of the next one; the scores catch up."""
    await load(sessions, orders(20, count=3000))
    await caught_up(sessions)
    await score(settings, sessions, redis, RunRequest(calc_date=at("2026-10-30")))
    async with reading(sessions):
        for number, point in enumerate(BUILDING):
            await load(sessions, orders(20 + number, count=1))
            process = await start_script(DOOMED, settings, point)
            await eventually(lambda: has_caught_up(sessions), 60, "the worker's first run")
            await load(sessions, [replace(orders(20)[number], order_id=f"new {number}")])
            await bus.relay(sessions, redis)
            assert await process.wait() == -signal.SIGKILL
            async with sessions() as session, session.begin():  # its lease is over at once
                await run_sql(session, "UPDATE scoring_runs SET heartbeat_at = '2026-01-01Z'")
            await drain(settings, sessions, redis)
            assert await has_caught_up(sessions)
            assert not [name for name in await leftovers(sessions) if VALUES not in name]
    last = (await runs(sessions))[-1]
    found = await snapshot(sessions, last.calc_date)
    assert (await score(settings, sessions, redis)).calc_date == last.calc_date
    assert await snapshot(sessions, last.calc_date) == found


async def has_caught_up(sessions: Sessions) -> bool:
    async with sessions() as session:
        query = "SELECT data_version = scored_version FROM data_state"
        return bool((await run_sql(session, query)).scalar_one())


@pytest.mark.parametrize("point", AFTERWARDS)
async def test_killed_while_it_computes_figures_of_a_published_snapshot(
    settings, sessions, redis, point
) -> None:
    """The snapshot is whole without them; the next worker makes them and clears up."""
    await load(sessions, orders(1))
    process = await start_script(DOOMED, settings, point)
    assert await process.wait() == -signal.SIGKILL
    [run] = await runs(sessions)
    assert (run.state, run.is_current, run.forecast) == (RunState.FINISHED, True, {})
    assert await count(sessions, "customer_values") == 0
    async with fleet(settings, sessions, redis, 1):

        async def has_figures() -> bool:
            return await count(sessions, "customer_values") == run.customers_processed

        await eventually(has_figures, 60, "everybody has figures")
    assert await leftovers(sessions) == []


@pytest.mark.parametrize("point", AT_LAST)
async def test_killed_while_it_judges_the_past(settings, sessions, redis, point) -> None:
    """Nothing is left of it; the next worker judges."""
    await load(sessions, orders(1))
    process = await start_script(DOOMED, settings, point)
    assert await process.wait() == -signal.SIGKILL
    assert await count(sessions, "value_judgements") == 0
    async with fleet(settings, sessions, redis, 1):

        async def is_judged() -> bool:
            return await count(sessions, "value_judgements") == len(judging.DAYS)

        await eventually(is_judged, 60, "all cuts are judged")


def test_a_killed_run_is_taken_over_within_15_seconds() -> None:
    """The lease runs out, then somebody looks: what happens is in the test above."""
    assert queue.LEASE.total_seconds() + listener.SWEEP_MS / 1000 + POLL <= 15


async def test_what_killed_workers_leave_in_redis_does_not_pile_up(
    settings, sessions, redis
) -> None:
    """arq reads the oldest 100 jobs, also those that it takes for running elsewhere.

    A worker that is killed again and again leaves one each time, at most every few seconds.
    """
    engine = open_engine(settings, sessions)
    worker = ScoringWorker(jobs.Context(settings, sessions, redis, engine, "test"))
    assert worker._arq().in_progress_timeout_s <= 60


@pytest.mark.timeout(180)
async def test_a_fit_that_goes_on_and_on_keeps_neither_run_nor_worker(
    settings, sessions, redis
) -> None:
    """K-means in this worker never comes to rest: cancelling and SIGTERM do not wait for it."""
    await load(sessions, orders(1))
    process = await start_script(DOOMED, settings, "endless")
    try:
        first = await fitting(sessions)
        async with sessions() as session, session.begin():
            await run_sql(session, "UPDATE scoring_runs SET cancel_requested = true")
        await eventually(lambda: is_in(sessions, first, RunState.CANCELLED), 30, "it is cancelled")
        async with sessions() as session, session.begin():
            await queue_run(session, settings, RunRequest(k=3), "api")
        second = await fitting(sessions)
        assert await stop(process, signal.SIGTERM) == 0
    finally:
        if process.returncode is None:
            process.kill()
    assert (await run_of(sessions, second)).state is RunState.QUEUED
    await drain(settings, sessions, redis)
    run = await run_of(sessions, second)
    assert (run.state, run.attempt) == (RunState.FINISHED, 1)


async def fitting(sessions: Sessions) -> int:
    """The run that fits its clusters."""

    async def found() -> int:
        running = [run for run in await runs(sessions) if run.state is RunState.RUNNING]
        return sum(run.run_id for run in running if run.progress.get("step") == "clusters")

    return await eventually(found, 60, "a run fits its clusters")


async def is_in(sessions: Sessions, run_id: int, state: RunState) -> bool:
    return (await run_of(sessions, run_id)).state is state


async def drain(settings: Settings, sessions: Sessions, redis: Redis) -> None:
    """Carry out in this process whatever waits."""
    engine = open_engine(settings, sessions)
    await jobs.drain(jobs.Context(settings, sessions, redis, engine, "test"))


async def count(sessions: Sessions, table: str = "customers") -> int:
    async with sessions() as session:
        return int((await run_sql(session, f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.timeout(240)
async def test_killed_at_random_moments(settings, sessions, redis) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    rng = random.Random(seed)
    async with fleet(settings, sessions, redis, 2) as workers, reading(sessions):
        await load(sessions, orders(1))
        await workers.settle()
        for number in range(2, 5):
            await load(sessions, orders(number, count=2000))
            await workers.ring()
            await asyncio.sleep(rng.random())
            await workers.kill(rng.choice(list(workers.processes)))
            await workers.add()
        await workers.settle()
    assert len(await shown(sessions)) == 1
    assert await count(sessions) == (await runs(sessions))[-1].customers_processed


async def test_sigterm_puts_the_run_back_for_another_worker(settings, sessions, redis) -> None:
    async with fleet(settings, sessions, redis, 2) as workers:
        async with stopped_at(workers, "customers", "ACCESS EXCLUSIVE", orders(1)) as first:
            process = workers.processes.pop(first)
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 60) == 0

            async def moved_on() -> bool:
                [run] = await runs(sessions)
                return run.state is RunState.RUNNING and f":{first}" not in str(run.worker)

            await eventually(moved_on, 30, "the other worker takes the run")
        await workers.settle()
        [run] = await runs(sessions)
        assert (run.state, run.attempt) == (RunState.FINISHED, 1)


async def test_a_frozen_worker_cannot_publish_what_another_took_over(
    settings, sessions, redis
) -> None:
    """Stopped like a laptop that sleeps, then woken after the run was done elsewhere."""
    async with fleet(settings, sessions, redis, 2) as workers, reading(sessions):
        async with stopped_at(workers, "segment_stats", "ACCESS EXCLUSIVE", orders(1)) as frozen:
            workers.processes[frozen].send_signal(19)  # SIGSTOP
        await workers.settle()  # in the middle of its transaction, which the other one ends
        workers.processes[frozen].send_signal(18)  # SIGCONT
        await load(sessions, orders(2))
        await workers.ring()
        await workers.settle()
        first, *_ = await runs(sessions)
        assert first.state is RunState.FINISHED
    assert len(await shown(sessions)) == 1


async def test_a_run_is_cancelled_between_its_steps(settings, sessions, redis) -> None:
    async with fleet(settings, sessions, redis, 1) as workers:
        async with stopped_at(workers, "customers", "ACCESS EXCLUSIVE", orders(1)):
            async with sessions() as session, session.begin():
                await run_sql(session, "UPDATE scoring_runs SET cancel_requested = true")

            async def ended() -> bool:
                [run] = await runs(sessions)
                return run.state is RunState.CANCELLED

            await eventually(ended, 30, "the run is cancelled")
        run = await run_of(sessions, 1)
        assert (run.is_current, run.error) == (False, "cancelled")
