"""Cohorts agree with an independent computation in polars, and follow the newest snapshot."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfm_common.db import AdvisoryLock, lock, run_sql
from rfm_common.erasure import erase_now
from rfm_common.models import RunState, ScoringRun
from rfm_common.runs import RunRequest
from scoring.runs.cohorts import keep_cohorts, refresh_cohorts
from tests.integration.scoring.shop import ShopOrder, at, caught_up, load, score
from tests.integration.scoring.shops import CALC_DATE, SHOPS, Shop, fill, oracle_orders, shop_of
from tests.integration.scoring.test_exclusion import switch
from tests.integration.scoring.test_laws import law
from tests.running import eventually
from tests.unit.scoring import oracle

ZONES = ["UTC", "Pacific/Auckland", "America/St_Johns"]
ASKED = RunRequest(calc_date=CALC_DATE)


def by_polars(shop: Shop, zone: str) -> pl.DataFrame:
    """A row for each customer and month with an order or a refund."""
    orders = oracle_orders(shop)
    base = oracle.base_currency(orders)
    rates = [(name, day, Decimal(rate)) for name, day, rate in shop.rates]
    frame = pl.DataFrame(
        {
            "customer_id": [one.customer_id for one in orders],
            "moment": [one.order_date for one in orders],
            "status": [one.status for one in orders],
            "is_order": [one.amount >= 0 for one in orders],
            "money": [oracle.in_base(one, base, rates, zone) for one in orders],
        },
        schema_overrides={"moment": pl.Datetime("us", "UTC"), "money": pl.Decimal(24, 4)},
    )
    counted = frame.filter(pl.col("status") == "completed", pl.col("moment") <= CALC_DATE)
    dated = counted.with_columns(
        month=pl.col("moment").dt.convert_time_zone(zone).dt.date().dt.month_start()
    )
    firsts = dated.filter("is_order").group_by("customer_id").agg(first_month=pl.min("month"))
    return (
        dated.join(firsts, on="customer_id")
        .with_columns(month=pl.max_horizontal("month", "first_month"))
        .group_by("customer_id", "first_month", "month")
        .agg(
            orders=pl.sum("is_order"),
            revenue=pl.sum("money"),
            left_out=pl.col("money").is_null().sum(),
        )
    )


def cells_by_polars(months: pl.DataFrame) -> dict[tuple[date, date], tuple[int, int, Decimal, int]]:
    cells = months.group_by("first_month", "month").agg(
        customers=(pl.col("orders") > 0).sum(), orders=pl.sum("orders"), revenue=pl.sum("revenue"),
        left_out=pl.sum("left_out"),
    )  # fmt: skip
    return {(row[0], row[1]): row[2:] for row in cells.iter_rows()}


async def published(sessions, base: str, zone: str) -> None:
    """A snapshot of this definition, by the run's row alone."""
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM scoring_runs")
        session.add(ScoringRun(
            state=RunState.FINISHED, trigger="api", calc_date=CALC_DATE, window_days=365,
            base_currency=base or None, is_current=True, engine="local",
            summary={"measured": {"counted_statuses": [], "timezone": zone}},
        ))  # fmt: skip


async def cells(sessions, country: str | None = None):
    async with sessions() as session:
        found = await run_sql(
            session,
            "SELECT first_month, month, customers, orders, revenue, left_out FROM cohort_cells"
            " WHERE is_total = :total AND country = :country",
            total=country is None, country=country or "",
        )  # fmt: skip
        return {(row[0], row[1]): tuple(row[2:]) for row in found.all()}


async def customers(sessions) -> dict[str, list[date]]:
    async with sessions() as session:
        found = await run_sql(session, "SELECT customer_id, first_month, months"
                                       " FROM customer_cohorts")  # fmt: skip
        rows = found.all()
        assert all(row[1] == row[2][0] for row in rows)
        return {row[0]: row[2] for row in rows}


async def check(sessions, shop: Shop, zone: str) -> None:
    await fill(sessions, shop)
    await published(sessions, oracle.base_currency(oracle_orders(shop)), zone)
    assert await refresh_cohorts(sessions)
    expected = by_polars(shop, zone)
    assert await cells(sessions) == cells_by_polars(expected)
    ordered = expected.filter(pl.col("orders") > 0).sort("customer_id", "month")
    assert await customers(sessions) == {
        one[0]: rows["month"].to_list() for one, rows in ordered.group_by("customer_id")
    }
    assert await cells(sessions, "") == await cells(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "DELETE FROM cohort_state")


@law
@given(shop=SHOPS, zone=st.sampled_from(ZONES))
async def test_cohorts_agree_with_polars(sessions, shop: Shop, zone: str) -> None:
    await check(sessions, shop, zone)


@pytest.mark.parametrize(("seed", "zone"), [(1, ZONES[0]), (2, ZONES[1]), (3, ZONES[2])])
async def test_a_shop_with_everything_that_goes_wrong_agrees(sessions, seed, zone) -> None:
    shop = shop_of(seed, size=200)
    await check(sessions, shop, zone)
    assert by_polars(shop, zone)["left_out"].sum() > 0


def order(number: int, customer: str, day: str, amount: int = 10) -> ShopOrder:
    return ShopOrder(f"{customer}-{number}", customer, at(day), Decimal(amount))


SMALL = [
    order(1, "ana", "2026-01-31 23:30"), order(2, "ana", "2026-03-01", 30),
    order(1, "bob", "2026-01-05"), order(2, "bob", "2026-02-02", -4),
    order(0, "eve", "2026-01-02", -3), order(1, "eve", "2026-02-10"),
    order(1, "joe", "2026-01-09", -1),
]  # fmt: skip
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


async def loaded(sessions, orders) -> None:
    """No run is made but those that are asked for."""
    await load(sessions, orders)
    await caught_up(sessions)


async def test_months_are_the_shops_and_a_refund_is_no_order(settings, sessions, redis) -> None:
    """The first order of ana lies in February in Berlin; who was only refunded has no cohort."""
    await loaded(sessions, SMALL)
    await score(settings.model_copy(update={"timezone": "Europe/Berlin"}), sessions, redis, ASKED)
    assert await refresh_cohorts(sessions)
    assert await customers(sessions) == {
        "ana": [FEBRUARY, MARCH], "bob": [JANUARY], "eve": [FEBRUARY]}  # fmt: skip
    assert await cells(sessions) == {
        (JANUARY, JANUARY): (1, 1, 10, 0), (JANUARY, FEBRUARY): (0, 0, -4, 0),
        (FEBRUARY, FEBRUARY): (2, 2, 17, 0), (FEBRUARY, MARCH): (1, 1, 30, 0),
    }  # fmt: skip


async def state(sessions):
    async with sessions() as session:
        found = await run_sql(session, "SELECT * FROM cohort_state")
        return dict(found.mappings().one())


async def test_they_follow_the_newest_snapshot(settings, sessions, redis) -> None:
    await loaded(sessions, SMALL)
    first = await score(settings, sessions, redis, ASKED)
    assert await refresh_cohorts(sessions)
    assert not await refresh_cohorts(sessions)
    before = await state(sessions)
    assert (before["run_id"], before["last_month"], before["is_last_over"]) == (
        first.run_id, MARCH, False)  # fmt: skip
    await switch(sessions, "bob", excluded=True)
    await loaded(sessions, [order(9, "new", "2026-03-02")])
    ends = replace(ASKED, calc_date=at("2026-03-31") + timedelta(days=1, microseconds=-1))
    second = await score(settings, sessions, redis, ends)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE cohort_state SET seconds = 0")
    assert await refresh_cohorts(sessions)
    assert (await customers(sessions)).keys() == {"ana", "eve", "new"}
    after = await state(sessions)
    assert (after["run_id"], after["is_last_over"]) == (second.run_id, True)


async def test_of_long_computations_there_is_a_rest(settings, sessions, redis) -> None:
    await loaded(sessions, SMALL)
    await score(settings, sessions, redis, ASKED)
    assert await refresh_cohorts(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE cohort_state SET seconds = 100")
    await score(settings, sessions, redis, ASKED)
    assert not await refresh_cohorts(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE cohort_state SET computed_at = now() - interval '1001 s'")
    assert await refresh_cohorts(sessions)


async def test_a_clock_that_ran_ahead_stops_nothing(settings, sessions, redis) -> None:
    await loaded(sessions, SMALL)
    await score(settings, sessions, redis, ASKED)
    assert await refresh_cohorts(sessions)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE cohort_state SET computed_at = now() + interval '1 year'")
    await score(settings, sessions, redis, ASKED)
    assert await refresh_cohorts(sessions)


async def test_whoever_stops_half_way_leaves_the_cohorts_before(settings, sessions, redis) -> None:
    """Months are counted, and the cells cannot be written yet: then the worker is stopped."""
    await loaded(sessions, SMALL)
    await score(settings, sessions, redis, ASKED)
    assert await refresh_cohorts(sessions)
    before = await customers(sessions), await cells(sessions), await state(sessions)
    await loaded(sessions, [order(9, "new", "2026-03-02")])
    await score(settings, sessions, redis, ASKED)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE cohort_state SET seconds = 0")
    before[2]["seconds"] = 0
    async with sessions() as other, other.begin():
        await run_sql(other, "LOCK TABLE cohort_cells IN SHARE MODE")
        working = asyncio.create_task(refresh_cohorts(sessions))
        await eventually(lambda: is_waiting(sessions), what="a statement that waits")
        working.cancel()
        await asyncio.wait([working])
    assert (await customers(sessions), await cells(sessions), await state(sessions)) == before
    assert await refresh_cohorts(sessions)
    assert "new" in await customers(sessions)


async def is_waiting(sessions) -> bool:
    async with sessions() as session:
        query = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
        return bool((await run_sql(session, query)).scalar())


async def test_a_worker_keeps_them_beside_its_runs(settings, sessions, redis) -> None:
    kept = asyncio.create_task(keep_cohorts(sessions))
    await loaded(sessions, SMALL)
    await score(settings, sessions, redis, ASKED)

    async def are_there() -> bool:
        return len(await customers(sessions)) == 3

    await eventually(are_there, what="cohorts")
    kept.cancel()
    await asyncio.wait([kept])
    assert kept.cancelled()


async def test_nobody_computes_them_twice_at_once(settings, sessions, redis) -> None:
    await loaded(sessions, SMALL)
    assert not await refresh_cohorts(sessions)  # no snapshot yet
    await score(settings, sessions, redis, ASKED)
    async with sessions() as session, session.begin():
        await lock(session, AdvisoryLock.COHORTS)
        assert not await refresh_cohorts(sessions)
    assert await refresh_cohorts(sessions)


async def test_rows_that_stay_are_not_written_again(settings, sessions, redis) -> None:
    await loaded(sessions, SMALL)
    await score(settings, sessions, redis, ASKED)
    assert await refresh_cohorts(sessions)

    async def places():
        async with sessions() as session:
            found = await run_sql(session, "SELECT customer_id, xmin::text FROM customer_cohorts")
            return {row["customer_id"]: row["xmin"] for row in found.mappings()}

    before = await places()
    await loaded(sessions, [order(9, "bob", "2026-03-20")])
    await score(settings, sessions, redis, ASKED)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE cohort_state SET seconds = 0")
    assert await refresh_cohorts(sessions)
    after = await places()
    assert {one for one in before if before[one] != after[one]} == {"bob"}


async def test_an_erased_customer_is_gone_at_once(settings, sessions, redis) -> None:
    await loaded(sessions, SMALL)
    await score(settings, sessions, redis, ASKED)
    assert await refresh_cohorts(sessions)
    await erase_now(sessions, settings, "ana", "local")
    assert (await customers(sessions)).keys() == {"bob", "eve"}
