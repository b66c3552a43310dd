"""The shop's own past, cut and judged: by the definitions of the scores, beside the runs."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from rfm_common.db import Sessions, run_sql
from rfm_common.runs import RunRequest, queue_run
from scoring.runs import judging
from tests.integration.scoring.shop import ShopOrder, at, load
from tests.integration.scoring.test_forecasts import forecast_all, score
from tests.unit.scoring.value.simulation import AFTER, CUT, Orders, simulated_orders

END = at("2026-06-30 23:59:59.999999")
"""The end of a day in UTC, so that this day is over."""
ASKED = RunRequest(calc_date=END, window_days=365, k=2)


def placed(customer: str, *days_ago: float, amount: str = "100", **rest: Any) -> list[ShopOrder]:
    """At noon of the shop's day so many days before the last one."""
    noon = END - timedelta(hours=12)
    return [
        ShopOrder(f"{customer}-{ago}-{amount}-{rest}", customer, noon - timedelta(days=ago),
                  Decimal(amount), **rest)
        for ago in days_ago
    ]  # fmt: skip


async def judge_all(settings, sessions) -> dict[int, dict[str, Any]]:
    await forecast_all(settings, sessions)
    while await judging.judge_next(sessions):
        pass
    return await judgements(sessions)


async def judgements(sessions: Sessions) -> dict[int, dict[str, Any]]:
    async with sessions() as session:
        found = await run_sql(session, "SELECT * FROM value_judgements")
        return {row["days"]: dict(row) for row in found.mappings()}


async def judged_shop(
    settings, sessions, redis, orders: list[ShopOrder], **rest: Any
) -> dict[int, dict[str, Any]]:
    await load(sessions, orders, **rest)
    await score(settings, sessions, redis, ASKED)
    return {days: row["judgement"] for days, row in (await judge_all(settings, sessions)).items()}


def simulated(seed: int, customers: int) -> tuple[list[ShopOrder], Orders]:
    """A shop whose truth is known; its last day is that of END."""
    orders = simulated_orders("mbgnbd", seed, customers)
    noon = END - timedelta(hours=12, days=CUT + AFTER)
    rows = zip(orders.customer, orders.day, orders.amount, strict=True)
    return [
        ShopOrder(f"o{n}", f"c{who:05d}", noon + timedelta(days=int(day)), Decimal(f"{paid:.2f}"))
        for n, (who, day, paid) in enumerate(rows)
    ], orders


async def test_a_simulated_shop_is_judged_as_it_really_was(settings, sessions, redis) -> None:
    rows, orders = simulated(5, 1500)
    found = await judged_shop(settings, sessions, redis, rows)
    assert sorted(found) == [30, 90, 180]
    for days, judgement in found.items():
        cut = CUT + AFTER - days
        was_there = orders.between(-1, cut).count() > 0
        after = orders.between(cut, CUT + AFTER)
        trust = judgement["trust"]
        assert trust["customers"] == was_there.sum()
        assert trust["actual_orders"] == after.count()[was_there].sum()
        assert trust["actual_revenue"] == pytest.approx(after.money()[was_there].sum(), abs=10)
        assert trust["bought_again"] == (after.count()[was_there] > 0).sum()
        weeks = np.array(judgement["weeks"])
        first_week = orders.between(cut, cut + 7).count()[was_there].sum()
        assert (len(weeks), weeks[0, 1]) == (days // 7, first_week)
        assert (
            weeks[:, 1].sum() == after.between(cut, cut + len(weeks) * 7).count()[was_there].sum()
        )
    assert abs(found[90]["trust"]["error"]) < 0.1
    assert len(found[90]["trust"]["groups"]) == 10
    assert (found[90]["known_until"], found[90]["came_until"]) == ("2026-04-01", "2026-06-30")


async def test_a_judgement_is_the_same_again(settings, sessions, redis) -> None:
    rows, _ = simulated(6, 300)
    first = await judged_shop(settings, sessions, redis, rows)
    async with sessions() as session, session.begin():
        await run_sql(session, "TRUNCATE value_judgements")
    again = {days: row["judgement"] for days, row in (await judge_all(settings, sessions)).items()}
    assert again == first


async def test_what_counts_is_what_counts_in_the_scores(settings, sessions, redis) -> None:
    """Midnight in Berlin is 22:00 in UTC; the cut of 30 days lies at the end of 31 May there."""
    settings = settings.model_copy(update={"timezone": "Europe/Berlin", "currency": "EUR"})
    cut = at("2026-05-31 22:00")
    moments = {"before": cut - timedelta(microseconds=1), "after": cut}

    def order(name: str, moment: datetime, amount: str = "100", **rest: Any) -> ShopOrder:
        return ShopOrder(f"{name}-{moment}-{amount}", name, moment, Decimal(amount), **rest)

    known = [
        one for name in ("last moment", "refund", "twice a day", "cancelled", "dollars", "no rate")
        for one in placed(name, 100)
    ]  # fmt: skip
    orders = [
        *known,
        order("known at the last moment", moments["before"]),
        order("came too late", moments["after"]),
        order("last moment", moments["before"]), order("last moment", moments["after"]),
        order("refund", cut + timedelta(days=5), "-40"),
        order("twice a day", cut + timedelta(days=3)),
        order("twice a day", cut + timedelta(days=3, hours=5), "20"),
        order("cancelled", cut + timedelta(days=3), status="cancelled"),
        order("dollars", cut + timedelta(days=9), currency="USD"),
        order("no rate", cut + timedelta(days=9), currency="JPY"),
    ]  # fmt: skip
    rates = [("USD", at("2026-06-01").date(), "0.5")]
    asked = at("2026-06-30 21:59:59.999999")
    await load(sessions, orders, rates=rates)
    await score(settings, sessions, redis, RunRequest(calc_date=asked, window_days=365, k=2))
    judgement = (await judge_all(settings, sessions))[30]["judgement"]
    trust = judgement["trust"]
    assert (judgement["known_until"], judgement["came_until"]) == ("2026-05-31", "2026-06-30")
    assert trust["customers"] == 7  # all but the one who came too late
    assert trust["actual_orders"] == 4  # last moment, twice a day, dollars, no rate
    assert trust["actual_revenue"] == pytest.approx(100 - 40 + 120 + 50)
    assert trust["bought_again"] == 4
    assert [came for _, came in judgement["weeks"]] == [2, 2, 0, 0]


async def test_a_day_that_goes_on_is_not_judged(settings, sessions, redis) -> None:
    await load(sessions, [one for n in range(20) for one in placed(f"c{n}", n, n + 100)])
    noon = END - timedelta(hours=12)
    await score(settings, sessions, redis, RunRequest(calc_date=noon, window_days=365, k=2))
    found = (await judge_all(settings, sessions))[90]["judgement"]
    assert (found["known_until"], found["came_until"]) == ("2026-03-31", "2026-06-29")
    assert found["trust"]["actual_orders"] == 19


@pytest.mark.parametrize(
    ("orders", "first"),
    [
        ([], None),
        (placed("a", 20), "2026-06-10"),
        (placed("a", 3) + placed("b", 28, amount="-5"), "2026-06-27"),
        (placed("a", 3, status="cancelled"), None),
    ],
)
async def test_without_a_past_it_says_from_when_on_there_is_one(
    settings, sessions, redis, orders, first
) -> None:
    found = await judged_shop(settings, sessions, redis, orders, customers=["never"])
    assert {one["first_day"] for one in found.values()} == {first}
    assert {one["trust"] for one in found.values()} == {None}


async def test_a_shop_without_customers_has_nothing_to_judge(settings, sessions, redis) -> None:
    found = await judged_shop(settings, sessions, redis, [])
    assert sorted(found) == [30, 90, 180]
    assert {(one["first_day"], one["trust"]) for one in found.values()} == {(None, None)}


SMALL = {
    "one order": placed("a", 100),
    "one customer, twenty orders": placed("a", *range(60, 160, 5)),
    "all refunded": [one for n in range(20) for one in
                     placed(f"c{n}", 200, 20) + placed(f"c{n}", 10, amount="-200")],
    "all refunded before": [one for n in range(20) for one in
                            placed(f"c{n}", 200) + placed(f"c{n}", 195, amount="-100")],
    "twenty customers": [one for n in range(20) for one in placed(f"c{n}", n + 100, 2 * n)],
    "nothing paid": [one for n in range(20) for one in placed(f"c{n}", 200, n, amount="0")],
    "without rates": [one for n in range(20) for one in
                      placed(f"c{n}", 200, n, currency="JPY")],
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
async def test_odd_shops_are_judged_without_an_error(settings, sessions, redis, name) -> None:
    settings = settings.model_copy(update={"currency": "EUR"})
    found = await judged_shop(settings, sessions, redis, SMALL[name])
    trust = found[90]["trust"]
    assert trust["sentences"][0].startswith("Too few customers bought in these 90 days")
    assert trust["best"] == "revenue"
    assert all(np.isfinite(found[90]["weeks"]).ravel())


async def test_once_a_day_and_model_or_when_the_data_is_clearly_another(
    settings, sessions, redis
) -> None:
    orders = [one for n in range(200) for one in placed(f"c{n:03d}", *range(n, 400, 30 + n % 60))]
    await judged_shop(settings, sessions, redis, orders)

    async def next_is_due(asked: RunRequest = ASKED) -> bool:
        await score(settings, sessions, redis, asked)
        await forecast_all(settings, sessions)
        return await judging.judge_next(sessions)

    assert not await next_is_due()
    await load(sessions, placed("e", 250))
    assert not await next_is_due()
    await load(sessions, [one for n in range(40) for one in placed(f"d{n:03d}", 100)])
    assert await next_is_due()
    await judge_all(settings, sessions)
    assert await next_is_due(RunRequest(calc_date=END + timedelta(days=1), window_days=365, k=2))
    await judge_all(settings, sessions)
    assert not await next_is_due(
        RunRequest(calc_date=END - timedelta(days=9), window_days=365, k=2)
    ), "a snapshot of the past is no reason"


async def test_nothing_begins_before_figures_nor_while_a_run_waits(
    settings, sessions, redis
) -> None:
    await load(sessions, placed("a", 100))
    await score(settings, sessions, redis, ASKED)
    assert not await judging.judge_next(sessions)
    await forecast_all(settings, sessions)
    async with sessions() as session, session.begin():
        await queue_run(session, settings, ASKED, "api")
    assert not await judging.judge_next(sessions)


async def test_two_workers_do_it_once_and_tell_of_it(settings, sessions, redis) -> None:
    await load(sessions, placed("a", 100))
    run = await score(settings, sessions, redis, ASKED)
    await forecast_all(settings, sessions)
    done = await asyncio.gather(*(judging.judge_next(sessions) for _ in range(2)))
    assert sorted(done) == [False, True]
    async with sessions() as session:
        told = "SELECT data FROM outbox WHERE type = 'forecast.judged'"
        assert (await run_sql(session, told)).scalars().all() == [
            {"run_id": run.run_id, "days": 90}
        ]


async def test_a_run_may_replace_the_snapshot_meanwhile(
    settings, sessions, redis, monkeypatch
) -> None:
    await load(sessions, placed("a", 100))
    await score(settings, sessions, redis, ASKED)
    await forecast_all(settings, sessions)
    read = judging._read

    async def replaced(*arguments: Any) -> Any:
        await score(settings, sessions, redis, ASKED)
        return await read(*arguments)

    monkeypatch.setattr(judging, "_read", replaced)
    assert await judging.judge_next(sessions)
