"""Customers who are kept out of scores are in nothing that the next run publishes."""

import json

import pytest

from rfm_common.db import run_sql
from rfm_common.errors import NotFoundError
from rfm_common.exclusion import set_excluded
from rfm_common.models import Customer
from tests.integration.scoring.shop import ShopOrder, load, score, snapshot
from tests.integration.scoring.test_quiet import ASKED, orders_of, quiet, small_ones


async def switch(sessions, customer_id: str, *, excluded: bool) -> None:
    async with sessions() as session, session.begin():
        await set_excluded(session, customer_id, "local", excluded=excluded)


async def audited(sessions) -> list[str]:
    async with sessions() as session:
        found = await run_sql(session, "SELECT action FROM audit_log ORDER BY audit_id")
        return list(found.scalars())


async def test_excluded_customers_are_in_no_snapshot_until_included(
    settings, sessions, redis
) -> None:
    orders: list[ShopOrder] = [*small_ones(), *orders_of("whale", 80, 100, 160, amount="900")]
    await load(sessions, orders, customers=["never"])
    await score(settings, sessions, redis, ASKED)
    for one in ("whale", "small-3", "never"):
        await switch(sessions, one, excluded=True)
    run = await score(settings, sessions, redis, ASKED)
    rows = await snapshot(sessions, run.calc_date)
    assert len(rows) == run.customers_processed == 39
    assert not rows.keys() & {"whale", "small-3", "never"}
    assert await quiet(sessions, run) == {}

    await switch(sessions, "whale", excluded=False)
    run = await score(settings, sessions, redis, ASKED)
    assert "whale" in await snapshot(sessions, run.calc_date)
    assert "whale" in await quiet(sessions, run)


async def test_a_file_does_not_bring_an_excluded_customer_back(settings, sessions, redis) -> None:
    await load(sessions, small_ones())
    await switch(sessions, "small-3", excluded=True)
    await score(settings, sessions, redis, ASKED)
    await load(sessions, orders_of("small-3", 4))
    run = await score(settings, sessions, redis, ASKED)
    assert "small-3" not in await snapshot(sessions, run.calc_date)


async def test_a_joined_address_is_not_scored_by_itself(settings, sessions, redis) -> None:
    await load(sessions, small_ones(), customers=["small@ex.test"])
    await score(settings, sessions, redis, ASKED)
    async with sessions() as session, session.begin():
        await run_sql(session, "UPDATE customers SET joined_to = 'small-3' WHERE customer_id ~ '@'")
    await load(sessions, orders_of("small-3", 4))
    async with sessions() as session, session.begin():
        await run_sql(session, """
            UPDATE imports SET effects = '{"joined_anew": 1}' WHERE import_id = 2
            """)  # fmt: skip
    run = await score(settings, sessions, redis, ASKED)
    assert "small@ex.test" not in await snapshot(sessions, run.calc_date)


async def test_it_is_audited_once_and_counts_the_data_up(settings, sessions) -> None:
    await load(sessions, customers=["7"])
    for _ in range(2):
        await switch(sessions, " 7.0 ", excluded=True)
    async with sessions() as session:
        since = (await session.get_one(Customer, "7")).excluded_at
    await switch(sessions, "7", excluded=False)
    assert await audited(sessions) == ["customer.exclude", "customer.include"]
    async with sessions() as session:
        told = await run_sql(session, "SELECT DISTINCT subject, detail::text FROM audit_log")
        assert [tuple(row) for row in told] == [(None, json.dumps({"excluded_at": str(since)}))]
        version = await run_sql(session, "SELECT data_version FROM data_state")
        assert version.scalar_one() == 3
    with pytest.raises(NotFoundError, match="nobody"):
        await switch(sessions, "nobody", excluded=True)
