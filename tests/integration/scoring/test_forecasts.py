"""Figures of what customers will buy: made after publication, whole or not at all."""

import asyncio
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from rfm_common.db import Sessions, run_sql
from rfm_common.erasure import erase_now, finish_erasure
from rfm_common.exclusion import set_excluded
from rfm_common.models import Erasure, ScoringRun
from rfm_common.runs import RunRequest, queue_run
from rfm_common.snapshots import VALUES, delete_snapshot
from scoring.runs import forecasts
from scoring.value import Purchases, ValueModel, forecast
from tests.integration.scoring.shop import ShopOrder, at, caught_up, load, run_of
from tests.integration.scoring.shop import score as run_now

TODAY = at("2026-06-30 22:00")
ASKED = RunRequest(calc_date=TODAY, window_days=90, k=2)


def orders_of(customer: str, *days_ago: float, amount: str = "100", **rest: Any) -> list[ShopOrder]:
    return [
        ShopOrder(f"{customer}-{ago}-{amount}", customer, TODAY - timedelta(days=ago),
                  Decimal(amount), **rest)
        for ago in days_ago
    ]  # fmt: skip


def shop() -> list[ShopOrder]:
    """Forty customers, a third of whom came back."""
    back = [one for n in range(0, 40, 3) for one in orders_of(f"c{n:02d}", n + 30)]
    return [one for n in range(40) for one in orders_of(f"c{n:02d}", n + 1)] + back


async def score(settings, sessions, redis, asked: RunRequest = ASKED) -> ScoringRun:
    """One run, and none that data asks for."""
    await caught_up(sessions)
    return await run_now(settings, sessions, redis, asked)


async def figures(sessions: Sessions, calc_date: datetime | None = TODAY) -> dict[str, Any]:
    async with sessions() as session:
        query = f"SELECT * FROM {VALUES} WHERE calc_date = :moment"
        found = (await run_sql(session, query, moment=calc_date)).mappings()
        return {row["customer_id"]: dict(row) for row in found}


async def staged(sessions: Sessions) -> list[str]:
    """Tables that no snapshot owns."""
    async with sessions() as session:
        query = rf"SELECT relname FROM pg_class WHERE relname ~ '^{VALUES}_\d+_\d+$'"
        return list((await run_sql(session, query)).scalars().all())


async def forecast_all(settings, sessions) -> None:
    while await forecasts.forecast_next(settings, sessions):
        pass


@pytest.fixture
async def scored(settings, sessions, redis) -> ScoringRun:
    """A shop whose snapshot has no figures yet."""
    await load(sessions, shop(), customers=["never"])
    return await score(settings, sessions, redis)


async def test_everybody_in_a_snapshot_gets_figures_and_who_never_bought_empty_ones(
    settings, sessions, scored
) -> None:
    assert await figures(sessions) == {}
    assert await forecasts.forecast_next(settings, sessions)
    assert not await forecasts.forecast_next(settings, sessions)
    found = await figures(sessions)
    assert len(found) == scored.customers_processed == 41
    never = found.pop("never")
    assert set(never.values()) == {"never", TODAY, None}
    told = (await run_of(sessions, scored.run_id)).forecast
    assert told["totals"]["customers"] == 40
    for name in ("expected_revenue_90", "expected_loss_90"):
        total = sum(row[name] for row in found.values())
        assert float(told["totals"][name]) == pytest.approx(float(total))
        parts = sum(Decimal(one[name]) for one in told["clusters"])
        assert float(parts) == pytest.approx(float(total))
    assert (told["version"], told["as_of"]) == (1, str(TODAY))
    assert told["model"]["kind"] == "rates"


def pasts() -> dict[str, tuple[list[ShopOrder], tuple[float, ...]]]:
    """Orders of one customer each, and what they come to: purchase days after the first, days to
    the last one, days to now, days with money, what was spent."""

    def by(name: str, *days_ago: float, **rest: Any) -> list[ShopOrder]:
        return orders_of(name, *days_ago, **rest)

    return {
        "once": (by("once", 10), (0, 0, 10, 1, 100)),
        "one day": (by("one day", 10, 9.9), (0, 0, 10, 1, 200)),
        "long ago": (by("long ago", 10, 400), (1, 390, 400, 2, 200)),
        "midnight": (by("midnight", 10, 10.1), (1, 1, 11, 2, 200)),
        "refund": (by("refund", 10, 20) + by("refund", 5, amount="-50"), (1, 10, 20, 2, 150)),
        "nothing kept": (by("nothing kept", 10) + by("nothing kept", 5, amount="-100"),
                         (0, 0, 10, 1, 0)),
        "cancelled": (by("cancelled", 10) + by("cancelled", 3, status="cancelled"),
                      (0, 0, 10, 1, 100)),
        "dollars": (by("dollars", 10, 500, currency="USD"), (1, 491, 501, 2, 140)),
        "no rate": (by("no rate", 10) + by("no rate", 20, currency="JPY"), (1, 10, 20, 1, 100)),
        "to come": (by("to come", 10, -1), (0, 0, 10, 1, 100)),
    }  # fmt: skip


def past_of(figures: tuple[float, ...]) -> Purchases:
    frequency, recency, age, count, spent = (np.array([float(one)]) for one in figures)
    return Purchases(frequency=frequency, recency=recency, age=age, spend_count=count,
                     spend_mean=spent / count)  # fmt: skip


async def test_days_money_and_statuses_are_those_of_the_scores(settings, sessions, redis) -> None:
    """22:00 in UTC is midnight in Berlin, where the shop is; in winter, an hour before it."""
    settings = settings.model_copy(update={"timezone": "Europe/Berlin", "currency": "EUR"})
    rates = [("USD", date(2024, 1, 1), "0.5"), ("USD", date(2026, 1, 1), "0.9")]
    orders = [one for mine, _ in pasts().values() for one in mine]
    await load(sessions, [*shop(), *orders], rates=rates)
    run = await score(settings, sessions, redis)
    await forecast_all(settings, sessions)
    model = ValueModel.stored((await run_of(sessions, run.run_id)).forecast["model"])
    shown = await figures(sessions)
    for name, (_, known) in pasts().items():
        expected, found = forecast(model, past_of(known), settings.discount), shown[name]
        for figure in ("expected_orders_30", "expected_revenue_90", "expected_revenue_365"):
            assert float(found[figure]) == pytest.approx(getattr(expected, figure)[0], abs=1e-4), (
                name
            )
        assert 0 <= found["revenue_90_low"] <= found["revenue_90_high"]


async def test_a_model_stays_for_the_day_and_until_it_expects_something_else(
    settings, sessions, redis, scored
) -> None:
    await forecast_all(settings, sessions)
    again = await score(settings, sessions, redis)
    next_day = await score(
        settings, sessions, redis, RunRequest(calc_date=TODAY + timedelta(days=1), window_days=90)
    )
    await load(sessions, [one for n in range(40) for one in orders_of(f"c{n:02d}", -1.5, -2, -3)])
    later = await score(
        settings, sessions, redis, RunRequest(calc_date=TODAY + timedelta(days=4), window_days=90)
    )
    await forecast_all(settings, sessions)
    told = [(await run_of(sessions, run.run_id)).forecast for run in (again, next_day, later)]
    assert "once a day" in told[0]["reason"]
    assert "the model stays" in told[1]["reason"]
    assert [one["version"] for one in told] == [1, 1, 2]
    assert told[0]["model"] == told[1]["model"] != told[2]["model"]


async def test_a_snapshot_of_the_past_gets_a_model_of_its_time(
    settings, sessions, redis, scored
) -> None:
    await forecast_all(settings, sessions)
    earlier = await score(
        settings, sessions, redis, RunRequest(calc_date=TODAY - timedelta(days=20), window_days=90)
    )
    await forecast_all(settings, sessions)
    told = (await run_of(sessions, earlier.run_id)).forecast
    assert told["as_of"] == str(TODAY - timedelta(days=20))
    assert set(await figures(sessions, earlier.calc_date)) == {f"c{n:02d}" for n in range(40)} | {
        "never"
    }


async def test_figures_go_with_their_snapshot(settings, sessions, redis, scored) -> None:
    await forecast_all(settings, sessions)
    again = await score(settings, sessions, redis)
    assert await figures(sessions) == {}
    await forecast_all(settings, sessions)
    assert await figures(sessions)
    async with sessions() as session, session.begin():
        await delete_snapshot(session, again.run_id, "test")
    assert await figures(sessions) == {}
    assert not await forecasts.forecast_next(settings, sessions)


async def test_nothing_begins_while_a_run_waits(settings, sessions, redis, scored) -> None:
    async with sessions() as session, session.begin():
        await queue_run(session, settings, ASKED, "api")
    assert not await forecasts.forecast_next(settings, sessions)


async def test_a_snapshot_that_was_replaced_meanwhile_gets_none(
    settings, sessions, redis, scored, monkeypatch
) -> None:
    shown = forecasts._show

    async def replaced(*arguments: Any) -> None:
        monkeypatch.setattr(forecasts, "_show", shown)
        await score(settings, sessions, redis)
        await shown(*arguments)

    monkeypatch.setattr(forecasts, "_show", replaced)
    with pytest.raises(forecasts.SupersededError):
        await forecasts.forecast_next(settings, sessions)
    assert await figures(sessions) == {}
    await forecast_all(settings, sessions)
    assert len(await figures(sessions)) == 41
    assert await staged(sessions) == []


@pytest.mark.parametrize("is_finished", [False, True])
async def test_who_is_erased_meanwhile_does_not_come_back(
    settings, sessions, scored, monkeypatch, is_finished
) -> None:
    shown = forecasts._show

    async def erased(*arguments: Any) -> None:
        monkeypatch.setattr(forecasts, "_show", shown)
        request = await erase_now(sessions, settings, "c01", "test")
        if is_finished:
            async with sessions() as session, session.begin():
                await finish_erasure(
                    session, await session.get_one(Erasure, request.erasure_id), {}
                )
        await shown(*arguments)

    monkeypatch.setattr(forecasts, "_show", erased)
    try:
        await forecasts.forecast_next(settings, sessions)
    except forecasts.SupersededError:
        await forecast_all(settings, sessions)
    found = await figures(sessions)
    assert len(found) == 40
    assert "c01" not in found


async def test_an_erased_customer_has_no_figures_any_more(settings, sessions, scored) -> None:
    await forecast_all(settings, sessions)
    await erase_now(sessions, settings, "c01", "test")
    assert "c01" not in await figures(sessions)


async def test_an_excluded_customer_has_none_after_the_next_run(
    settings, sessions, redis, scored
) -> None:
    async with sessions() as session, session.begin():
        await set_excluded(session, "c01", "test", excluded=True)
    await score(settings, sessions, redis)
    await forecast_all(settings, sessions)
    assert "c01" not in await figures(sessions)


async def test_two_workers_do_it_once(settings, sessions, scored) -> None:
    done = await asyncio.gather(*(forecasts.forecast_next(settings, sessions) for _ in range(2)))
    assert sorted(done) == [False, True]


async def test_a_shop_without_orders_gets_empty_figures(settings, sessions, redis) -> None:
    await load(sessions, customers=["a", "b"])
    run = await score(settings, sessions, redis)
    await forecast_all(settings, sessions)
    assert len(await figures(sessions)) == 2
    told = (await run_of(sessions, run.run_id)).forecast
    assert told["totals"]["customers"] == 0


async def test_a_shop_without_customers_gets_none(settings, sessions, redis) -> None:
    await score(settings, sessions, redis)
    await forecast_all(settings, sessions)
    assert await figures(sessions) == {}
