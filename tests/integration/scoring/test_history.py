"""A new shop's past is filled in by itself, once and only where it is worth it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rfm_common.db import run_sql
from scoring.runs.history import queue_past
from tests.integration.scoring.shop import ShopOrder, load, runs, score

TODAY = datetime.now(UTC)


def orders_over(days: int) -> list[ShopOrder]:
    return [ShopOrder(f"O{n}", f"C{n % 20}", TODAY - timedelta(days=days * n // 99), Decimal(n + 1))
            for n in range(100)]  # fmt: skip


async def settled(sessions, settings) -> bool:
    """Ask some seconds after the last change."""
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE data_state SET changed_at = now() - interval '1 minute'")
        return await queue_past(session, settings)


async def past(sessions) -> list[str]:
    return [run.parameters["calc_date"][:7] for run in await runs(sessions)
            if run.trigger == "backfill"]  # fmt: skip


async def first_scores(settings, sessions, redis, days: int) -> None:
    await load(sessions, orders_over(days))
    await score(settings, sessions, redis)


async def test_the_months_of_a_new_shop_are_queued_once(settings, sessions, redis) -> None:
    await first_scores(settings, sessions, redis, 200)
    assert await settled(sessions, settings)
    assert 6 <= len(await past(sessions)) <= 7
    assert not await settled(sessions, settings)
    await score(settings, sessions, redis)  # with those, they are carried out
    assert not await settled(sessions, settings)


@pytest.mark.parametrize("days", [0, 30, 80])
async def test_a_young_shop_has_no_past(settings, sessions, redis, days: int) -> None:
    await first_scores(settings, sessions, redis, days)
    assert not await settled(sessions, settings)


async def test_none_while_data_comes(settings, sessions, redis) -> None:
    await first_scores(settings, sessions, redis, 200)
    async with sessions() as session, session.begin():
        assert not await queue_past(session, settings)
    await load(sessions, [replace(orders_over(1)[0], order_id="late")])
    assert not await settled(sessions, settings)


async def test_none_when_the_setting_says_so(settings, sessions, redis) -> None:
    await first_scores(settings, sessions, redis, 200)
    assert not await settled(sessions, settings.model_copy(update={"history_months": 0}))


async def test_months_that_were_removed_do_not_come_back(settings, sessions, redis) -> None:
    await first_scores(settings, sessions, redis, 200)
    assert await settled(sessions, settings)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE scoring_runs SET state = 'cancelled'"
                               " WHERE trigger = 'backfill'")  # fmt: skip
    assert not await settled(sessions, settings)
