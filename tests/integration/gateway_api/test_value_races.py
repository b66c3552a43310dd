"""Lists are read whole while figures are attached to a snapshot, or another one replaces it."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import httpx
import pytest
from litestar.exceptions import LitestarException

from gateway.customers.filters import CustomerFilter
from gateway.customers.lists import Window, list_customers
from gateway.kit.dependencies import readers
from gateway.kit.outlook import FIGURES
from gateway.kit.quick import Recent
from gateway.kit.snapshots import find_snapshot, hold
from rfm_common.db import run_sql
from rfm_common.errors import ConflictError
from scoring.runs.forecasts import forecast_next
from tests.shop import score

ROUNDS = 3
"""Times that a snapshot is replaced and its figures are attached."""
LISTS = ("/customers?page_size=200", "/customers?page_size=200&sort=-expected_revenue_90",
         "/segments/champions/customers", "/segments/champions/customers?sort=overdue",
         "/customers?min_buys_again_90=0&page_size=200",
         "/dashboard/customers?sort=-overdue", "/dashboard/segments/champions")  # fmt: skip
EXPORTS = ("/export/segments/all", "/export/segments/champions")
"""Of these a minute has only so many."""


@pytest.fixture
def reading(sessions):
    """Sessions like those of the gateway: each sees one moment."""
    return readers(sessions, Recent())


def check(path: str, answer: httpx.Response) -> bool:
    """Everybody has figures in the answer, or nobody; whether they have."""
    if answer.status_code == 409:
        assert "not computed yet" in answer.text
        return False
    assert answer.status_code == 200, f"{path}: {answer.text}"
    if path.startswith("/dashboard"):
        return "being computed" not in answer.text
    if path.startswith("/export"):
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        says_so = answer.headers["x-outlook"] == "ready"
    else:
        rows, says_so = answer.json()["customers"], answer.json()["has_outlook"]
        assert len(rows) == answer.json()["total"] or "min_" in path
    assert len(rows) > 20
    for row in rows:
        figures = {row[name] not in ("", None) for name in FIGURES if name.startswith("expected")}
        assert figures == {says_so and int(row["frequency"]) > 0} or not int(row["frequency"])
    return says_so


async def test_lists_are_whole_while_figures_come_and_snapshots_go(
    client, shop, settings, sessions
) -> None:
    seen: dict[str, set[bool]] = {path: set() for path in (*LISTS, *EXPORTS)}
    ended = asyncio.Event()

    async def read(paths: Sequence[str]) -> None:
        """One after the other, so that a swap finds its moment."""
        while not ended.is_set():
            for path in paths:
                with suppress(LitestarException):  # of an export whose snapshot went: broken off
                    seen[path].add(check(path, await client.get(path)))

    async def change() -> None:
        for _ in range(ROUNDS):
            assert await forecast_next(settings, sessions)
            await score(sessions)
        ended.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(change())
        group.create_task(read(LISTS + EXPORTS))
        group.create_task(read(LISTS[::-1]))
    assert set().union(*seen.values()) == {False, True}
    assert all(seen.values())


async def test_a_list_that_has_begun_sees_no_figures_that_come(
    shop, settings, sessions, reading
) -> None:
    async with reading() as session:
        snapshot = await find_snapshot(session, settings)
        assert await forecast_next(settings, sessions)
        found = await list_customers(session, snapshot, CustomerFilter(), Window())
        assert {getattr(row, name) for row in found.customers for name in FIGURES} == {None}
        with pytest.raises(ConflictError, match="not computed yet"):
            await list_customers(session, snapshot, CustomerFilter(), Window("-overdue"))
    async with reading() as session:
        assert (await find_snapshot(session, settings)).has_outlook


async def test_figures_that_are_read_cannot_be_taken_away(
    shop, settings, sessions, reading
) -> None:
    assert await forecast_next(settings, sessions)
    async with reading() as session:
        snapshot = await find_snapshot(session, settings)
        replacing = asyncio.create_task(score(sessions))
        async for _ in waiting(sessions):
            pass
        window = Window("-expected_revenue_90")
        found = await list_customers(session, snapshot, CustomerFilter(), window)
        assert found.total == 120
    assert await replacing > shop


async def waiting(sessions) -> AsyncGenerator[None]:
    """Until somebody waits for a lock."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while True:
        async with sessions() as session:
            if (await run_sql(session, query)).scalar():
                return
        yield


async def test_a_snapshot_whose_figures_went_with_it_is_looked_up_again(
    shop, settings, sessions, reading
) -> None:
    assert await forecast_next(settings, sessions)
    async with reading() as session:
        before = await find_snapshot(session, settings)
    await score(sessions)
    async with reading() as session:
        assert not await hold(session, before)
        await session.rollback()
        after = await find_snapshot(session, settings)
        assert (after.run_id > before.run_id, after.has_outlook) == (True, False)
