"""Workers die at every step; afterwards the scores have caught up and nothing is half done."""

import asyncio
import random
import time
from decimal import Decimal

import pytest

from rfm_common.db import Sessions, run_sql
from rfm_common.models import RunState
from tests.faults.scoring.fleet import fleet, reading, stopped_at
from tests.integration.scoring.shop import ShopOrder, at, load, run_of, runs
from tests.running import eventually

# Which table a run waits for tells the step it is in.
STEPS = {
    "exchange_rates": "ACCESS EXCLUSIVE",  # load
    "customers": "ACCESS EXCLUSIVE",  # features
    "customer_clusters": "SHARE UPDATE EXCLUSIVE",  # publish: the swap
    "segment_stats": "ACCESS EXCLUSIVE",  # publish: inside its transaction
}


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
            r" AND relname ~ '^(rfm_features|customer_clusters)_\d'",
        )
        return [str(row[0]) for row in found.all()]


async def shown(sessions: Sessions) -> list[int]:
    return [run.run_id or 0 for run in await runs(sessions) if run.is_current]


@pytest.mark.timeout(240)
async def test_killed_at_every_step(settings, sessions, redis) -> None:
    async with fleet(settings, sessions, redis, 2) as workers, reading(sessions):
        await load(sessions, orders(1))
        await workers.settle()
        for number, (table, mode) in enumerate(STEPS.items(), start=2):
            async with stopped_at(workers, table, mode, orders(number)) as victim:
                await workers.kill(victim)
            await workers.add()
            await workers.settle()
            last = (await runs(sessions))[-1]
            assert (last.state, last.is_current) == (RunState.FINISHED, True)
            assert last.attempt == 2
            assert last.customers_processed == await count_customers(sessions)
        assert len(await shown(sessions)) == 1

        async def clean() -> bool:
            return await leftovers(sessions) == []

        await eventually(clean, what="tables of killed runs are removed")


async def count_customers(sessions: Sessions) -> int:
    async with sessions() as session:
        return int((await run_sql(session, "SELECT count(*) FROM customers")).scalar_one())


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
    assert await count_customers(sessions) == (await runs(sessions))[-1].customers_processed


async def test_sigterm_puts_the_run_back_for_another_worker(settings, sessions, redis) -> None:
    async with fleet(settings, sessions, redis, 2) as workers:
        async with stopped_at(workers, "customers", "ACCESS EXCLUSIVE", orders(1)) as first:
            process = workers.processes.pop(first)
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 20) == 0

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
        async with sessions() as session, session.begin():  # its half-open transaction ends
            await run_sql(
                session,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'rfm-scoring' AND state <> 'idle'"
                " AND query LIKE '%segment_stats%' AND pid <> pg_backend_pid()",
            )
        await workers.settle()
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
