"""Nothing published is lost because a clock was wrong, and what is shown is right afterwards.

The clock of the test's PostgreSQL cannot be set; a snapshot of the other day stands for it.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gateway.kit.snapshots import latest_snapshot
from rfm_common import runs as requests
from rfm_common.db import run_sql
from rfm_common.models import ScoringRun
from rfm_common.runs import RunRequest
from scoring.runs import queue
from tests.integration.scoring.shop import ShopOrder, caught_up, load, run_of, runs, score

MONTH = timedelta(days=30)


async def sold(sessions, number: int) -> None:
    day = datetime.now(UTC) - timedelta(days=90 + number)
    await load(
        sessions, [ShopOrder(f"O{number}-{n}", f"C{n}", day, Decimal(n)) for n in range(1, 9)]
    )


async def scored_while_the_clock_was(settings, sessions, redis, ahead: timedelta) -> ScoringRun:
    """An automatic run under a clock that is so far ahead of the right one, or behind it."""
    await caught_up(sessions)
    day = settings.end_of_day(datetime.now(UTC) + ahead)
    run = await score(settings, sessions, redis, RunRequest(calc_date=day))
    async with sessions() as session, session.begin():
        await run_sql(
            session, "UPDATE scoring_runs SET is_automatic = true WHERE run_id = :id", id=run.run_id
        )
    return run


async def shown(sessions) -> int | None:
    async with sessions() as session:
        found = await latest_snapshot(session)
    return found and found.run_id


async def current(sessions) -> set[int | None]:
    return {run.run_id for run in await runs(sessions) if run.is_current}


async def test_a_clock_set_back_takes_no_later_snapshot_away(settings, sessions, redis) -> None:
    """To who looks at a clock set back by 30 days, a month of snapshots is of days to come."""
    later = []
    for number, days in enumerate((2, 16, 30)):
        await sold(sessions, number)
        ahead = timedelta(days=days)
        later.append(await scored_while_the_clock_was(settings, sessions, redis, ahead))
    await sold(sessions, 3)
    back = await score(settings, sessions, redis)
    assert back.is_automatic
    assert await current(sessions) == {back.run_id, *(run.run_id for run in later)}
    assert await shown(sessions) == back.run_id


async def test_the_services_clock_does_not_say_which_day_it_is(
    settings, sessions, redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's does, by which pages choose what they show: the two cannot disagree."""
    await sold(sessions, 1)
    right = await score(settings, sessions, redis)
    await sold(sessions, 2)

    class SetBack(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - MONTH

    monkeypatch.setattr(requests, "datetime", SetBack)
    again = await score(settings, sessions, redis)
    assert again.calc_date == right.calc_date
    assert await current(sessions) == {again.run_id}


@pytest.mark.parametrize("ahead", [-MONTH, -timedelta(days=2), timedelta(days=2), MONTH])
async def test_what_was_scored_under_a_wrong_clock_is_scored_again_when_it_is_right(
    settings, sessions, redis, ahead
) -> None:
    """Or pages would show the older data of the right day, and no run would come."""
    await sold(sessions, 1)
    await score(settings, sessions, redis)
    await sold(sessions, 2)
    wrong = await scored_while_the_clock_was(settings, sessions, redis, ahead)
    async with sessions() as session, session.begin():
        assert await queue.queue_if_behind(session, settings)
    right = await score(settings, sessions, redis)
    assert await shown(sessions) == right.run_id
    assert right.data_version == wrong.data_version
    assert wrong.run_id in await current(sessions)
    async with sessions() as session, session.begin():
        assert not await queue.queue_if_behind(session, settings)


async def test_a_snapshot_of_newer_data_that_somebody_asked_for_causes_no_run(
    settings, sessions, redis
) -> None:
    await sold(sessions, 1)
    await score(settings, sessions, redis)
    await sold(sessions, 2)
    await caught_up(sessions)
    await score(settings, sessions, redis, RunRequest(calc_date=datetime.now(UTC) - MONTH))
    async with sessions() as session, session.begin():
        assert not await queue.queue_if_behind(session, settings)


@pytest.mark.parametrize("hours", [0.1, 12, 24.9])
async def test_the_end_of_a_day_of_25_hours_is_no_day_to_come(
    settings, sessions, redis, hours
) -> None:
    """When clocks go back in autumn, a day ends 25 hours after it has begun."""
    await sold(sessions, 1)
    await caught_up(sessions)
    moment = datetime.now(UTC) + timedelta(hours=hours)
    early = await score(settings, sessions, redis, RunRequest(calc_date=datetime.now(UTC) - MONTH))
    run = await score(settings, sessions, redis, RunRequest(calc_date=moment))
    assert early.run_id != run.run_id
    assert await shown(sessions) == run.run_id
    assert (await run_of(sessions, run.run_id)).is_current
